"""From deliveries to the wire."""

from urllib.parse import urlsplit

from imagegen.api import delivery_schemas as schemas
from imagegen.api.answers import job_answer
from imagegen.jobs import Job
from imagegen.webhooks import Attempt, Delivery, url_fault
from imagegen.wiring import Services


async def event_answer(delivery: Delivery, job: Job, services: Services) -> schemas.WebhookEvent:
    """What a receiver is sent: the job as GET answers it, its links made afresh."""
    return schemas.WebhookEvent(type=delivery.event, timestamp=delivery.ended_at, data=await job_answer(job, services))


def delivery_answer(delivery: Delivery) -> schemas.Delivery:
    """A delivery as the owner of its job sees it."""
    return schemas.Delivery(
        id=delivery.id,
        event=delivery.event,
        receiver=receiver(delivery.url),
        state=delivery.state.value,
        created_at=delivery.created_at,
        next_attempt_at=delivery.due_at,
        attempts=[_attempt(attempt) for attempt in delivery.attempts],
    )


def receiver(url: str) -> str:
    """Scheme, host and port: all of a webhook's URL that may be shown or logged; of none that is no URL."""
    if url_fault(url) is not None:
        return "no valid URL"
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def _attempt(attempt: Attempt) -> schemas.DeliveryAttempt:
    return schemas.DeliveryAttempt(
        at=attempt.at, outcome=attempt.outcome.value, status=attempt.status, answer=attempt.answer
    )
