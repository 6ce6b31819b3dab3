"""Traces and logs to an OpenTelemetry collector, where the standard's variables name one.

Nothing of OpenTelemetry is imported otherwise.
"""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import timedelta

from imagegen.logs import Events
from imagegen.settings import TelemetrySettings
from imagegen.tracing import PASS_ON, Tracer


@asynccontextmanager
async def open_telemetry(
    settings: TelemetrySettings, events: Events | None, flush_within: timedelta
) -> AsyncGenerator[Tracer]:
    """Open what the settings ask for; without any, callers' traces are only passed on.

    Args:
        settings: where to.
        events: what makes events of the log's records; without it no logs are sent.
        flush_within: how long the end may wait for a collector; what it has not taken by then is lost.
    """
    if settings.traces_url is None and settings.logs_url is None:
        yield PASS_ON
        return
    from imagegen.telemetry.otlp import exporting  # noqa: PLC0415 - it imports OpenTelemetry

    async with exporting(settings, events, flush_within) as tracer:
        yield tracer
