"""Measures how late the event loop is: the effect of a blocking call, or of too much work for one core."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import Final

from imagegen.observability.metrics.metrics import Metrics

_INTERVAL: Final = 0.5  # seconds


@asynccontextmanager
async def watch_event_loop(metrics: Metrics) -> AsyncGenerator[None]:
    """Measure the lag twice a second while the block runs."""
    loop = asyncio.get_running_loop()

    def measure(due: float) -> None:
        nonlocal timer
        metrics.observe_event_loop_lag(max(0.0, loop.time() - due))
        timer = _schedule(loop, measure)

    timer = _schedule(loop, measure)
    try:
        yield
    finally:
        timer.cancel()


def _schedule(loop: asyncio.AbstractEventLoop, measure: Callable[[float], None]) -> asyncio.TimerHandle:
    due = loop.time() + _INTERVAL
    return loop.call_at(due, measure, due)
