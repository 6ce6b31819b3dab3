"""Sends traces and logs to the collector: OTLP over HTTP, in batches, from the SDK's own threads.

A collector that does not answer slows and breaks nothing: what does not fit into the SDK's queues is dropped.
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
from opentelemetry.context import get_current
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.resources import SERVICE_NAME, SERVICE_VERSION, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.util.re import parse_env_headers

import imagegen
from imagegen.observability.logs import Events
from imagegen.observability.tracing import NO_TRACER, Tracer
from imagegen.settings import TelemetrySettings

_REPEAT_AFTER: Final = timedelta(minutes=5)
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
async def open_exporters(
    settings: TelemetrySettings, events: Events | None, flush_within: timedelta
) -> AsyncGenerator[Tracer]:
    """Send traces and logs while the block lasts; see `open_telemetry`."""
    providers: list[_Provider] = []
    tracer = NO_TRACER
    with ExitStack() as stack:
        stack.enter_context(_throttled_complaints())
        resource = _resource(settings)
        if settings.traces_url is not None:
            provider = _trace_provider(settings, settings.traces_url, resource)
            providers.append(provider)
            tracer = provider.get_tracer("imagegen", imagegen.__version__)
        if settings.logs_url is not None and events is not None:
            logs = _log_provider(settings, settings.logs_url, resource)
            providers.append(logs)
            stack.enter_context(_root_handler(LogExport(logs.get_logger("imagegen", imagegen.__version__), events)))
        try:
            yield tracer
        finally:
            await _flush(providers, flush_within)


def _resource(settings: TelemetrySettings) -> Resource:
    """Describe this process. The standard's variables, which the SDK reads, take precedence over our defaults."""
    found = Resource({SERVICE_VERSION: imagegen.__version__}).merge(Resource.create())
    is_unnamed = str(found.attributes[SERVICE_NAME]).startswith("unknown_service")
    name = settings.service_name or ("imagegen" if is_unnamed else None)
    return found.merge(Resource({SERVICE_NAME: name})) if name else found


def _trace_provider(settings: TelemetrySettings, url: str, resource: Resource) -> TracerProvider:
    provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=url, headers=_headers(settings))))
    return provider


def _log_provider(settings: TelemetrySettings, url: str, resource: Resource) -> LoggerProvider:
    provider = LoggerProvider(resource=resource, shutdown_on_exit=False)
    provider.add_log_record_processor(
        BatchLogRecordProcessor(OTLPLogExporter(endpoint=url, headers=_headers(settings)))
    )
    return provider


def _headers(settings: TelemetrySettings) -> dict[str, str] | None:
    return dict(parse_env_headers(settings.headers.get_secret_value(), liberal=True)) if settings.headers else None


class LogExport(logging.Handler):
    """Sends every log event in the form in which it is written: after redaction."""

    def __init__(self, logger: Logger, events: Events) -> None:
        super().__init__()
        self._logger, self._events = logger, events

    def emit(self, record: logging.LogRecord) -> None:
        """Queue the event in the SDK, which sends it later."""
        event = dict(self._events.event(record))
        body = str(event.pop("event"))
        for name in ("timestamp", "level", "trace_id"):  # a record has members of its own for them
            event.pop(name, None)
        self._logger.emit(
            LogRecord(
                timestamp=int(record.created * 1e9),
                observed_timestamp=time.time_ns(),
                context=get_current(),
                severity_text=record.levelname,
                severity_number=_SEVERITIES.get(record.levelname, SeverityNumber.UNSPECIFIED),
                body=body,
                attributes=event,
            )
        )


@contextmanager
def _root_handler(handler: logging.Handler) -> Generator[None]:
    logging.getLogger().addHandler(handler)
    try:
        yield
    finally:
        logging.getLogger().removeHandler(handler)


class _Throttled(logging.Handler):
    """Logs the SDK's complaints at most once in five minutes: an absent collector causes many."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self._logged_at = -_REPEAT_AFTER.total_seconds()

    def emit(self, record: logging.LogRecord) -> None:
        """Log it under our own name, or drop it."""
        if time.monotonic() - self._logged_at >= _REPEAT_AFTER.total_seconds():
            self._logged_at = time.monotonic()
            _log.warning("traces or logs do not reach the collector: %s", record.getMessage())


@contextmanager
def _throttled_complaints() -> Generator[None]:
    sdk, throttled = logging.getLogger(_SDK), _Throttled()
    sdk.addHandler(throttled)
    sdk.propagate = False  # so that complaints about sending logs are not sent as logs
    try:
        yield
    finally:
        sdk.removeHandler(throttled)
        sdk.propagate = True


async def _flush(providers: Sequence[_Provider], within: timedelta) -> None:
    """Send what is queued. A thread that takes longer is left behind, and ends with the process."""
    ends = [_shut_down(provider) for provider in providers]
    with suppress(TimeoutError):
        async with asyncio.timeout(within.total_seconds()):
            for end in ends:
                await end.wait()


def _shut_down(provider: _Provider) -> asyncio.Event:
    loop, done = asyncio.get_running_loop(), asyncio.Event()

    def in_thread() -> None:
        provider.shutdown()
        with suppress(RuntimeError):  # the loop is closed: nothing waits for the event
            loop.call_soon_threadsafe(done.set)

    threading.Thread(target=in_thread, name="telemetry shutdown", daemon=True).start()
    return done
