"""How late the event loop is: what a call that blocks it, or too much work for one core, does to everybody else."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import Final

from imagegen.metrics.metrics import Metrics

_BETWEEN_LOOKS: Final = 0.5  # seconds


@asynccontextmanager
async def watching_the_event_loop(metrics: Metrics) -> AsyncGenerator[None]:
    """Note twice a second how late the loop was, for as long as the body runs."""
    loop = asyncio.get_running_loop()

    def look(due: float) -> None:
        nonlocal timer
        metrics.event_loop_was_late(max(0.0, loop.time() - due))
        timer = _look_again(loop, look)

    timer = _look_again(loop, look)
    try:
        yield
    finally:
        timer.cancel()


def _look_again(loop: asyncio.AbstractEventLoop, look: Callable[[float], None]) -> asyncio.TimerHandle:
    due = loop.time() + _BETWEEN_LOOKS
    return loop.call_at(due, look, due)
