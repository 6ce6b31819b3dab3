"""Span attributes for publishing and processing a message, by OpenTelemetry's conventions for messaging."""

from typing import Final, Literal

from imagegen.observability.tracing import Attributes

JOB_ID: Final = "messaging.message.conversation_id"
_TYPES: Final = {"publish": "send", "process": "process"}


def message_attributes(stream: str, job_id: str, operation: Literal["publish", "process"]) -> Attributes:
    """The attributes of the span for an operation on a job's message."""
    return {
        "messaging.system": "nats",
        "messaging.destination.name": stream,
        "messaging.operation.name": operation,
        "messaging.operation.type": _TYPES[operation],
        JOB_ID: job_id,
    }
