"""Webhooks on the wire: what receivers are sent, and the log of it."""

from datetime import datetime

from pydantic import Field

from imagegen.api.schemas import Job, Wire
from imagegen.webhooks import DeliveryState, Outcome


class WebhookEvent(Wire):
    """A job has ended. Its deliveries carry the same `webhook-id`; one with another id tells of another end."""

    type: str = Field(
        description="`job.completed`, `job.failed` or `job.cancelled`; more may come.", examples=["job.completed"]
    )
    timestamp: datetime = Field(description="UTC; when the job ended.")
    data: Job


class DeliveryAttempt(Wire):
    """One POST to a receiver."""

    at: datetime = Field(description="UTC; when it was made.")
    outcome: str = Field(description=f"One of {', '.join(Outcome)}; more may come.", examples=["delivered"])
    status: int | None = Field(description="HTTP status of the receiver's answer; null if there was none.")
    answer: str | None = Field(description="The first 200 bytes of the answer's body; null if there was none.")


class Delivery(Wire):
    """One end of a job, told to its webhook."""

    id: str = Field(description="The `webhook-id`: the same at every attempt.")
    event: str = Field(description="The payload's `type`.", examples=["job.completed"])
    receiver: str = Field(description="Scheme, host and port of the webhook; its path may hold a secret.")
    state: str = Field(description=f"One of {', '.join(DeliveryState)}; more may come.", examples=["delivered"])
    created_at: datetime = Field(description="UTC; when the job ended.")
    next_attempt_at: datetime | None = Field(description="UTC, not before; null once nothing more is sent.")
    attempts: list[DeliveryAttempt] = Field(description="Oldest first; one that a crash cut short is missing.")


class DeliveryList(Wire):
    """What a job's webhook was sent."""

    deliveries: list[Delivery] = Field(description="Oldest first; mostly one, none without `webhookUrl`.")
