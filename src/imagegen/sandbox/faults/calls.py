"""Faults of the queue's calls: submit, status, stream, result, cancel."""

from typing import Annotated, Literal, TypeAlias

from pydantic import Base64Bytes, Field, JsonValue, NonNegativeInt

from imagegen.sandbox.faults.planned import ErrorStatus, Planned, Seconds

Read: TypeAlias = Literal["status", "stream", "result", "cancel"]
Call: TypeAlias = Literal["submit", Read]
Framing: TypeAlias = Literal["length", "chunked", "until_close", "short", "unfinished", "broken_chunks", "no_head"]
Ending: TypeAlias = Literal["close", "reset"]


class SubmitStatus(Planned):
    """The submit is answered with an error.

    Attributes:
        accepted: whether the request exists all the same.
        request_id: adds x-fal-request-id: the id of the accepted request, else a fresh one.
    """

    fault: Literal["submit_status"]
    status: ErrorStatus
    body: JsonValue = None
    headers: dict[str, str] = Field(default_factory=dict[str, str])
    accepted: bool = False
    request_id: bool = False


class SubmitGatewayError(Planned):
    """A gateway in front of fal answers the submit with an HTML page, as nginx does."""

    fault: Literal["submit_gateway_error"]
    status: Literal[408, 502, 503, 504] = 502
    accepted: bool = False


class SubmitDelay(Planned):
    """The answer to the submit is late. `accepted` says whether the request exists while the client waits."""

    fault: Literal["submit_delay"]
    seconds: Seconds
    accepted: bool = True


class SubmitDrop(Planned):
    """The connection ends before the whole answer was sent; with `before_accepting` no request exists."""

    fault: Literal["submit_drop"]
    when: Literal["before_accepting", "after_accepting", "half_body"]
    how: Ending = "close"


class ReadStatus(Planned):
    """A status, stream, result or cancel call is answered with an error by a gateway in front of fal.

    `request_id` adds x-fal-request-id, which the model's own answer to a result call has.
    """

    fault: Literal["read_status"]
    on: tuple[Read, ...]
    status: ErrorStatus
    body: JsonValue = None
    headers: dict[str, str] = Field(default_factory=dict[str, str])
    request_id: bool = False


class ReadDelay(Planned):
    """The answer to a status, stream, result or cancel call is late."""

    fault: Literal["read_delay"]
    on: tuple[Read, ...]
    seconds: Seconds


class ReadDrop(Planned):
    """The connection of such a call ends without an answer; that of a stream after `after_events` events."""

    fault: Literal["read_drop"]
    on: tuple[Read, ...]
    how: Ending = "close"
    after_events: NonNegativeInt = 0


class AnyAnswer(Planned):
    """Calls are answered with exactly this, sensible or not. The connection ends afterwards.

    Attributes:
        on: the calls.
        prompt: applies only to requests with this prompt; None: to all.
        status: any, including informational ones (1xx) and those without a body (204, 304).
        headers: sent as they are; a `content-type` and the length are added unless named here.
        body: text as it is, other values as JSON; null for no body.
        base64: other bytes in place of `body`.
        mebibytes: MiB of padding: the member `padding` of a JSON object, else spaces after the body.
        framing: how the end of the body is marked. `short` announces more bytes than are sent, `unfinished` has no
            last chunk, `broken_chunks` has a chunk without a size, `no_head` sends the body without a status line.
        keep: the share of the body, 0 to 1, that is sent if the framing breaks off.
        request_id: adds the request's `x-fal-request-id`; a fresh one if there is no request.
        accepted: a submit creates the request, and a cancel stops it, whatever the answer says.
    """

    fault: Literal["any_answer"]
    on: tuple[Call, ...]
    prompt: str | None = None
    status: Annotated[int, Field(ge=100, le=599)] = 200
    headers: dict[str, str] = Field(default_factory=dict[str, str])
    body: JsonValue = None
    base64: Base64Bytes | None = None
    mebibytes: Annotated[int, Field(ge=0, le=64)] = 0
    framing: Framing = "length"
    keep: Annotated[float, Field(ge=0, le=1)] = 0.5
    request_id: bool = False
    accepted: bool = False

    def is_for(self, call: Call, body: JsonValue) -> bool:
        """Whether the fault applies to this call on a request with this body."""
        prompt = body.get("prompt") if isinstance(body, dict) else None
        return call in self.on and (self.prompt is None or self.prompt == prompt)


class ResultExpired(Planned):
    """fal no longer has the result: 404."""

    fault: Literal["result_expired"]


class RequestForgotten(Planned):
    """The next status, stream or result call answers 404, and so do all later ones. The history omits the request."""

    fault: Literal["request_forgotten"]


class CancelIgnored(Planned):
    """The cancel of a running request is acknowledged, but the request completes."""

    fault: Literal["cancel_ignored"]
