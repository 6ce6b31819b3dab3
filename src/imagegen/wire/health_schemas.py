"""Health checks."""

from collections.abc import Mapping

from pydantic import Field

from imagegen.wire.base import Wire


class Liveness(Wire):
    """The process is alive."""

    status: str = Field(description="`live`.", examples=["live"])


class ServerHealth(Wire):
    """The state of one of the four servers."""

    status: str = Field(description="`up` or `down`.")
    reason: str | None = Field(description="Why it is down; null if it is up.")


class Health(Wire):
    """Whether the service can work."""

    status: str = Field(description="`ready` or `not_ready`.")
    servers: Mapping[str, ServerHealth] = Field(description="By name: mongodb, s3, nats, fal.")
