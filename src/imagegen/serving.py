"""Running a process: `serve` (the API and a runner) and `worker` (a runner only)."""

import asyncio
import logging
import signal
import socket
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager, nullcontext
from types import FrameType

import uvicorn

from imagegen.api import create_app
from imagegen.api.connections import http_protocol
from imagegen.api.doors import doors_for
from imagegen.api.scraping import scraping_app
from imagegen.deliveries import delivering
from imagegen.errors import StartupError
from imagegen.fal import files_for
from imagegen.local import join_local_stack, local_stack
from imagegen.logs import Events, redaction
from imagegen.open_files import allow_open_files
from imagegen.registry import Registry, load_registry
from imagegen.settings import Environment, Settings
from imagegen.telemetry import open_telemetry
from imagegen.tracing import Tracer
from imagegen.wiring import Services, open_services
from imagegen.worker import working

_FEWEST = 16
_log = logging.getLogger("imagegen")


class _MetricsServer(uvicorn.Server):
    """uvicorn without its signals: the process that it counts has its own way to end."""

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        yield


class _Server(uvicorn.Server):
    """uvicorn, whose end and that of the waiting requests are one event: set by a signal or by the caller."""

    def __init__(self, config: uvicorn.Config, stopping: asyncio.Event) -> None:
        super().__init__(config)
        self._stopping, self._loop = stopping, asyncio.get_running_loop()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002 - a signal handler
        """End in good order; uvicorn's own way raises the signal again before jobs are handed back."""
        self.force_exit = self.should_exit and sig == signal.SIGINT
        self.should_exit = True
        self._loop.call_soon_threadsafe(self._stopping.set)

    async def serve_until_stopped(self, listener: socket.socket) -> None:
        watch = asyncio.create_task(self._exit_when_stopping())
        try:
            await self.serve(sockets=[listener])
        finally:
            watch.cancel()
            listener.close()

    async def _exit_when_stopping(self) -> None:
        await self._stopping.wait()
        self.should_exit = True


async def serve(
    settings: Settings,
    host: str,
    port: int,
    *,
    ready: Callable[[str], None] = lambda _url: None,
    stopping: asyncio.Event | None = None,
    events: Events | None = None,
) -> None:
    """Run the API and a runner until SIGTERM, SIGINT or `stopping`.

    `ready` is told the address once the services are open and requests are about to be answered; `events` makes what
    a collector is sent of the log.

    Raises:
        StartupError: the port, the catalog, a setting or a local server.
        Unavailable: a configured server does not answer.
    """
    stopping = stopping or asyncio.Event()
    listener, scrapes = _listen(host, port), _listen_for_scrapes(settings)
    registry = read_catalog(settings)
    _notice(settings)
    doors = await doors_for(settings, host)
    local_s3 = "s3" in settings.unset_servers
    async with (
        _telemetry(settings, events) as tracer,
        _local_servers(settings, events) as complete,
        # Opened here and not by uvicorn, which would turn a server that is down into an exit without its reason.
        open_services(complete, registry, stopping=stopping, create_bucket=local_s3, tracer=tracer) as services,
        _answering_scrapes(services, scrapes),
        working(services),
        delivering(services),
    ):
        app = create_app(registry, lambda: nullcontext(services), doors, settings.limits, tracer)
        server = _Server(_uvicorn_config(app, settings), stopping)
        ready(_address(host, listener))
        await server.serve_until_stopped(listener)


async def work(settings: Settings, *, ready: Callable[[], None] = lambda: None, events: Events | None = None) -> None:
    """Run jobs only, until SIGTERM or SIGINT. Servers that no variable names are those of the running `serve`.

    `ready` is told once the services are open.
    """
    scrapes = _listen_for_scrapes(settings)
    registry = read_catalog(settings)
    complete = join_local_stack(settings)
    _hide_secrets(complete, events)
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    async with (
        _telemetry(settings, events) as tracer,
        open_services(complete, registry, stopping=stopping, tracer=tracer) as services,
        _answering_scrapes(services, scrapes),
        working(services),
        delivering(services),
    ):
        ready()
        _log.info("taking jobs as %s", services.runner)
        await stopping.wait()


@asynccontextmanager
async def _local_servers(settings: Settings, events: Events | None) -> AsyncGenerator[Settings]:
    """Start the local servers; the log shows none of their credentials."""
    async with local_stack(settings) as complete:
        _hide_secrets(complete, events)
        yield complete


def _hide_secrets(settings: Settings, events: Events | None) -> None:
    if events is not None:
        events.redact_too(redaction(settings.secrets))


def _telemetry(settings: Settings, events: Events | None) -> AbstractAsyncContextManager[Tracer]:
    """Opened first and closed last, within what is left of the grace, so that the end is reported too."""
    service = settings.service
    return open_telemetry(settings.telemetry, events, (service.shutdown_grace - service.last_step) / 2)


def read_catalog(settings: Settings) -> Registry:
    """Load every model and say aloud what looks odd."""
    registry = load_registry(settings.service.catalog_files)
    for warning in registry.warnings:
        _log.warning("catalog: %s", warning)
    return registry


@asynccontextmanager
async def _answering_scrapes(services: Services, listener: socket.socket | None) -> AsyncGenerator[None]:
    """Answer Prometheus beside the body, where the settings name a port for it."""
    if listener is None:
        yield
        return
    config = uvicorn.Config(
        scraping_app(services), log_config=None, access_log=False, lifespan="off", timeout_graceful_shutdown=1
    )
    server = _MetricsServer(config)
    answering = asyncio.create_task(server.serve(sockets=[listener]), name="scrapes")
    _log.info("metrics are at %s/metrics", _address(services.settings.metrics.host, listener))
    try:
        yield
    finally:
        server.should_exit = True
        await answering
        listener.close()


def _listen_for_scrapes(settings: Settings) -> socket.socket | None:
    port = settings.metrics.port
    return None if port is None else _listen(settings.metrics.host, port, "IMAGEGEN_METRICS_PORT")


def _listen(host: str, port: int, variable: str = "--port") -> socket.socket:
    """Take the port first, so that a taken one is said before anything is started."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise StartupError(
            f"cannot listen on {host}:{port}: {error.strerror}; choose another with {variable}"
        ) from error
    return listener


def _address(host: str, listener: socket.socket) -> str:
    name = "localhost" if host in {"127.0.0.1", "0.0.0.0", "::", "::1"} else host  # noqa: S104 - only shown
    return f"http://{name}:{listener.getsockname()[1]}"


def _most_connections(settings: Settings) -> int:
    """As many connections as leave the files that jobs need, even while a burst of further ones is turned away."""
    room = (allow_open_files(0) - files_for(settings.service.concurrency)) // 2
    return max(_FEWEST, min(settings.limits.max_connections, room))


def _uvicorn_config(app: object, settings: Settings) -> uvicorn.Config:
    most = _most_connections(settings)
    return uvicorn.Config(
        app,  # pyright: ignore[reportArgumentType] - FastAPI is an ASGI application
        http=http_protocol(settings.limits, most=most),
        backlog=min(2048, most),
        log_config=None,
        access_log=False,  # `api` writes a line for each request, with its route in place of its address
        server_header=False,
        timeout_graceful_shutdown=max(1, int(settings.service.last_step.total_seconds())),
        lifespan="on",
    )


def _notice(settings: Settings) -> None:
    if settings.service.env is Environment.PRODUCTION and "nats" in settings.unset_servers:
        _log.warning("NATS_URL is not set: the queue is a local nats-server, which serves this machine only")
