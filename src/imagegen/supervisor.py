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
from collections.abc import AsyncGenerator, Callable, Coroutine, Generator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import BinaryIO, Final, TypeVar

from imagegen.clock import backoff, wait_any
from imagegen.errors import StartupError
from imagegen.net.hangups import on_hangup
from imagegen.net.listeners import Listeners, listen, url_of
from imagegen.observability.logs import Events
from imagegen.observability.metrics import METRICS_DIRECTORY, forget_process
from imagegen.server import STOPPING, local_servers, read_catalog, warn_about_local_queue
from imagegen.settings import Settings

_FIRST_PAUSE, _LONGEST_PAUSE = timedelta(seconds=0.1), timedelta(seconds=5)
_STEADY: Final = 10.0  # seconds of running after which the next replacement starts at once again
_KILL_AFTER: Final = timedelta(seconds=5)  # beyond the grace of a process
T = TypeVar("T")
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
    """Run the API and process jobs in `count` processes until SIGTERM or SIGINT. SIGHUP reloads their catalogs.

    Args:
        settings: of the service. A server that they do not name is started on this machine.
        host: the address to listen on.
        port: the port to listen on; 0 for a free one.
        count: of the processes besides this one, which does no work.
        ready: called with the URL once all processes answer.
        events: the log's converter, to redact the local servers' credentials.

    Raises:
        StartupError: the port, the catalog, a setting, a local server, or a process that does not start.
    """
    if sys.platform == "win32":
        raise StartupError("--processes needs a system on which processes inherit sockets, such as Linux or macOS")
    settings.share(0, count)  # a limit that cannot be divided is a fault of the start
    children: list[_Child] = []
    stopping = asyncio.Event()
    on_hangup(partial(_hang_up, children), stopping)
    listeners = listen(settings, host, port)
    read_catalog(settings)
    warn_about_local_queue(settings)
    async with local_servers(settings, events):
        with tempfile.TemporaryDirectory(prefix="imagegen-metrics-", ignore_cleanup_errors=True) as metrics:
            children += (_Child(host, number, count, listeners, Path(metrics)) for number in range(count))
            _stop_on_signals(children, stopping)
            async with _running(children, stopping, settings.service.shutdown_grace + _KILL_AFTER):
                if not stopping.is_set():
                    ready(url_of(host, listeners.api))
                await stopping.wait()
                _log.info(STOPPING)
                listeners.close()  # while it is open, connections wait in its queue, which no child accepts any more


def _hang_up(children: "Sequence[_Child]") -> None:
    for child in children:
        child.hang_up()


def _stop_on_signals(children: "Sequence[_Child]", stopping: asyncio.Event) -> None:
    """Set `stopping` on SIGTERM and SIGINT. A second Ctrl+C ends the children without their grace."""
    loop = asyncio.get_running_loop()

    def interrupt() -> None:
        if stopping.is_set():
            for child in children:
                child.interrupt()
        stopping.set()

    loop.add_signal_handler(signal.SIGTERM, stopping.set)
    loop.add_signal_handler(signal.SIGINT, interrupt)


@asynccontextmanager
async def _running(children: "Sequence[_Child]", stopping: asyncio.Event, grace: timedelta) -> AsyncGenerator[None]:
    """Start every child, replace those that die while the block runs, and end all of them."""
    keepers: list[asyncio.Task[None]] = []
    try:
        await _start(children, stopping)
        keepers = [asyncio.create_task(child.keep_running(stopping)) for child in children]
        yield
    finally:
        stopping.set()
        await asyncio.gather(*keepers, return_exceptions=True)
        await asyncio.gather(*(child.stop(grace) for child in children))


