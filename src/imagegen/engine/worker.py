"""The loop around the runner: takes jobs while slots are free, and queues jobs again that the queue has lost."""

import asyncio
import logging
import signal
from collections.abc import AsyncGenerator, Awaitable, Sequence
from contextlib import asynccontextmanager
from contextvars import copy_context
from datetime import timedelta
from functools import partial
from typing import Final

from imagegen.clock import jitter, wait_any
from imagegen.engine.budget_upkeep import BudgetAlerts, audit_budgets
from imagegen.engine.catalog_upkeep import CatalogComparison
from imagegen.engine.orphans import sweep_orphans
from imagegen.engine.runner import work
from imagegen.errors import QueueUnavailable, Unavailable
from imagegen.observability.logs import bind_log_context
from imagegen.observability.metrics import Metrics
from imagegen.operations.catalog_reload import register_process
from imagegen.operations.delete import sweep_deletions
from imagegen.queue import Queue, QueueMessage, WorkItem, WorkSlot, WorkSlots
from imagegen.queue.lanes import FIRST_LANE_LIMIT, OPEN, RETRY, lane_of
from imagegen.services import Services
from imagegen.storage.jobs.queue_state import QueuedJob

RECONCILE_EVERY: Final = timedelta(seconds=30)
LOST_AFTER: Final = timedelta(seconds=10)
SECOND_LOOK_AFTER: Final = timedelta(seconds=2)
_TAKE_PATIENCE: Final = timedelta(seconds=5)  # also how long a lost queue goes unnoticed
_QUEUE_DOWN_PAUSE: Final = timedelta(seconds=1)
_log = logging.getLogger("imagegen.runner")


async def run_jobs(services: Services) -> None:
    """Run jobs from the queue, and those that start without a message, `IMAGEGEN_CONCURRENCY` at a time.

    When cancelled, hand every unfinished job back, so that another process continues it at once.
    """
    count = services.settings.service.concurrency
    slots, context = WorkSlots(count), copy_context()
    services.metrics.set_job_slots(count)
    async with asyncio.TaskGroup() as tasks:

        def run(item: WorkItem) -> bool:
            # In the context of this loop: that of a request has its trace, its log fields and its time limits.
            job = _work_safely(item, services)
            try:
                task = tasks.create_task(job, name=f"job {item.job_id}", context=context.copy())
            except RuntimeError:  # a task has failed, so the loop is about to be cancelled
                job.close()
                return False
            if item.work_slot is not None:
                task.add_done_callback(partial(_release, item.work_slot))
            return True

        tasks.create_task(_maintain(services), name="maintenance")
        try:
            with services.direct_starts.running(slots, run):
                while True:
                    slot = await slots.acquire()
                    message = await _next_message(services.queue, slot, services.metrics)
                    message.work_slot = slot
                    if not run(message):
                        return await message.hand_back(timedelta(0))
        finally:
            await asyncio.sleep(0)  # each task takes its first step, because only then can it hand its job back


def _release(slot: WorkSlot, _: asyncio.Task[None]) -> None:
    slot.release()


@asynccontextmanager
async def working(services: Services) -> AsyncGenerator[None]:
    """Run jobs beside the body, until it ends or the process is asked to stop; then hand all jobs back at once.

    If the loop itself ends, the process is asked to stop too.
    """
    loop = asyncio.create_task(run_jobs(services), name="jobs")
    loop.add_done_callback(_stop_process)
    stopping = asyncio.create_task(_stop_with_process(loop, services.stopping), name="stopping")
    try:
        yield
    finally:
        services.stopping.set()
        await stopping


async def _stop_with_process(loop: asyncio.Task[None], stopping: asyncio.Event) -> None:
    """Hand the jobs back while the requests that wait for them are still being answered."""
    await stopping.wait()
    loop.remove_done_callback(_stop_process)
    loop.cancel()
    await asyncio.wait({loop})


def _stop_process(loop: asyncio.Task[None]) -> None:
    _log.critical("no jobs are taken any more; stopping", exc_info=None if loop.cancelled() else loop.exception())
    signal.raise_signal(signal.SIGTERM)


