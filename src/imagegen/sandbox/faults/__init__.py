"""The faults that a test can plan for a key, by the part of fal that misbehaves."""

from typing import Annotated, TypeAlias

from pydantic import Field

from imagegen.sandbox.faults.calls import (
    AnyAnswer,
    Call,
    CancelIgnored,
    Ending,
    Framing,
    Read,
    ReadDelay,
    ReadDrop,
    ReadStatus,
    RequestForgotten,
    ResultExpired,
    SubmitDelay,
    SubmitDrop,
    SubmitGatewayError,
    SubmitStatus,
)
from imagegen.sandbox.faults.generations import (
    BillableUnitsAbsent,
    FewerImages,
    ForeignMediaHost,
    Latency,
    ModelFails,
    NsfwFlagged,
    ResultReshaped,
    RunnerFails,
    UnreachableInputFails,
)
from imagegen.sandbox.faults.media_host import (
    MediaChunked,
    MediaContentType,
    MediaCorrupt,
    MediaDelay,
    MediaHuge,
    MediaStatus,
    MediaTruncated,
)
from imagegen.sandbox.faults.planned import (
    ErrorStatus,
    Planned,
    Seconds,
)
from imagegen.sandbox.faults.platform import (
    HistoryEmpty,
    HistoryLate,
    HistoryUnavailable,
    PricingDelay,
    PricingFails,
    PricingUnit,
)
from imagegen.sandbox.faults.webhook_calls import (
    WebhookBeforeAnswer,
    WebhookDoubled,
    WebhookForged,
    WebhookLate,
    WebhookMissing,
)

Fault: TypeAlias = Annotated[
    SubmitStatus | SubmitGatewayError | SubmitDelay | SubmitDrop
    | ReadStatus | ReadDelay | ReadDrop | ResultExpired | AnyAnswer
    | ModelFails | RunnerFails | UnreachableInputFails | CancelIgnored | Latency
    | RequestForgotten | HistoryUnavailable | HistoryEmpty | HistoryLate
    | WebhookMissing | WebhookDoubled | WebhookForged | WebhookLate | WebhookBeforeAnswer
    | MediaStatus | MediaDelay | MediaTruncated | MediaChunked | MediaCorrupt | MediaContentType | MediaHuge
    | ForeignMediaHost | BillableUnitsAbsent | NsfwFlagged | FewerImages | ResultReshaped
    | PricingFails | PricingDelay | PricingUnit,
    Field(discriminator="fault"),
]  # fmt: skip

__all__ = [
    "AnyAnswer",
    "BillableUnitsAbsent",
    "Call",
    "CancelIgnored",
    "Ending",
    "ErrorStatus",
    "Fault",
    "FewerImages",
    "ForeignMediaHost",
    "Framing",
    "HistoryEmpty",
    "HistoryLate",
    "HistoryUnavailable",
    "Latency",
    "MediaChunked",
    "MediaContentType",
    "MediaCorrupt",
    "MediaDelay",
    "MediaHuge",
    "MediaStatus",
    "MediaTruncated",
    "ModelFails",
    "NsfwFlagged",
    "Planned",
    "PricingDelay",
    "PricingFails",
    "PricingUnit",
    "Read",
    "ReadDelay",
    "ReadDrop",
    "ReadStatus",
    "RequestForgotten",
    "ResultExpired",
    "ResultReshaped",
    "RunnerFails",
    "Seconds",
    "SubmitDelay",
    "SubmitDrop",
    "SubmitGatewayError",
    "SubmitStatus",
    "UnreachableInputFails",
    "WebhookBeforeAnswer",
    "WebhookDoubled",
    "WebhookForged",
    "WebhookLate",
    "WebhookMissing",
]