async def _start(children: "Sequence[_Child]", stopping: asyncio.Event) -> None:
    """Start every child, and wait until all answer or `stopping` is set.

    Raises:
        StartupError: one cannot be started, or it ended.
    """
    starts = [asyncio.create_task(child.start(stopping)) for child in children]
    try:
        await asyncio.gather(*starts)
    except StartupError:
        stopping.set()  # the others are no longer waited for
        await asyncio.wait(starts)
        raise


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
    _is_ready: bool = False
    _has_hung_up: bool = False

    async def start(self, stopping: asyncio.Event) -> None:
        """Start the process, and wait until it answers or `stopping` is set.

        Raises:
            StartupError: it cannot be started, or it ended. Then it has said why in the log.
        """
        try:
            with _pipe() as (is_ready, tell_ready):
                process = self._process = await self._spawn(tell_ready.fileno())
                tell_ready.close()  # only the process has this end now, so that its death can be read
                said = await _unless(stopping, _first_byte(is_ready.fileno()))
                self._now_ready(bool(said))
        except OSError as error:
            raise StartupError(f"one of {self.count} processes cannot be started: {error}") from error
        if said == b"":
            status = await process.wait()
            self._forget(process)
            raise StartupError(f"one of {self.count} processes ended at its start, with status {status}")

    async def _spawn(self, tell_ready: int) -> asyncio.subprocess.Process:
        self.metrics.mkdir(exist_ok=True)  # what cleans temporary folders may have removed it
        sockets = self.listeners.descriptors
        return await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "imagegen", "serve-process"),
            self.host,
            *map(str, (self.number, self.count, tell_ready, *sockets)),
            stdin=asyncio.subprocess.PIPE,  # it ends when this process does, because that closes the pipe
            env={**os.environ, METRICS_DIRECTORY: str(self.metrics)},
            pass_fds=(tell_ready, *sockets),
            start_new_session=True,  # Ctrl+C in a terminal reaches the parent only
        )

    async def keep_running(self, stopping: asyncio.Event) -> None:
        """Replace the process whenever it ends, until `stopping`."""
        failures = 0
        while not stopping.is_set():
            began = time.monotonic()
            await self._report_end(stopping)
            failures = 1 if time.monotonic() - began > _STEADY else failures + 1
            await wait_any(stopping, at_most=backoff(failures, _FIRST_PAUSE, _LONGEST_PAUSE))
            if not stopping.is_set():
                try:
                    await self.start(stopping)
                except StartupError as error:
                    _log.error("%s; it is tried again", error)

    async def _report_end(self, stopping: asyncio.Event) -> None:
        """Wait until the process ends, or `stopping` is set. Returns at once if none was started."""
        process = self._process
        if process is None:
            return
        status = await _unless(stopping, process.wait())
        if status is not None:
            self._forget(process)
            _log.error("process %d ended with status %s and is replaced", process.pid, status)

    def _now_ready(self, is_ready: bool) -> None:
        """Take note of the end of a start, and pass on the SIGHUP that came meanwhile."""
        self._is_ready = is_ready
        if is_ready and self._has_hung_up:
            self.hang_up()

    def _forget(self, process: asyncio.subprocess.Process) -> None:
        self._process, self._is_ready = None, False
        forget_process(self.metrics, process.pid)

    def hang_up(self) -> None:
        """Send the process a SIGHUP; if it is starting, once it answers, because before it might end by that."""
        self._has_hung_up = not self._is_ready
        if self._is_ready and self._process is not None and self._process.returncode is None:
            self._process.send_signal(signal.SIGHUP)

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


@contextmanager
def _pipe() -> Generator[tuple[BinaryIO, BinaryIO]]:
    """The ends to read and to write; both are closed after the block."""
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb", buffering=0) as reader, os.fdopen(writing, "wb", buffering=0) as writer:
        yield reader, writer


async def _first_byte(descriptor: int) -> bytes:
    """Wait for a byte from a pipe; empty if its other end is closed."""
    loop, readable = asyncio.get_running_loop(), asyncio.Event()
    loop.add_reader(descriptor, readable.set)
    try:
        await readable.wait()
    finally:
        loop.remove_reader(descriptor)
    return os.read(descriptor, 1)


async def _unless(stopping: asyncio.Event, work: Coroutine[object, object, T]) -> T | None:
    """Do the work until it is done, or until `stopping` is set: then cancel it and return None."""
    working, stopped = asyncio.create_task(work), asyncio.create_task(stopping.wait())
    await asyncio.wait({working, stopped}, return_when=asyncio.FIRST_COMPLETED)
    stopped.cancel()
    if not working.done():
        working.cancel()
        await asyncio.wait({working})  # it may be reading from what the caller closes next
    return None if working.cancelled() else working.result()
