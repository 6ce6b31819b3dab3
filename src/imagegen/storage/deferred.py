"""Work that may be done shortly afterwards, and costs less when it is done for many at once."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Hashable, Sequence
from contextlib import suppress
from contextvars import Context
from datetime import timedelta
from typing import Final, Generic, TypeVar

from imagegen.errors import DatabaseUnavailable

_CLOSE_LIMIT: Final = 3.0  # seconds
T = TypeVar("T", bound=Hashable)


class Deferred(Generic[T]):
    """Items that wait to be handled together.

    Args:
        handle: handles them. What MongoDB does not take is logged, and left to maintenance.
        delay: how long they wait for others.
        log: of the warning; it says `{n} {words} later`.
        words: what happens to them, such as `ended jobs are counted`.
    """

    def __init__(
        self, handle: Callable[[Sequence[T]], Awaitable[None]], delay: timedelta, log: logging.Logger, words: str
    ) -> None:
        self._handle, self._delay, self._log, self._words = handle, delay.total_seconds(), log, words
        self._items: dict[T, None] = {}
        self._closing = asyncio.Event()
        self._running: asyncio.Task[None] | None = None

    def add(self, item: T) -> None:
        """Handle this item with others, soon."""
        self._items[item] = None
        if self._running is None or self._running.done():
            # In a context of its own, because it belongs to no single job's trace, log or time limit.
            self._running = asyncio.create_task(self._run(), name=self._words, context=Context())

    async def close(self) -> None:
        """Handle what is left at once, for at most 3 s."""
        self._closing.set()
        if self._running is not None:
            with suppress(TimeoutError):
                async with asyncio.timeout(_CLOSE_LIMIT):
                    await self._running

    async def _run(self) -> None:
        while self._items:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._delay):
                    await self._closing.wait()
            items, self._items = list(self._items), {}
            try:
                await self._handle(items)
            except DatabaseUnavailable as error:
                self._log.warning("%d %s later: %s", len(items), self._words, error)
