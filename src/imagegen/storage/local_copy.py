"""What MongoDB holds of one kind, in the memory of a process.

A request reads only the memory, so neither a slow MongoDB nor a read under way holds it up.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from typing import Any, Final, Generic, Protocol, TypeVar

from imagegen.clock import uptime, wait_any
from imagegen.errors import DatabaseUnavailable

T = TypeVar("T")
_READ_EVERY: Final = timedelta(seconds=10)
_READS_IN_A_CACHE: Final = 3
_RETRY_AFTER: Final = timedelta(seconds=1)
_TOGETHER: Final = 0.05  # seconds; changes that follow each other this closely are read once


class News(Protocol):
    """News between processes that something has changed: `imagegen.queue.ChangeNews`."""

    changed: asyncio.Event

    async def announce(self) -> None:
        """Set `changed`, here and in the other processes."""
        ...


class LocalCopy(Generic[T]):
    """The result of a read, as it was last made.

    Args:
        name: what is read, for the log.
        read: reads it from MongoDB.
        empty: stands for it until the first read.
        news: which every process sends after a change.
        valid_for: how long what was read last is valid while MongoDB does not answer.
        log: where failed reads are told.

    Attributes:
        latest: what was read last, however old it is.
    """

    def __init__(
        self,
        name: str,
        read: Callable[[], Awaitable[T]],
        empty: T,
        *,
        news: News,
        valid_for: timedelta,
        log: logging.Logger,
    ) -> None:
        self._name, self._read, self._news, self._valid_for, self._log = name, read, news, valid_for, log
        self.latest = empty
        self._read_at = float("-inf")

    def current(self) -> T:
        """What was read last.

        Raises:
            DatabaseUnavailable: MongoDB has not said so lately.
        """
        if uptime() - self._read_at > self._valid_for.total_seconds():
            raise DatabaseUnavailable
        return self.latest

    async def announce_change(self) -> None:
        """After a change by this process: read it, and tell the other processes to do so."""
        await self._news.announce()
        await self.read()

    async def read(self) -> bool:
        """Read it; returns whether MongoDB answered. Of two reads at once, the later one counts."""
        began = uptime()
        try:
            found = await self._read()
        except DatabaseUnavailable as error:
            self._log.warning("the %s cannot be read: %s; those that were read last stay in use", self._name, error)
            return False
        except Exception:  # noqa: BLE001 - outlives any defect, and logs it
            self._log.exception("the %s cannot be read; those that were read last stay in use", self._name)
            return False
        if began > self._read_at:
            self.latest, self._read_at = found, began
        return True

    @asynccontextmanager
    async def kept_current(self) -> AsyncGenerator[None]:
        """Read it at once, then beside the body at every change, and at the latest every ten seconds."""
        await self.read()
        async with running_beside(self._keep_current(), self._name):
            yield

    async def _keep_current(self) -> None:
        usual = min(_READ_EVERY, self._valid_for / _READS_IN_A_CACHE)
        pause = usual
        while True:
            await wait_any(self._news.changed, at_most=pause)
            await asyncio.sleep(_TOGETHER)
            self._news.changed.clear()
            pause = usual if await self.read() else _RETRY_AFTER


@asynccontextmanager
async def running_beside(work: Coroutine[Any, Any, None], name: str) -> AsyncGenerator[None]:
    """Run endless work beside the body, and cancel it at the end."""
    task = asyncio.create_task(work, name=name)
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