async def reconcile(services: Services, lost_after: timedelta = LOST_AFTER) -> int:
    """Queue again every unfinished job without a lease and without a message; returns how many.

    This makes the stream expendable: MongoDB alone knows which jobs there are.
    """
    stream = services.queue.stream
    await stream.prepare()
    if not await register_process(services):
        _log.critical("other processes use this MongoDB with another queue: set NATS_URL to the same for all")
    suspects = await _without_message(services, lost_after)
    if not suspects:
        return 0
    # A job that was stored, revived or queued again a moment ago is about to get its message.
    await wait_any(services.stopping, at_most=SECOND_LOOK_AFTER)
    seen = {(job.id, job.generation) for job in suspects}
    lost = [job for job in await _without_message(services, lost_after) if (job.id, job.generation) in seen]
    queued = sum([await _queue_again(job, services) for job in lost])
    if queued:
        _log.warning("%d unfinished jobs were not in the queue; they are queued again", queued)
    return queued


async def _without_message(services: Services, untouched_for: timedelta) -> Sequence[QueuedJob]:
    # Jobs first, queue second: a job that another process queues in between has a higher generation or a message.
    waiting = await services.queue_state.find_idle(untouched_for)
    if not waiting:
        return ()
    queued = await services.queue.stream.queued()
    bounded = services.settings.fal.concurrency is not None
    return [job for job in waiting if job.id not in (queued.open if bounded and job.is_open_at_fal else queued.all)]


async def _queue_again(job: QueuedJob, services: Services) -> bool:
    """Publish the job, unless another process was faster.

    A job that was sent to fal goes to a lane of its own: in a lane of new jobs, which wait for a slot at fal, it would
    wait for the very slot that it holds. A held job goes to the retry lane.
    """
    generation = await services.queue_state.bump_generation(job.id, job.generation)
    if generation is None:
        return False
    if job.is_held:
        lane = RETRY
    elif job.was_sent:
        lane = OPEN
    else:
        crowded = await services.queue_state.has_more_queued(job.user_id, job.priority, FIRST_LANE_LIMIT)
        lane = lane_of(job.user_id, job.priority, crowded=crowded)
    await services.queue.publish_again(job.id, generation, lane)
    return True


async def _maintain(services: Services) -> None:
    """Reconcile, compare catalogs, count usage, settle budgets, delete, remove orphans.

    Now, after one lease, then every 30 seconds.
    """
    # At the start, jobs that an earlier process left are queued at once; a lease later, those that it had leases on.
    early, alerts, catalogs = 2, BudgetAlerts(services), CatalogComparison(services)
    # nats-py's requests can swallow a cancellation (wait_for, before Python 3.12), so `stopping` is checked too.
    while not services.stopping.is_set():
        if await _do_safely("reconciliation", reconcile(services, timedelta(0) if early else LOST_AFTER)):
            early = max(early - 1, 0)
        await _do_safely("comparison of catalogs", catalogs.compare())
        await _do_safely("counting of ended jobs", services.usage.count_pending())
        await _do_safely("reconciliation of budgets", services.budget_reconciliation.reconcile())
        await _do_safely("audit of budgets", audit_budgets(services))
        await _do_safely("alerts of budgets", alerts.tell())
        await _do_safely("sweep of deleted jobs", sweep_deletions(services))
        await _do_safely("sweep of the bucket", sweep_orphans(services))
        pause = min(services.settings.service.lease, RECONCILE_EVERY) if early else RECONCILE_EVERY * jitter(0.1)
        await wait_any(services.stopping, at_most=pause)


async def _do_safely(name: str, task: Awaitable[int]) -> bool:
    """Run one maintenance task; returns whether it succeeded. A failure ends neither jobs nor other tasks."""
    try:
        await task
    except Unavailable as error:
        _log.warning("%s: %s; trying again", name, error)
    except Exception:  # noqa: BLE001 - outlives any defect, and logs it
        _log.exception("%s: unexpected error; trying again", name)
    else:
        return True
    return False


async def _next_message(queue: Queue, slot: WorkSlot, metrics: Metrics) -> QueueMessage:
    while True:
        try:
            message = await queue.take(_TAKE_PATIENCE, slot)
        except QueueUnavailable as error:
            _log.warning("%s; trying again", error)
            await asyncio.sleep(_QUEUE_DOWN_PAUSE.total_seconds())
            continue
        if message is not None:
            if message.is_repeated:
                metrics.message_redelivered()
            return message


async def _work_safely(item: WorkItem, services: Services) -> None:
    """The outermost loop: a defect in one job must not end others. Its lease runs out and it is delivered again."""
    bind_log_context(job_id=item.job_id)
    try:
        with services.metrics.job_in_flight():
            await work(item, services)
    except Exception:  # noqa: BLE001 - the one place that outlives any defect, and logs it
        _log.exception("job %s: unexpected error", item.job_id)
    finally:
        item.release_priority()
        item.retry_done()
