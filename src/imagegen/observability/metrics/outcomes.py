"""What a response's status means to the metrics."""

from http import HTTPStatus

from imagegen.observability.metrics.label_values import UpstreamOutcome


def outcome_of(status: int) -> UpstreamOutcome:
    """The label for a response's status."""
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return "throttled"
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return "failed"
    return "refused" if status >= HTTPStatus.BAD_REQUEST else "ok"
