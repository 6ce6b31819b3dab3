"""One process: `serve` runs the API and processes jobs, `work` only processes jobs.

`serve_shared` is one of the processes of `imagegen.supervisor`.
"""

import asyncio
import logging
import signal
import socket
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from dataclasses import dataclass
from functools import partial
from types import FrameType
from typing import Final

import uvicorn

from imagegen.api.http.protocol import http_protocol
from imagegen.api.middleware.auth import AccessPolicy, build_access_policy, warn_without_keys
from imagegen.api.prometheus import metrics_app
from imagegen.api.switch import CatalogSwitch
from imagegen.catalog import Catalog, CatalogSource
from imagegen.doors import WithDoors
from imagegen.doors.fal import FalDoor
from imagegen.engine.webhook_sender import sending_webhooks
from imagegen.engine.worker import working
from imagegen.fal import required_open_files
from imagegen.local import join_local_stack, local_stack
from imagegen.net.file_limits import raise_file_limit
from imagegen.net.hangups import on_hangup
from imagegen.net.listeners import Listeners, listen, listen_for_scrapes, url_of
from imagegen.observability.logs import Events
from imagegen.observability.telemetry import open_telemetry
from imagegen.observability.tracing import Tracer
from imagegen.operations.catalog_reload import following_catalog
from imagegen.operations.first_keys import make_first_keys
from imagegen.services import Services, open_services
from imagegen.settings import Environment, Settings

_FEWEST_CONNECTIONS: Final = 16
STOPPING: Final = "stopping: unfinished jobs continue in another process, or at the next start"
_log = logging.getLogger("imagegen")


async def serve(
    settings: Settings,
    host: str,
    port: int,
    *,
    ready: Callable[[str], None] = lambda _url: None,
    stopping: asyncio.Event | None = None,
    events: Events | None = None,
) -> None:
    """Run the API and process jobs until SIGTERM, SIGINT or `stopping`. SIGHUP reloads the catalog.

    Args:
        settings: of the process. A server that they do not name is started on this machine.
        host: the address to listen on.
        port: the port to listen on; 0 for a free one.
        ready: called with the URL once the services are open; a request that is sent from then on is answered.
        stopping: ends the process if it is set.
        events: the log's converter, to redact the local servers' credentials and to send the log to a collector.

    Raises:
        StartupError: the port, the catalog, a setting, the file of keys or a local server.
        Unavailable: a configured server does not respond.
    """
    # First what fails at once: a taken port, a wrong catalog.
    stopping = stopping or asyncio.Event()
    reload = reload_on_hangup(stopping)
    listeners = listen(settings, host, port)
    catalog = read_catalog(settings)
    warn_about_local_queue(settings)
    access = build_access_policy(settings, host)
    async with _telemetry(settings, events) as tracer, local_servers(settings, events) as complete:
        process = _ApiProcess(complete, catalog, access, tracer, stopping, reload)
        await process.run(listeners, lambda: ready(url_of(host, listeners.api)), create_bucket=_makes_bucket(settings))


async def serve_shared(
    settings: Settings,
    host: str,
    listeners: Listeners,
    *,
    ready: Callable[[], None],
    stopping: asyncio.Event,
    events: Events | None = None,
) -> None:
    """Be one of several processes that answer on the same sockets and share the local servers of their parent.

    Args:
        settings: of this process, with its share of the limits.
        host: the address that the parent was told to listen on.
        listeners: bound by the parent.
        ready: called once requests are answered.
        stopping: ends the process if it is set; so does SIGTERM.
        events: as for `serve`.

    Raises:
        StartupError: the catalog, a setting or the file of keys.
        Unavailable: a configured server does not respond.
    """
    reload = reload_on_hangup(stopping)
    catalog = CatalogSource.of(settings.service).load()
    access = build_access_policy(settings, host)
    complete = join_local_stack(settings)
    _redact_secrets(complete, events)
    async with _telemetry(settings, events) as tracer:
        process = _ApiProcess(complete, catalog, access, tracer, stopping, reload, is_one_of_several=True)
        await process.run(listeners, ready, create_bucket=_makes_bucket(settings))


async def work(settings: Settings, *, ready: Callable[[], None] = lambda: None, events: Events | None = None) -> None:
    """Process jobs until SIGTERM or SIGINT. SIGHUP reloads the catalog.

    Args:
        settings: of the process. For a server that they do not name, it uses that of the running `serve`.
        ready: called once the services are open.
        events: as for `serve`.

    Raises:
        StartupError: the catalog, a setting, or no local `serve` to join.
        Unavailable: a configured server does not respond.
    """
    stopping = asyncio.Event()
    reload = reload_on_hangup(stopping)
    metrics_listener = listen_for_scrapes(settings)
    catalog = read_catalog(settings)
    complete = join_local_stack(settings)
    _redact_secrets(complete, events)
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    async with (
        _telemetry(settings, events) as tracer,
        open_services(complete, catalog, stopping=stopping, tracer=tracer) as services,
        _metrics_server(services, metrics_listener),
        following_catalog(services, reload),
        working(services),
        sending_webhooks(services),
    ):
        ready()
        _log.info("taking jobs as %s", services.runner)
        await stopping.wait()
        _log.info(STOPPING)


