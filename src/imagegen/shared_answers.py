"""One answer for all who ask at the same moment, kept a while, for questions that cost other servers work."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Generic, TypeVar

T = TypeVar("T")


class SharedAnswer(Generic[T]):
    """Asks at most one question at a time, and again only after `kept`."""

    def __init__(self, ask: Callable[[], Awaitable[T]], kept: timedelta) -> None:
        self._ask, self._kept = ask, kept.total_seconds()
        self._answered_at = float("-inf")
        self._asking: asyncio.Task[T] | None = None

    async def get(self) -> T:
        """The answer, which is `kept` old at the most."""
        is_old = time.monotonic() - self._answered_at >= self._kept
        if self._asking is None or (self._asking.done() and is_old):
            self._asking = asyncio.create_task(self._answer(), name="shared answer")
        return await asyncio.shield(self._asking)  # a caller that hangs up does not take it from the others

    async def _answer(self) -> T:
        try:
            return await self._ask()
        finally:
            self._answered_at = time.monotonic()
