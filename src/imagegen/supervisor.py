"""One service of several processes, for more than one core. The parent owns what they share, and replaces dead ones.

It binds the sockets and hands them on, runs the local servers, and passes signals on. It answers no request: the kernel
gives each connection to whichever process accepts it first. A process that dies loses its own connections only.
"""

import asyncio
import logging
import os
import signal
import sys
import tempfile
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final

from imagegen.clock import backoff, wait_any
from imagegen.errors import StartupError
from imagegen.net.listeners import Listeners, listen, url_of
from imagegen.observability.logs import Events
from imagegen.observability.metrics import METRICS_DIRECTORY, forget_process
from imagegen.server import local_servers, read_catalog, warn_about_local_queue
from imagegen.settings import Settings

_FIRST_PAUSE, _LONGEST_PAUSE = timedelta(seconds=0.1), timedelta(seconds=5)
_STEADY: Final = 10.0  # seconds of running after which the next replacement starts at once again
_KILL_AFTER: Final = timedelta(seconds=5)  # beyond the grace of a process
_log = logging.getLogger("imagegen")


async def serve_in_processes(
    settings: Settings,
    host: str,
    port: int,
    count: int,
    *,
    ready: Callable[[str], None] = lambda _url: None,
    events: Events | None = None,
) -> None:
    """Run the API and process jobs in `count` processes until SIGTERM or SIGINT.

    Args:
        settings: of the service. A server that they do not name is started on this machine.
        host: the address to listen on.
        port: the port to listen on; 0 for a free one.
        count: of the processes besides this one, which does no work.
        ready: called with the URL once all processes answer.
        events: the log's converter, to redact the local servers' credentials.

    Raises:
        StartupError: the port, the catalog, a setting, a local server, or a process that ends at its start.
    """
    if sys.platform == "win32":
        raise StartupError("--processes needs a system on which processes inherit sockets, such as Linux or macOS")
    for number in range(count):
        settings.share(number, count)  # a limit that cannot be shared is a fault of the start
    listeners = listen(settings, host, port)
    read_catalog(settings)
    warn_about_local_queue(settings)
    with tempfile.TemporaryDirectory(prefix="imagegen-metrics-", ignore_cleanup_errors=True) as metrics:
        async with local_servers(settings, events):
            children = [_Child(host, number, count, listeners, Path(metrics)) for number in range(count)]
            stopping = _stopping_on_signals(children)
            async with _running(children, stopping, settings.service.shutdown_grace + _KILL_AFTER):
                ready(url_of(host, listeners.api))
                await stopping.wait()


def _stopping_on_signals(children: "Sequence[_Child]") -> asyncio.Event:
    """Set by SIGTERM and SIGINT. A second Ctrl+C ends the children without their grace, as in a single process."""
    stopping, loop = asyncio.Event(), asyncio.get_running_loop()

    def interrupt() -> None:
        if stopping.is_set():
            for child in children:
                child.interrupt()
        stopping.set()

    loop.add_signal_handler(signal.SIGTERM, stopping.set)
    loop.add_signal_handler(signal.SIGINT, interrupt)
    return stopping


@asynccontextmanager
async def _running(children: "Sequence[_Child]", stopping: asyncio.Event, grace: timedelta) -> AsyncGenerator[None]:
    """Start every child, replace those that die while the block runs, and end all of them."""
    keepers: list[asyncio.Task[None]] = []
    try:
        await asyncio.gather(*(child.start() for child in children))
        keepers = [asyncio.create_task(child.keep_running(stopping)) for child in children]
        yield
    finally:
        for keeper in keepers:
            keeper.cancel()
        await asyncio.gather(*keepers, return_exceptions=True)
        await asyncio.gather(*(child.stop(grace) for child in children))


@dataclass(slots=True)
class _Child:
    """One process that answers requests, and its successors.

    Attributes:
        host: the address that the service listens on.
        number: from 0; with `count`, it says which part of the limits is its own.
        count: of all children.
        listeners: which it inherits.
        metrics: the directory in which all children count.
    """

    host: str
    number: int
    count: int
    listeners: Listeners
    metrics: Path
    _process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        """Start the process and wait until it answers.

        Raises:
            StartupError: it ended. It has said why in the log.
        """
        is_ready, tell_ready = os.pipe()
        sockets = [each.fileno() for each in (self.listeners.api, self.listeners.metrics) if each is not None]
        try:
            process = self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "imagegen", "serve-process"),
                self.host,
                *map(str, (self.number, self.count, tell_ready, *sockets)),
                stdin=asyncio.subprocess.PIPE,  # it ends when this process does, because that closes the pipe
                env={**os.environ, METRICS_DIRECTORY: str(self.metrics)},
                pass_fds=(tell_ready, *sockets),
                start_new_session=True,  # Ctrl+C in a terminal reaches the parent only
            )
        finally:
            os.close(tell_ready)
        with os.fdopen(is_ready, "rb") as pipe:
            if not await _first_byte(pipe.fileno()):
                raise StartupError(f"one of {self.count} processes ended with status {await process.wait()}")

    async def keep_running(self, stopping: asyncio.Event) -> None:
        """Replace the process whenever it ends, until `stopping`."""
        failures = 0
        while self._process is not None:
            began = time.monotonic()
            status = await self._process.wait()
            forget_process(self.metrics, self._process.pid)
            if stopping.is_set():
                return
            failures = 1 if time.monotonic() - began > _STEADY else failures + 1
            _log.error("process %d ended with status %s and is replaced", self._process.pid, status)
            await wait_any(stopping, at_most=backoff(failures, _FIRST_PAUSE, _LONGEST_PAUSE))
            with suppress(StartupError):  # it has said why; the next try follows
                await self.start()

    def interrupt(self) -> None:
        """Send the process a Ctrl+C."""
        if self._process is not None and self._process.returncode is None:
            self._process.send_signal(signal.SIGINT)

    async def stop(self, grace: timedelta) -> None:
        """End the process: SIGTERM, then SIGKILL if it does not end in time."""
        process = self._process
        if process is None or process.returncode is not None:
            return
        process.terminate()
        try:
            await asyncio.wait_for(process.wait(), grace.total_seconds())
        except TimeoutError:
            _log.error("process %d did not end within %s and is killed", process.pid, grace)
            process.kill()
            await process.wait()


async def _first_byte(descriptor: int) -> bytes:
    """Wait for a byte from a pipe; empty if its other end is closed."""
    loop, readable = asyncio.get_running_loop(), asyncio.Event()
    loop.add_reader(descriptor, readable.set)
    try:
        await readable.wait()
    finally:
        loop.remove_reader(descriptor)
    return os.read(descriptor, 1)
