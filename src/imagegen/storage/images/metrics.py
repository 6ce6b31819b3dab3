"""Counting requests to S3, by the events that botocore emits for each."""

import time
from typing import TYPE_CHECKING, Any, Final

from imagegen.observability.metrics import Metrics, UpstreamOutcome, outcome_of

if TYPE_CHECKING:
    from types_aiobotocore_s3 import S3Client

_BEGAN_AT: Final = "imagegen.began"


class ClientMetrics:
    """Records every request of a client, together with its retries, under S3's own name for the operation."""

    def __init__(self, client: "S3Client", metrics: Metrics) -> None:
        self._metrics = metrics
        events: Any = client.meta.events
        events.register("before-call.s3", self._started)
        events.register("after-call.s3", self._responded)
        events.register("after-call-error.s3", self._failed)

    def succeeded(self, operation: str, began_at: float) -> None:
        """Record a request for which botocore emits no events."""
        self._record(operation, "ok", began_at)

    def _started(self, context: dict[str, Any], params: dict[str, Any], **_: object) -> None:
        context[_BEGAN_AT] = getattr(params["body"], "began_at", time.perf_counter())

    def _responded(self, http_response: Any, event_name: str, context: dict[str, Any], **_: object) -> None:
        self._record(_operation(event_name), outcome_of(http_response.status_code), context[_BEGAN_AT])

    def _failed(self, context: dict[str, Any], event_name: str, **_: object) -> None:
        self._record(_operation(event_name), "unanswered", context[_BEGAN_AT])

    def _record(self, operation: str, outcome: UpstreamOutcome, began_at: float) -> None:
        self._metrics.upstream_request("s3", operation, outcome, time.perf_counter() - began_at)


def _operation(event_name: str) -> str:
    """`PutObject` of `after-call.s3.PutObject`."""
    return event_name.rpartition(".")[2]
