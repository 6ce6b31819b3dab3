"""The faults that a test can plan for a key."""

from typing import Annotated, Literal, TypeAlias

from pydantic import Base64Bytes, BaseModel, ConfigDict, Field, JsonValue, NonNegativeFloat, NonNegativeInt, PositiveInt

Read: TypeAlias = Literal["status", "stream", "result", "cancel"]
Call: TypeAlias = Literal["submit", Read]
Framing: TypeAlias = Literal["length", "chunked", "until_close", "short", "unfinished", "broken_chunks", "no_head"]
Ending: TypeAlias = Literal["close", "reset"]
ErrorStatus: TypeAlias = Annotated[int, Field(ge=400, le=599)]
Seconds: TypeAlias = NonNegativeFloat


class Planned(BaseModel):
    """How often every fault strikes: `times` (None: for ever), the first time after `after` chances passed by."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    times: PositiveInt | None = None
    after: NonNegativeInt = 0


class SubmitStatus(Planned):
    """The submit is answered with an error; `accepted` makes the request exist all the same.

    `request_id` adds x-fal-request-id: the request's own if it was accepted, else a fresh one.
    """

    fault: Literal["submit_status"]
    status: ErrorStatus
    body: JsonValue = None
    headers: dict[str, str] = {}
    accepted: bool = False
    request_id: bool = False


class SubmitGatewayError(Planned):
    """A gateway before fal answers the submit with its HTML page, as nginx does."""

    fault: Literal["submit_gateway_error"]
    status: Literal[408, 502, 503, 504] = 502
    accepted: bool = False


class SubmitDelay(Planned):
    """The submit's answer comes late; `accepted` says whether the request exists while the client waits."""

    fault: Literal["submit_delay"]
    seconds: Seconds
    accepted: bool = True


class SubmitDrop(Planned):
    """The connection ends without a whole answer; after `before_accepting` no request exists."""

    fault: Literal["submit_drop"]
    when: Literal["before_accepting", "after_accepting", "half_body"]
    how: Ending = "close"


class ReadStatus(Planned):
    """A status, stream, result or cancel call is answered with an error, by something on the way to fal.

    `request_id` adds x-fal-request-id, as the model's own answer to a result call has it.
    """

    fault: Literal["read_status"]
    on: tuple[Read, ...]
    status: ErrorStatus
    body: JsonValue = None
    headers: dict[str, str] = {}
    request_id: bool = False


class ReadDelay(Planned):
    """A status, stream, result or cancel call is answered late."""

    fault: Literal["read_delay"]
    on: tuple[Read, ...]
    seconds: Seconds


class ReadDrop(Planned):
    """The connection of such a call ends without an answer; a stream's may end after some events."""

    fault: Literal["read_drop"]
    on: tuple[Read, ...]
    how: Ending = "close"
    after_events: NonNegativeInt = 0


class AnyAnswer(Planned):
    """Calls are answered with exactly this, sensible or not, and the connection ends after it.

    Attributes:
        on: the calls.
        prompt: only of requests with this prompt; None stands for all.
        status: any, also one that is no final answer (1xx) or that has no body (204, 304).
        headers: sent as they are, beside a `content-type` and the length where these name none.
        body: a text as it is, everything else as JSON; null for no body.
        base64: other bytes, in the place of `body`.
        mebibytes: of padding: the member `padding` of a JSON object, else spaces after the body.
        framing: how the body's end is told. `short` announces more bytes than come, `unfinished` has no last chunk,
            `broken_chunks` has a chunk without a size, `no_head` sends the body alone, without a status line.
        keep: the part of the body that is sent where the framing breaks off.
        request_id: adds the request's own `x-fal-request-id` (a fresh one if there is no request).
        accepted: a submit makes the request exist, and a cancel stops it, whatever the answer says.
    """

    fault: Literal["any_answer"]
    on: tuple[Call, ...]
    prompt: str | None = None
    status: Annotated[int, Field(ge=100, le=599)] = 200
    headers: dict[str, str] = {}
    body: JsonValue = None
    base64: Base64Bytes | None = None
    mebibytes: Annotated[int, Field(ge=0, le=64)] = 0
    framing: Framing = "length"
    keep: Annotated[float, Field(ge=0, le=1)] = 0.5
    request_id: bool = False
    accepted: bool = False

    def is_for(self, call: Call, body: JsonValue) -> bool:
        """Whether this call on a request with this body is one that the plan means."""
        prompt = body.get("prompt") if isinstance(body, dict) else None
        return call in self.on and (self.prompt is None or self.prompt == prompt)


class ResultExpired(Planned):
    """fal has forgotten the result."""

    fault: Literal["result_expired"]


class ModelFails(Planned):
    """The model ends with an error of fal's first family (`detail` is a list)."""

    fault: Literal["model_fails"]
    status: ErrorStatus = 422
    type: str = "content_policy_violation"
    message: str = "The content could not be processed because it contained material flagged by a content checker."
    loc: tuple[str | int, ...] = ("body", "prompt")
    ctx: dict[str, JsonValue] | None = None
    needs_retry: bool = False


class RunnerFails(Planned):
    """The request ends with an error of fal's second family (`detail` is text, with error_type)."""

    fault: Literal["runner_fails"]
    status: ErrorStatus = 500
    error_type: str = "internal_error"
    message: str = "Internal server error"


