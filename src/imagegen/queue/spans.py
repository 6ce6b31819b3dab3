"""A message's publishing and processing, by OpenTelemetry's conventions for messaging."""

from typing import Final, Literal

from imagegen.tracing import Attributes

_TYPES: Final = {"publish": "send", "process": "process"}


def described(stream: str, job_id: str, operation: Literal["publish", "process"]) -> Attributes:
    """The attributes of the span for what is done with a job's message."""
    return {
        "messaging.system": "nats",
        "messaging.destination.name": stream,
        "messaging.operation.name": operation,
        "messaging.operation.type": _TYPES[operation],
        "messaging.message.conversation_id": job_id,
    }
