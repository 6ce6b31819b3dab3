"""Measures the processor time that the event loop's thread spends between two ticks."""

import asyncio
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any, Final, cast

_USUAL: Final = 0.06  # seconds of processor time that a million squares take on a machine of 2024


def slowness() -> float:
    """How many times as much processor time as usual this machine needs at this moment; at least 1."""
    began = time.thread_time()
    sum(number * number for number in range(1_000_000))
    return max(1.0, (time.thread_time() - began) / _USUAL)


class LoopMeter:
    """The longest tick so far, in seconds of the thread's processor time."""

    def __init__(self) -> None:
        self.longest = 0.0


@contextmanager
def metering() -> Generator[LoopMeter]:
    """Measure every tick of the running loop, which is asyncio's own, while the body runs."""
    loop, meter = cast("Any", asyncio.get_running_loop()), LoopMeter()
    run_once: Callable[[], None] = loop._run_once

    def metered() -> None:
        began = time.thread_time()
        run_once()
        meter.longest = max(meter.longest, time.thread_time() - began)

    loop._run_once = metered
    try:
        yield meter
    finally:
        del loop._run_once