class UnreachableInputFails(Planned):
    """An input picture that cannot be had ends the request with image_load_error, as fal does."""

    fault: Literal["unreachable_input_fails"]


class CancelIgnored(Planned):
    """A cancel of a running request is acknowledged, and the request completes all the same."""

    fault: Literal["cancel_ignored"]


class Latency(Planned):
    """Seconds in the queue and seconds of generation."""

    fault: Literal["latency"] = "latency"
    queue: Seconds = 0.1
    generation: Seconds = 0.5


class MediaStatus(Planned):
    """The picture's host answers with an error."""

    fault: Literal["media_status"]
    status: ErrorStatus


class MediaDelay(Planned):
    """The picture's host answers late."""

    fault: Literal["media_delay"]
    seconds: Seconds


class MediaTruncated(Planned):
    """Only the first `keep` of the picture is sent.

    The content-length is that of the `whole` picture, of the `kept` part, or absent and the chunked body broken off.
    """

    fault: Literal["media_truncated"]
    keep: Annotated[float, Field(ge=0, lt=1)] = 0.5
    length: Literal["whole", "kept", "absent"] = "whole"


class MediaChunked(Planned):
    """The whole picture, without a content-length."""

    fault: Literal["media_chunked"]


class MediaCorrupt(Planned):
    """Other bytes than a picture's: noise, an HTML page under the picture's content type, or none at all."""

    fault: Literal["media_corrupt"]
    bytes: Literal["noise", "html", "nothing"] = "noise"


class MediaContentType(Planned):
    """The whole picture under another content type; None leaves the header out."""

    fault: Literal["media_content_type"]
    content_type: str | None


class MediaHuge(Planned):
    """The picture, still valid, grown by this many MiB; made while it is sent."""

    fault: Literal["media_huge"]
    mebibytes: Annotated[int, Field(ge=1, le=2048)]
    content_length: bool = True


class ForeignMediaHost(Planned):
    """The result's picture URLs name another host."""

    fault: Literal["foreign_media_host"]
    base_url: str = "http://media.invalid"


class RequestForgotten(Planned):
    """A request is forgotten when its status, stream or result is next asked for: 404 for ever, in no history."""

    fault: Literal["request_forgotten"]


class WebhookMissing(Planned):
    """The end of a request is not told."""

    fault: Literal["webhook_missing"]


class WebhookDoubled(Planned):
    """The end of a request is told twice."""

    fault: Literal["webhook_doubled"]


class WebhookForged(Planned):
    """The webhook is signed with a key that is not fal's, and comes instead of fal's own."""

    fault: Literal["webhook_forged"]


class WebhookLate(Planned):
    """The webhook is sent so long after the end."""

    fault: Literal["webhook_late"]
    seconds: Seconds


class WebhookBeforeAnswer(Planned):
    """The submit is answered only when the request ended and its webhook was delivered."""

    fault: Literal["webhook_before_answer"]


class HistoryUnavailable(Planned):
    """The request history is refused, as for a key without the permission."""

    fault: Literal["history_unavailable"]
    status: ErrorStatus = 403


class HistoryEmpty(Planned):
    """The request history lists nothing."""

    fault: Literal["history_empty"]


class HistoryLate(Planned):
    """The request history lists a request only so long after its submit."""

    fault: Literal["history_late"]
    seconds: Seconds


class BillableUnitsAbsent(Planned):
    """The result comes without X-Fal-Billable-Units."""

    fault: Literal["billable_units_absent"]


class NsfwFlagged(Planned):
    """The safety checker flags every picture."""

    fault: Literal["nsfw_flagged"]


class FewerPictures(Planned):
    """The result has at most this many pictures."""

    fault: Literal["fewer_pictures"]
    count: NonNegativeInt


class ResultReshaped(Planned):
    """A successful result has this body; `picture 0` in it stands for the URL of the first picture, and so on."""

    fault: Literal["result_reshaped"]
    body: JsonValue


class PricingFails(Planned):
    """The price list is answered with an error of the platform API."""

    fault: Literal["pricing_fails"]
    status: ErrorStatus = 500


class PricingDelay(Planned):
    """The price list comes late."""

    fault: Literal["pricing_delay"]
    seconds: Seconds


class PricingUnit(Planned):
    """The price list names this unit for every endpoint; None leaves it open."""

    fault: Literal["pricing_unit"]
    unit: str | None


Fault: TypeAlias = Annotated[
    SubmitStatus | SubmitGatewayError | SubmitDelay | SubmitDrop
    | ReadStatus | ReadDelay | ReadDrop | ResultExpired | AnyAnswer
    | ModelFails | RunnerFails | UnreachableInputFails | CancelIgnored | Latency
    | RequestForgotten | HistoryUnavailable | HistoryEmpty | HistoryLate
    | WebhookMissing | WebhookDoubled | WebhookForged | WebhookLate | WebhookBeforeAnswer
    | MediaStatus | MediaDelay | MediaTruncated | MediaChunked | MediaCorrupt | MediaContentType | MediaHuge
    | ForeignMediaHost | BillableUnitsAbsent | NsfwFlagged | FewerPictures | ResultReshaped
    | PricingFails | PricingDelay | PricingUnit,
    Field(discriminator="fault"),
]  # fmt: skip
