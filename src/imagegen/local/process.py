"""One server as a supervised child process: started, restarted when it dies, stopped."""

import asyncio
import contextlib
import logging
import os
import signal
import sys
import time
from datetime import timedelta
from pathlib import Path
from typing import BinaryIO

from imagegen.clock import backoff
from imagegen.errors import LocalServerError
from imagegen.local.server import LocalServer
from imagegen.local.watch import GRACE
from imagegen.settings import child_environment

logger = logging.getLogger("imagegen.local")

_WATCHER = Path(__file__).with_name("watch.py")
_LONGEST_START = 60.0  # seconds; mongod may have a journal to replay on a slow disk
# Before a dead server is started again.
_FIRST_PAUSE, _LONGEST_PAUSE = timedelta(seconds=0.1), timedelta(seconds=5)
_STEADY = 10.0  # seconds of running after which the next restart is quick again
_LARGEST_LOG = 8 * 2**20  # bytes; a larger log is renamed at the next start, and one old log is kept
_TAIL_LINES = 10


class SupervisedServer:
    """A server run by its watcher process."""

    def __init__(self, server: LocalServer, log: Path, lock: int) -> None:
        self.server = server
        self._log = log
        self._log_start = 0
        self._lock = lock
        self._watcher: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        """Start the server and wait until it answers.

        Raises:
            LocalServerError: it ended, or did not answer within a minute. The text has the end of its log.
        """
        began = time.monotonic()
        watcher = self._watcher = await self._spawn()
        if await self._answers(watcher):
            logger.info("%s is ready after %.1f s", self.server.name, time.monotonic() - began)
            return
        status = watcher.returncode
        await self.stop()
        raise await asyncio.to_thread(self._failure, status)

    async def keep_running(self) -> None:
        """Restart the server whenever it ends, until cancelled; on the same port, so that clients reconnect."""
        failures = 0
        while self._watcher:
            ready_at = time.monotonic()
            status = await self._watcher.wait()
            _kill_group(self._watcher.pid)
            failures = 1 if time.monotonic() - ready_at > _STEADY else failures + 1
            logger.warning("%s ended (exit status %s) and is restarted", self.server.name, status)
            await asyncio.sleep(backoff(failures, _FIRST_PAUSE, _LONGEST_PAUSE).total_seconds())
            try:
                await self.start()
            except (LocalServerError, OSError) as error:
                logger.error("%s", error)  # noqa: TRY400 - the traceback adds nothing to the text

    async def stop(self) -> None:
        """Stop the server: SIGTERM, then SIGKILL if it does not end in time."""
        watcher = self._watcher
        if watcher is None:
            return
        if watcher.stdin:
            watcher.stdin.close()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(watcher.wait(), GRACE + 2)
        _kill_group(watcher.pid)
        await watcher.wait()

    async def _answers(self, watcher: asyncio.subprocess.Process) -> bool:
        ready = asyncio.ensure_future(self.server.ready())
        ended = asyncio.ensure_future(watcher.wait())
        try:
            await asyncio.wait({ready, ended}, timeout=_LONGEST_START, return_when=asyncio.FIRST_COMPLETED)
            if ready.done():
                ready.result()
            return ready.done() and not ended.done()
        finally:
            ready.cancel()
            ended.cancel()
            await asyncio.gather(ready, ended, return_exceptions=True)

    async def _spawn(self) -> asyncio.subprocess.Process:
        log = await asyncio.to_thread(_open_log, self._log)
        with log:
            self._log_start = log.tell()
            return await asyncio.create_subprocess_exec(
                *(sys.executable, "-I", "-S", str(_WATCHER), *self.server.command),
                stdin=asyncio.subprocess.PIPE,
                stdout=log,
                stderr=asyncio.subprocess.STDOUT,
                cwd=self.server.directory,
                env=child_environment(),
                start_new_session=True,
                pass_fds=(self._lock,),
            )

    def _failure(self, status: int | None) -> LocalServerError:
        what = "does not answer" if status is None else f"ended at its start (exit status {status})"
        with self._log.open("rb") as log:
            log.seek(self._log_start)
            text = log.read().decode(errors="replace")
        remedy = self.server.remedy(text)
        tail = "\n".join(f"  {line}" for line in text.splitlines()[-_TAIL_LINES:])
        first = f"The local {self.server.name} server {what}.{f' {remedy}' if remedy else ''}"
        return LocalServerError(f"{first}\nThe end of its log, {self._log}:\n{tail}")


def _open_log(path: Path) -> BinaryIO:
    if path.exists() and path.stat().st_size > _LARGEST_LOG:
        path.replace(path.with_suffix(".log.old"))
    return path.open("ab")


def _kill_group(watcher: int) -> None:
    """Kill the rest of a watcher's process group: the server, if only the watcher was killed."""
    with contextlib.suppress(ProcessLookupError, PermissionError):  # macOS: EPERM for a group of zombies
        os.killpg(watcher, signal.SIGKILL)
