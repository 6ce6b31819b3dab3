"""Waiting for a job or a batch on behalf of a caller."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import timedelta
from typing import Final

from imagegen.clock import uptime, wait_any
from imagegen.errors import DatabaseUnavailable
from imagegen.jobs import Job
from imagegen.queue.subscriptions import Subscription, is_any, is_end
from imagegen.services import Services

RECHECK_EVERY: Final = timedelta(seconds=5)  # without events, because they may get lost
MAX_WAIT: Final = timedelta(seconds=60)


async def wait_for_end(
    job: Job, services: Services, patience: timedelta, subscription: Subscription | None = None
) -> Job:
    """The job when it has ended, or as it is when the patience is over or the service is asked to stop.

    Args:
        job: as read or stored.
        services: the store, the queue's events, and whether the service is stopping.
        patience: how long to wait at most.
        subscription: to the job's end, from before it was stored: then the job is not read before its first event.
    """
    if subscription is None:
        return await wait_for_change(job, services, patience, None)
    return await _wait(job, services, patience, None, subscription)


async def wait_for_change(
    job: Job, services: Services, patience: timedelta, is_new: Callable[[Job], bool] | None
) -> Job:
    """The job when it has ended or is new to the caller, or as it is when the patience is over.

    Args:
        job: as read.
        services: the store, the queue's events, and whether the service is stopping.
        patience: how long to wait at most.
        is_new: whether the caller has not seen this state of the job; without it, only the end counts.
    """
    with services.queue.subscriptions.subscribe(job.id, is_end if is_new is None else is_any) as subscription:
        subscription.changed.set()
        return await _wait(job, services, patience, is_new, subscription)


async def _wait(
    job: Job, services: Services, patience: timedelta, is_new: Callable[[Job], bool] | None, subscription: Subscription
) -> Job:
    async def is_enough() -> bool:
        nonlocal job
        if subscription.ended is not None:
            job = subscription.ended
            return True
        with suppress(DatabaseUnavailable):
            job = await services.jobs.get(job.id)
        return job.status.is_final or (is_new is not None and is_new(job))

    await check_until(is_enough, subscription.changed, services.stopping, patience)
    return job


async def check_until(
    is_enough: Callable[[], Awaitable[bool]],
    changed: asyncio.Event,
    stopping: asyncio.Event,
    patience: timedelta,
    pause: timedelta = timedelta(0),
) -> None:
    """Check a condition until it holds, the patience is over, or the service is asked to stop.

    Args:
        is_enough: the condition.
        changed: set when it may hold. Events keep no history, so a new subscriber sets it; without any, the condition
            is checked every few seconds.
        stopping: ends the wait.
        patience: if zero, the condition is not checked at all.
        pause: between two checks.
    """
    give_up_at = uptime() + patience.total_seconds()
    while (left := give_up_at - uptime()) > 0 and not stopping.is_set():
        await wait_any(changed, stopping, at_most=min(timedelta(seconds=left), RECHECK_EVERY))
        changed.clear()
        if await is_enough():
            return
        if pause:
            await wait_any(stopping, at_most=min(pause, timedelta(seconds=left)))
