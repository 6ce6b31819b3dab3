"""The faults that a test can plan for a key, and the plans that are live.

A plan belongs to one key, so tests with keys of their own run side by side. They live in memory: a restart forgets
them.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Literal, TypeAlias, TypeVar

from pydantic import BaseModel, ConfigDict, Field, JsonValue, NonNegativeFloat, NonNegativeInt, PositiveInt

Read: TypeAlias = Literal["status", "stream", "result", "cancel"]
Ending: TypeAlias = Literal["close", "reset"]
ErrorStatus: TypeAlias = Annotated[int, Field(ge=400, le=599)]
Seconds: TypeAlias = NonNegativeFloat


class _Planned(BaseModel):
    """`times`: how often the fault strikes (None: for ever); `after`: how many chances it lets pass first."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    times: PositiveInt | None = None
    after: NonNegativeInt = 0


class SubmitStatus(_Planned):
    """The submit is answered with an error; `accepted` makes the request exist all the same.

    `request_id` adds x-fal-request-id: the request's own if it was accepted, else a fresh one.
    """

    fault: Literal["submit_status"]
    status: ErrorStatus
    body: JsonValue = None
    headers: dict[str, str] = {}
    accepted: bool = False
    request_id: bool = False


class SubmitGatewayError(_Planned):
    """A gateway before fal answers the submit with its HTML page, as nginx does."""

    fault: Literal["submit_gateway_error"]
    status: Literal[408, 502, 503, 504] = 502
    accepted: bool = False


class SubmitDelay(_Planned):
    """The submit's answer comes late; `accepted` says whether the request exists while the client waits."""

    fault: Literal["submit_delay"]
    seconds: Seconds
    accepted: bool = True


class SubmitDrop(_Planned):
    """The connection ends without a whole answer; after `before_accepting` no request exists."""

    fault: Literal["submit_drop"]
    when: Literal["before_accepting", "after_accepting", "half_body"]
    how: Ending = "close"


class ReadStatus(_Planned):
    """A status, stream, result or cancel call is answered with an error."""

    fault: Literal["read_status"]
    on: tuple[Read, ...]
    status: ErrorStatus
    body: JsonValue = None
    headers: dict[str, str] = {}


class ReadDelay(_Planned):
    """A status, stream, result or cancel call is answered late."""

    fault: Literal["read_delay"]
    on: tuple[Read, ...]
    seconds: Seconds


class ReadDrop(_Planned):
    """The connection of such a call ends without an answer; a stream's may end after some events."""

    fault: Literal["read_drop"]
    on: tuple[Read, ...]
    how: Ending = "close"
    after_events: NonNegativeInt = 0


class ResultExpired(_Planned):
    """fal has forgotten the result."""

    fault: Literal["result_expired"]


class ModelFails(_Planned):
    """The model ends with an error of fal's first family (`detail` is a list)."""

    fault: Literal["model_fails"]
    status: ErrorStatus = 422
    type: str = "content_policy_violation"
    message: str = "The content could not be processed because it contained material flagged by a content checker."
    loc: tuple[str | int, ...] = ("body", "prompt")
    ctx: dict[str, JsonValue] | None = None
    needs_retry: bool = False


class RunnerFails(_Planned):
    """The request ends with an error of fal's second family (`detail` is text, with error_type)."""

    fault: Literal["runner_fails"]
    status: ErrorStatus = 500
    error_type: str = "internal_error"
    message: str = "Internal server error"


class UnreachableInputFails(_Planned):
    """An input picture that cannot be had ends the request with image_load_error, as fal does."""

    fault: Literal["unreachable_input_fails"]


class CancelIgnored(_Planned):
    """A cancel of a running request is acknowledged, and the request completes all the same."""

    fault: Literal["cancel_ignored"]


class Latency(_Planned):
    """Seconds in the queue and seconds of generation."""

    fault: Literal["latency"] = "latency"
    queue: Seconds = 0.1
    generation: Seconds = 0.5


class MediaStatus(_Planned):
    """The picture's host answers with an error."""

    fault: Literal["media_status"]
    status: ErrorStatus


class MediaDelay(_Planned):
    """The picture's host answers late."""

    fault: Literal["media_delay"]
    seconds: Seconds


