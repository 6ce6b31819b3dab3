"""Clocks: the time in UTC, the uptime of the machine, waiting for events with a limit, and pauses between retries."""

import asyncio
import random
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import count


def now() -> datetime:
    """The time in UTC to the millisecond, the precision of MongoDB's dates."""
    moment = datetime.now(UTC)
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


async def wait_any(*events: asyncio.Event, at_most: timedelta) -> None:
    """Wait until one of the events is set, or until the time has passed."""
    waits = {asyncio.create_task(event.wait()) for event in events}
    try:
        await asyncio.wait(waits, timeout=at_most.total_seconds(), return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()


def uptime() -> float:
    """Seconds on a clock that continues while the process is stopped or the machine sleeps."""
    clock = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
    return time.clock_gettime(clock)


def backoff(failures: int, first: timedelta, longest: timedelta, growth: float = 2) -> timedelta:
    """The pause after so many failures in a row (from 1): `first`, times `growth` for each further failure.

    It never exceeds `longest`, and has no jitter: multiply it by `jitter()` if several callers may retry together.
    """
    grown = first.total_seconds() * growth ** min(failures - 1, 64)  # a larger power could overflow a float
    return timedelta(seconds=min(grown, longest.total_seconds()))


def pauses(first: timedelta, longest: timedelta, growth: float = 2) -> Iterator[timedelta]:
    """The endless series of `backoff`, each with jitter."""
    return (backoff(failures, first, longest, growth) * jitter() for failures in count(1))


def jitter(spread: float = 0.25) -> float:
    """A random factor within 1 ± `spread`, so that callers which failed together do not retry together."""
    return random.uniform(1 - spread, 1 + spread)  # noqa: S311 - spreads load, hides nothing
