"""Health checks."""

from collections.abc import Mapping
from datetime import datetime

from pydantic import Field

from imagegen.wire.base import Wire


class Liveness(Wire):
    """The process is alive."""

    status: str = Field(description="`live`.", examples=["live"])


class ServerHealth(Wire):
    """The state of one of the four servers."""

    status: str = Field(description="`up` or `down`.")
    reason: str | None = Field(description="Why it is down; null if it is up.")


class CatalogHealth(Wire):
    """The catalog of the process that answers."""

    sha256: str = Field(
        description="Of the built-in entries, your files and the settings that choose models, in hexadecimal."
    )
    loaded_at: datetime = Field(description="UTC.")
    models: int = Field(description="How many models it has.")
    warning: str | None = Field(
        description="That other processes use another catalog, or that a changed one was refused; null if neither."
    )


class Health(Wire):
    """Whether the service can work."""

    status: str = Field(description="`ready` or `not_ready`.")
    servers: Mapping[str, ServerHealth] = Field(description="By name: mongodb, s3, nats, fal.")
    catalog: CatalogHealth = Field(description="A warning about it does not make the service `not_ready`.")
