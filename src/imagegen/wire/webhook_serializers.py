"""From webhook deliveries to the wire."""

import json
from urllib.parse import urlsplit

from imagegen.jobs import Job
from imagegen.services import Services
from imagegen.webhooks import Attempt, WebhookDelivery, url_fault
from imagegen.wire import webhook_schemas as schemas
from imagegen.wire.fal_results import webhook_of
from imagegen.wire.serializers import serialize_job


async def event_text(delivery: WebhookDelivery, job: Job, services: Services) -> str:
    """The JSON for a receiver: in fal's form if one of fal's clients requested the job, else in our own."""
    if job.fal_call is not None:
        return json.dumps(await webhook_of(job, services))
    return (await serialize_event(delivery, job, services)).model_dump_json()


async def serialize_event(delivery: WebhookDelivery, job: Job, services: Services) -> schemas.WebhookEvent:
    """The payload for a receiver: the job as `GET /api/jobs/{jobId}` returns it, with new links."""
    data = await serialize_job(job, services)
    return schemas.WebhookEvent(type=delivery.event, timestamp=delivery.ended_at, data=data)


def serialize_delivery(delivery: WebhookDelivery) -> schemas.Delivery:
    """A delivery as callers see it."""
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
    """Scheme, host and port: the part of a webhook's URL that may be shown or logged. The path may hold a secret."""
    if url_fault(url) is not None:
        return "no valid URL"
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def _attempt(attempt: Attempt) -> schemas.DeliveryAttempt:
    return schemas.DeliveryAttempt(
        at=attempt.at, outcome=attempt.outcome.value, status=attempt.status, answer=attempt.answer
    )
