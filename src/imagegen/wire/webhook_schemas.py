"""Webhooks: the payload for receivers, and the log of deliveries."""

from datetime import datetime

from pydantic import Field

from imagegen.webhooks import AttemptOutcome, DeliveryState
from imagegen.wire.base import Wire
from imagegen.wire.job_schemas import Job


class WebhookEvent(Wire):
    """A job has ended. All attempts have the same `webhook-id`; another id means another end of the job."""

    type: str = Field(
        description="`job.completed`, `job.failed` or `job.cancelled`; more may come.", examples=["job.completed"]
    )
    timestamp: datetime = Field(description="UTC; when the job ended.")
    data: Job


class DeliveryAttempt(Wire):
    """One POST to a receiver."""

    at: datetime = Field(description="UTC; when the attempt was made.")
    outcome: str = Field(description=f"One of {', '.join(AttemptOutcome)}; more may come.", examples=["delivered"])
    status: int | None = Field(description="HTTP status of the receiver's response; null if there was none.")
    answer: str | None = Field(description="The first 200 bytes of the response's body; null if there was none.")


class Delivery(Wire):
    """The delivery of one end of a job to its webhook."""

    id: str = Field(description="The `webhook-id`: the same at every attempt.")
    event: str = Field(description="The payload's `type`.", examples=["job.completed"])
    receiver: str = Field(description="Scheme, host and port of the webhook; not its path, which may hold a secret.")
    state: str = Field(description=f"One of {', '.join(DeliveryState)}; more may come.", examples=["delivered"])
    created_at: datetime = Field(description="UTC; when the job ended.")
    next_attempt_at: datetime | None = Field(description="UTC; when the next attempt is due. Null if there is none.")
    attempts: list[DeliveryAttempt] = Field(description="Oldest first; an attempt that a crash interrupted is missing.")


class DeliveryList(Wire):
    """The webhook deliveries of a job."""

    deliveries: list[Delivery] = Field(description="Oldest first; usually one, and none without `webhookUrl`.")
