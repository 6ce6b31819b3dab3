"""The loop around the runner: take jobs while there are free slots, and find the jobs that the queue forgot."""

import asyncio
import logging
import random
import signal
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from typing import Final

from imagegen.deletion import sweep
from imagegen.errors import QueueUnavailable, Unavailable
from imagegen.queue import Delivery
from imagegen.runner import work
from imagegen.wiring import Services

AUDIT_INTERVAL: Final = timedelta(seconds=30)
FORGOTTEN_AFTER: Final = timedelta(seconds=10)
_PATIENCE: Final = timedelta(seconds=5)  # also how long a lost queue goes unnoticed
_log = logging.getLogger("imagegen.runner")


async def run_jobs(services: Services) -> None:
    """Run jobs from the queue until cancelled, `IMAGEGEN_CONCURRENCY` at a time.

    Cancelled, it hands every unfinished job back, so that another process goes on with it at once.
    """
    slots = asyncio.Semaphore(services.settings.service.concurrency)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(_audit_forever(services), name="audit")
        while True:
            await slots.acquire()
            delivery = await _next_delivery(services)
            task = tasks.create_task(_work_safely(delivery, services), name=f"job {delivery.job_id}")
            task.add_done_callback(lambda _: slots.release())


@asynccontextmanager
async def working(services: Services) -> AsyncGenerator[None]:
    """Run jobs beside the body. Should the loop itself ever end, the process is asked to end too."""
    loop = asyncio.create_task(run_jobs(services), name="jobs")
    loop.add_done_callback(_end_the_process)
    try:
        yield
    finally:
        loop.remove_done_callback(_end_the_process)
        loop.cancel()
        with suppress(asyncio.CancelledError):
            await loop


def _end_the_process(loop: asyncio.Task[None]) -> None:
    _log.critical("no jobs are taken any more; ending", exc_info=None if loop.cancelled() else loop.exception())
    signal.raise_signal(signal.SIGTERM)


async def audit(services: Services, forgotten_after: timedelta = FORGOTTEN_AFTER) -> int:
    """Queue again every unfinished job that nobody holds and the queue does not know; returns how many.

    This is what makes the stream expendable: MongoDB alone says which jobs there are.
    """
    await services.queue.prepare()
    # Jobs first, queue second: whatever another audit publishes in between has a higher generation or is queued.
    waiting = await services.jobs.waiting(forgotten_after)
    queued = await services.queue.queued() if waiting else frozenset[str]()
    found = 0
    for job_id in (job_id for job_id in waiting if job_id not in queued):
        generation = await services.jobs.next_generation(job_id, waiting[job_id])
        if generation is not None:
            await services.queue.publish_again(job_id, generation)
            found += 1
    return found


async def _audit_forever(services: Services) -> None:
    while True:
        try:
            if found := await audit(services):
                _log.warning("the queue had lost %d unfinished jobs; they are queued again", found)
        except Unavailable as error:
            _log.warning("audit: %s; trying again", error)
        try:
            await sweep(services)
        except Unavailable as error:
            _log.warning("sweep of deleted jobs: %s; trying again", error)
        await asyncio.sleep(AUDIT_INTERVAL.total_seconds() * random.uniform(0.9, 1.1))  # noqa: S311 - jitter


async def _next_delivery(services: Services) -> Delivery:
    while True:
        try:
            delivery = await services.queue.take(_PATIENCE)
        except QueueUnavailable as error:
            _log.warning("%s; trying again", error)
            await asyncio.sleep(1)
            continue
        if delivery is not None:
            return delivery


async def _work_safely(delivery: Delivery, services: Services) -> None:
    """The outermost loop: a defect met in one job must not end the others. Its lease runs out and it comes again."""
    try:
        await work(delivery, services)
    except Exception:  # noqa: BLE001 - the one place that outlives any defect, and says so in the log
        _log.exception("job %s: unexpected error", delivery.job_id)
