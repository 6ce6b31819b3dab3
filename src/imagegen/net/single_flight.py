"""One response shared by concurrent callers and kept for a while, for calls that cost other servers work."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Generic, TypeVar

T = TypeVar("T")


class SingleFlight(Generic[T]):
    """Runs at most one call at a time, and repeats it only after `kept`."""

    def __init__(self, call: Callable[[], Awaitable[T]], kept: timedelta) -> None:
        self._call, self._kept = call, kept.total_seconds()
        self._ended_at = float("-inf")
        self._running: asyncio.Task[T] | None = None

    async def get(self) -> T:
        """The call's result, at most `kept` old."""
        is_old = time.monotonic() - self._ended_at >= self._kept
        if self._running is None or (self._running.done() and is_old):
            self._running = asyncio.create_task(self._run(), name="single flight")
        return await asyncio.shield(self._running)  # a caller that is cancelled does not cancel it for the others

    async def _run(self) -> T:
        try:
            return await self._call()
        finally:
            self._ended_at = time.monotonic()