def read_catalog(settings: Settings) -> Catalog:
    """Load every model, and log what looks wrong in the catalog."""
    catalog = CatalogSource.of(settings.service).load()
    for warning in catalog.registry.warnings:
        _log.warning("catalog: %s", warning)
    return catalog


def reload_on_hangup(stopping: asyncio.Event) -> asyncio.Event:
    """An event that each SIGHUP sets from now on; that of a terminal which closes sets `stopping`."""
    asked = asyncio.Event()
    on_hangup(asked.set, stopping)
    return asked


def warn_about_local_queue(settings: Settings) -> None:
    """Log that a local queue in production serves one machine only."""
    if settings.service.env is Environment.PRODUCTION and "nats" in settings.unset_servers:
        _log.warning("NATS_URL is not set: the queue is a local nats-server, which serves this machine only")


@dataclass(frozen=True, slots=True)
class _ApiProcess:
    """A process that answers requests and processes jobs. Its settings name every server."""

    settings: Settings
    catalog: Catalog
    access: AccessPolicy
    tracer: Tracer
    stopping: asyncio.Event
    reload: asyncio.Event
    is_one_of_several: bool = False

    async def run(self, listeners: Listeners, ready: Callable[[], None], *, create_bucket: bool) -> None:
        """Run until SIGTERM, SIGINT or `stopping`."""
        opened = open_services(
            self.settings, self.catalog, stopping=self.stopping, create_bucket=create_bucket, tracer=self.tracer
        )
        # Opened here and not in uvicorn's lifespan, which would exit without a reason if a server is down.
        async with (
            opened as services,
            _metrics_server(services, listeners.metrics),
            working(services),
            sending_webhooks(services),
            following_catalog(services, self.reload),
        ):
            await make_first_keys(services)
            warn_without_keys(self.access, services.keys)
            limits = self.settings.limits
            doors = {"/fal": FalDoor(self.access, limits, self.tracer)}
            app = CatalogSwitch(services, self.access, limits, self.tracer, around=partial(WithDoors, doors=doors))
            server = _ApiServer(
                _uvicorn_config(app, self.settings), self.stopping, logs_stop=not self.is_one_of_several
            )
            listeners.accept()  # before `ready`, because whoever is told then calls at once
            ready()
            await server.serve_until_stopped(listeners.api)


def _makes_bucket(settings: Settings) -> bool:
    return "s3" in settings.unset_servers


def _telemetry(settings: Settings, events: Events | None) -> AbstractAsyncContextManager[Tracer]:
    """Opened first and closed last, so that the end is reported too, within what is left of the shutdown grace."""
    service = settings.service
    return open_telemetry(settings.telemetry, events, (service.shutdown_grace - service.step_grace) / 2)


@asynccontextmanager
async def local_servers(settings: Settings, events: Events | None) -> AsyncGenerator[Settings]:
    """Start the local servers, and redact their credentials in the log."""
    async with local_stack(settings) as complete:
        _redact_secrets(complete, events)
        yield complete


def _redact_secrets(settings: Settings, events: Events | None) -> None:
    if events is not None:
        events.add_secrets(settings.secrets)


@asynccontextmanager
async def _metrics_server(services: Services, listener: socket.socket | None) -> AsyncGenerator[None]:
    """Answer Prometheus on its own port while the block runs, if the settings name one."""
    if listener is None:
        yield
        return
    config = uvicorn.Config(
        metrics_app(services), log_config=None, access_log=False, lifespan="off", timeout_graceful_shutdown=1
    )
    server = _MetricsServer(config)
    answering = asyncio.create_task(server.serve(sockets=[listener]), name="scrapes")
    _log.info("metrics are at %s/metrics", url_of(services.settings.metrics.host, listener))
    try:
        yield
    finally:
        server.should_exit = True
        await answering
        listener.close()


def _uvicorn_config(app: object, settings: Settings) -> uvicorn.Config:
    max_connections = _max_connections(settings)
    return uvicorn.Config(
        app,  # pyright: ignore[reportArgumentType] - FastAPI is an ASGI application
        http=http_protocol(settings.limits, most=max_connections),
        backlog=min(2048, max_connections),
        log_config=None,
        access_log=False,  # ExchangeMiddleware logs each request, with its route instead of its path
        server_header=False,
        timeout_graceful_shutdown=max(1, int(settings.service.step_grace.total_seconds())),
        lifespan="on",
    )


def _max_connections(settings: Settings) -> int:
    """The limit that leaves enough open files for jobs, even while a burst of further connections is refused."""
    available = (raise_file_limit(0) - required_open_files(settings.service.concurrency)) // 2
    return max(_FEWEST_CONNECTIONS, min(settings.limits.max_connections, available))


class _ApiServer(uvicorn.Server):
    """A uvicorn that ends, like the requests that wait for a job, when a signal or the caller sets `stopping`."""

    def __init__(self, config: uvicorn.Config, stopping: asyncio.Event, *, logs_stop: bool) -> None:
        super().__init__(config)
        self._stopping, self._loop, self._logs_stop = stopping, asyncio.get_running_loop(), logs_stop

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002 - a signal handler
        """End in order. uvicorn's own handler raises the signal again before jobs are handed back."""
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
        if self._logs_stop:
            _log.info(STOPPING)
        self.should_exit = True


class _MetricsServer(uvicorn.Server):
    """A uvicorn without signal handlers: the process decides when it ends."""

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        yield
