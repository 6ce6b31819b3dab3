"""Sending to the collector: OTLP over HTTP, in batches, from threads of the SDK's own.

A collector that is away slows nothing and breaks nothing: what does not fit into the SDK's queues is dropped.
"""

import asyncio
import logging
import threading
import time
from collections.abc import AsyncGenerator, Generator, Sequence
from contextlib import ExitStack, asynccontextmanager, contextmanager, suppress
from datetime import timedelta
from typing import Final, Protocol

from opentelemetry._logs import Logger, LogRecord, SeverityNumber
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.resources import SERVICE_NAME, SERVICE_VERSION, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.util.re import parse_env_headers

import imagegen
from imagegen.logs import Events
from imagegen.settings import TelemetrySettings
from imagegen.telemetry.spans import RecordingTracer, context_of
from imagegen.tracing import PASS_ON, Tracer, current_traceparent

_SAID_AGAIN_AFTER: Final = timedelta(minutes=5)
_SDK: Final = "opentelemetry"
_SEVERITIES: Final = {
    "DEBUG": SeverityNumber.DEBUG,
    "INFO": SeverityNumber.INFO,
    "WARNING": SeverityNumber.WARN,
    "ERROR": SeverityNumber.ERROR,
    "CRITICAL": SeverityNumber.FATAL,
}
_log = logging.getLogger("imagegen.telemetry")


class _Provider(Protocol):
    def shutdown(self) -> None: ...


@asynccontextmanager
async def exporting(
    settings: TelemetrySettings, events: Events | None, flush_within: timedelta
) -> AsyncGenerator[Tracer]:
    """Send traces and logs while the block lasts; see `open_telemetry`."""
    providers: list[_Provider] = []
    tracer: Tracer = PASS_ON
    with ExitStack() as stack:
        stack.enter_context(_complaints_said_sparingly())
        resource = _resource(settings)
        if settings.traces_url is not None:
            provider = _traces(settings, settings.traces_url, resource)
            providers.append(provider)
            tracer = RecordingTracer(provider.get_tracer("imagegen", imagegen.__version__))
        if settings.logs_url is not None and events is not None:
            logs = _logs(settings, settings.logs_url, resource)
            providers.append(logs)
            stack.enter_context(_logging_to(LogExport(logs.get_logger("imagegen", imagegen.__version__), events)))
        try:
            yield tracer
        finally:
            await _flush(providers, flush_within)


def _resource(settings: TelemetrySettings) -> Resource:
    """Who sends. The word of the standard's variables, which the SDK reads, goes before ours."""
    found = Resource({SERVICE_VERSION: imagegen.__version__}).merge(Resource.create())
    is_unnamed = str(found.attributes[SERVICE_NAME]).startswith("unknown_service")
    name = settings.service_name or ("imagegen" if is_unnamed else None)
    return found.merge(Resource({SERVICE_NAME: name})) if name else found


def _traces(settings: TelemetrySettings, url: str, resource: Resource) -> TracerProvider:
    provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=url, headers=_headers(settings))))
    return provider


def _logs(settings: TelemetrySettings, url: str, resource: Resource) -> LoggerProvider:
    provider = LoggerProvider(resource=resource, shutdown_on_exit=False)
    provider.add_log_record_processor(
        BatchLogRecordProcessor(OTLPLogExporter(endpoint=url, headers=_headers(settings)))
    )
    return provider


def _headers(settings: TelemetrySettings) -> dict[str, str] | None:
    return dict(parse_env_headers(settings.headers.get_secret_value(), liberal=True)) if settings.headers else None


class LogExport(logging.Handler):
    """Sends every event of the log, as it is written: after secrets were cut out."""

    def __init__(self, logger: Logger, events: Events) -> None:
        super().__init__()
        self._logger, self._events = logger, events

    def emit(self, record: logging.LogRecord) -> None:
        """Hand the event to the SDK, which sends it later."""
        event = dict(self._events.of(record))
        body = str(event.pop("event"))
        for name in ("timestamp", "level", "trace_id"):  # they have places of their own
            event.pop(name, None)
        self._logger.emit(
            LogRecord(
                timestamp=int(record.created * 1e9),
                observed_timestamp=time.time_ns(),
                context=context_of(current_traceparent()),
                severity_text=record.levelname,
                severity_number=_SEVERITIES.get(record.levelname, SeverityNumber.UNSPECIFIED),
                body=body,
                attributes=event,
            )
        )


@contextmanager
def _logging_to(handler: logging.Handler) -> Generator[None]:
    logging.getLogger().addHandler(handler)
    try:
        yield
    finally:
        logging.getLogger().removeHandler(handler)


class _Sparing(logging.Handler):
    """Says what the SDK complains about, at most every few minutes; an absent collector is one long complaint."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self._said_at = -_SAID_AGAIN_AFTER.total_seconds()

    def emit(self, record: logging.LogRecord) -> None:
        """Say it in our own name, or not."""
        if time.monotonic() - self._said_at >= _SAID_AGAIN_AFTER.total_seconds():
            self._said_at = time.monotonic()
            _log.warning("traces or logs do not reach the collector: %s", record.getMessage())


@contextmanager
def _complaints_said_sparingly() -> Generator[None]:
    sdk, sparing = logging.getLogger(_SDK), _Sparing()
    sdk.addHandler(sparing)
    sdk.propagate = False  # also keeps what is said of sending logs out of the logs that are sent
    try:
        yield
    finally:
        sdk.removeHandler(sparing)
        sdk.propagate = True


async def _flush(providers: Sequence[_Provider], within: timedelta) -> None:
    """Send what waits. A thread that a collector holds up is left behind: it ends with the process."""
    ends = [_shutting_down(provider) for provider in providers]
    with suppress(TimeoutError):
        async with asyncio.timeout(within.total_seconds()):
            for end in ends:
                await end.wait()


def _shutting_down(provider: _Provider) -> asyncio.Event:
    loop, done = asyncio.get_running_loop(), asyncio.Event()

    def shut_down() -> None:
        provider.shutdown()
        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(done.set)

    threading.Thread(target=shut_down, name="telemetry's end", daemon=True).start()
    return done
