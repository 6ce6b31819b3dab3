"""Counting the requests to S3, by the events that its client sends for each."""

import time
from typing import TYPE_CHECKING, Any, Final

from imagegen.metrics import Answer, Metrics, outcome_of

if TYPE_CHECKING:
    from types_aiobotocore_s3 import S3Client

_BEGAN: Final = "imagegen.began"


def count_requests(client: "S3Client", metrics: Metrics) -> None:
    """Tell the metrics of every request of this client, with its retries as one, by S3's own name for it."""

    def began(context: dict[str, Any], **_: object) -> None:
        context[_BEGAN] = time.perf_counter()

    def answered(http_response: Any, event_name: str, context: dict[str, Any], **_: object) -> None:
        note(_operation(event_name), outcome_of(http_response.status_code), context)

    def unanswered(context: dict[str, Any], event_name: str, **_: object) -> None:
        note(_operation(event_name), "unanswered", context)

    def note(operation: str, outcome: Answer, context: dict[str, Any]) -> None:
        metrics.upstream("s3", operation, outcome, time.perf_counter() - context[_BEGAN])

    events: Any = client.meta.events
    events.register("before-call.s3", began)
    events.register("after-call.s3", answered)
    events.register("after-call-error.s3", unanswered)


def _operation(event_name: str) -> str:
    """`PutObject` of `after-call.s3.PutObject`."""
    return event_name.rpartition(".")[2]
