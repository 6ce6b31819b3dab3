"""Sends traces and logs to an OpenTelemetry collector, if the standard's variables name one.

Otherwise neither the SDK nor an exporter is imported.
"""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import timedelta

from imagegen.observability.logs import Events
from imagegen.observability.tracing import NO_TRACER, Tracer
from imagegen.settings import TelemetrySettings


@asynccontextmanager
async def open_telemetry(
    settings: TelemetrySettings, events: Events | None, flush_within: timedelta
) -> AsyncGenerator[Tracer]:
    """Open the exporters that the settings ask for; without any, the tracer only passes callers' traces on.

    Args:
        settings: the collector's addresses.
        events: makes events of log records; without it, no logs are sent.
        flush_within: how long the end may wait for the collector. What it has not accepted by then is lost.
    """
    if settings.traces_url is None and settings.logs_url is None:
        yield NO_TRACER
        return
    from imagegen.observability.otlp import open_exporters  # noqa: PLC0415 - imports the SDK

    async with open_exporters(settings, events, flush_within) as tracer:
        yield tracer