class MediaTruncated(_Planned):
    """Only the first `keep` of the picture is sent.

    The content-length is that of the `whole` picture, of the `kept` part, or absent and the chunked body broken off.
    """

    fault: Literal["media_truncated"]
    keep: Annotated[float, Field(ge=0, lt=1)] = 0.5
    length: Literal["whole", "kept", "absent"] = "whole"


class MediaChunked(_Planned):
    """The whole picture, without a content-length."""

    fault: Literal["media_chunked"]


class MediaCorrupt(_Planned):
    """Other bytes than a picture's: noise, an HTML page under the picture's content type, or none at all."""

    fault: Literal["media_corrupt"]
    bytes: Literal["noise", "html", "nothing"] = "noise"


class MediaContentType(_Planned):
    """The whole picture under another content type; None leaves the header out."""

    fault: Literal["media_content_type"]
    content_type: str | None


class MediaHuge(_Planned):
    """The picture, still valid, grown by this many MiB; made while it is sent."""

    fault: Literal["media_huge"]
    mebibytes: Annotated[int, Field(ge=1, le=2048)]
    content_length: bool = True


class ForeignMediaHost(_Planned):
    """The result's picture URLs name another host."""

    fault: Literal["foreign_media_host"]
    base_url: str = "http://media.invalid"


class BillableUnitsAbsent(_Planned):
    """The result comes without X-Fal-Billable-Units."""

    fault: Literal["billable_units_absent"]


class NsfwFlagged(_Planned):
    """The safety checker flags every picture."""

    fault: Literal["nsfw_flagged"]


class FewerPictures(_Planned):
    """The result has at most this many pictures."""

    fault: Literal["fewer_pictures"]
    count: NonNegativeInt


class PricingFails(_Planned):
    """The price list is answered with an error of the platform API."""

    fault: Literal["pricing_fails"]
    status: ErrorStatus = 500


class PricingDelay(_Planned):
    """The price list comes late."""

    fault: Literal["pricing_delay"]
    seconds: Seconds


class PricingUnit(_Planned):
    """The price list names this unit for every endpoint; None leaves it open."""

    fault: Literal["pricing_unit"]
    unit: str | None


Fault: TypeAlias = Annotated[
    SubmitStatus | SubmitGatewayError | SubmitDelay | SubmitDrop
    | ReadStatus | ReadDelay | ReadDrop | ResultExpired
    | ModelFails | RunnerFails | UnreachableInputFails | CancelIgnored | Latency
    | MediaStatus | MediaDelay | MediaTruncated | MediaChunked | MediaCorrupt | MediaContentType | MediaHuge
    | ForeignMediaHost | BillableUnitsAbsent | NsfwFlagged | FewerPictures
    | PricingFails | PricingDelay | PricingUnit,
    Field(discriminator="fault"),
]  # fmt: skip
F = TypeVar("F", bound=_Planned)


@dataclass(slots=True)
class _Live:
    fault: _Planned
    pass_by: int
    left: int | None

    def strikes(self) -> bool:
        if self.left == 0:
            return False
        if self.pass_by:
            self.pass_by -= 1
            return False
        if self.left is not None:
            self.left -= 1
        return True


class Plan:
    """The faults of one key, in the order in which they were planned."""

    def __init__(self, faults: Sequence[_Planned] = ()) -> None:
        self._live = [_Live(fault, fault.after, fault.times) for fault in faults]

    def take(self, *kinds: type[F], where: Callable[[F], bool] = lambda _: True) -> F | None:
        """The first live fault of these kinds, and count it as used; None if there is none."""
        for live in self._live:
            if isinstance(live.fault, kinds) and where(live.fault) and live.strikes():
                return live.fault
        return None


class Plans:
    """Every key's plan. A key is known by its hash."""

    def __init__(self) -> None:
        self._plans: dict[str, Plan] = {}

    def of(self, owner: str) -> Plan:
        """The key's plan; an empty one if none was made."""
        return self._plans.get(owner) or Plan()

    def replace(self, owner: str, faults: Sequence[_Planned]) -> None:
        """Put this plan in the place of the key's former one."""
        self._plans[owner] = Plan(faults)

    def clear(self, owner: str) -> None:
        """Forget the key's plan."""
        self._plans.pop(owner, None)
