"""The slots among the requests open at fal: FAL_CONCURRENCY of all processes, each held by one job's document.

A job takes its slot with the write of its intent to submit, and frees it with the transition after which its request is
no longer open. While it waits, its work slot serves another job, and a job of low priority lets others go first.
"""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Final

from imagegen.clock import now, wait_any
from imagegen.engine.holds import deadline_error, until_due
from imagegen.engine.interruptions import JobEnds, Postponed
from imagegen.engine.lease import JobLease
from imagegen.engine.leased_job import LeasedJob
from imagegen.jobs import Hold, HoldKind, Job, Priority
from imagegen.queue.subscriptions import FREE_SLOT
from imagegen.services import Services

_RECHECK_EVERY: Final = timedelta(seconds=1)  # without a signal of a free slot
_LOW_PRIORITY_DELAY: Final = timedelta(milliseconds=100)  # after a slot was freed


async def save_intent(intent: Callable[[], Job], lease: JobLease, services: Services) -> None:
    """Store the intent to submit, once fewer than FAL_CONCURRENCY requests are open at fal.

    Args:
        intent: the transition, made from the job as stored at the time of the call.
        lease: of the job.
        services: the queue, the settings and whether the process is stopping.

    Raises:
        Postponed: the process was told to stop meanwhile.
        JobEnds: the job's deadline passed meanwhile.
        StaleJob: the lease has passed to another runner.
    """
    bound = services.settings.fal.concurrency
    if bound is None:
        await lease.leased.save(intent())
    else:
        await _save_with_slot(intent, bound, lease, services)
    lease.item.release_priority()


async def _save_with_slot(intent: Callable[[], Job], bound: int, lease: JobLease, services: Services) -> None:
    leased = lease.leased
    with services.queue.subscriptions.signal(FREE_SLOT) as freed:
        while True:
            freed.clear()
            await lease.require()
            if await leased.save_intent(intent(), bound):
                return
            with lease.item.slot_released():
                await _wait_for_slot(leased.job, freed, services.stopping)
            if not freed.is_set():
                await _hold_for_slot(leased, bound)


async def _wait_for_slot(job: Job, freed: asyncio.Event, stopping: asyncio.Event) -> None:
    """Wait until a slot may be free: a signal of one, or a second. The deadline ends the wait and the job."""
    await wait_any(freed, stopping, at_most=until_due(_RECHECK_EVERY, job.deadline))
    if stopping.is_set():
        raise Postponed("the process is stopping", timedelta(0))
    if (too_late := deadline_error(job)) is not None:
        raise JobEnds(job.failed(too_late, now()))
    if job.priority is Priority.LOW:
        await asyncio.sleep(_LOW_PRIORITY_DELAY.total_seconds())


async def _hold_for_slot(leased: LeasedJob, bound: int) -> None:
    """Store once that the job waits for a slot. Most jobs get one sooner."""
    if leased.job.hold is None or leased.job.hold.kind is not HoldKind.SLOT:
        reason = f"{bound} requests are open there (FAL_CONCURRENCY)"
        await leased.save(leased.job.held(Hold.after(None, HoldKind.SLOT, reason, now())))
