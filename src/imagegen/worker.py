"""The loop around the runner: take jobs while there are free slots, and find the jobs that the queue forgot."""

import asyncio
import logging
import random
import signal
from collections.abc import AsyncGenerator, Awaitable, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial
from typing import Final

from imagegen.deletion import sweep
from imagegen.errors import QueueUnavailable, Unavailable
from imagegen.leftovers import sweep_leftovers
from imagegen.logs import about
from imagegen.queue import Delivery, Place, Places
from imagegen.queue_lanes import AGAIN, FEW, OPEN, lane_of
from imagegen.runner import work
from imagegen.storage.queueing import Waiting
from imagegen.turn import either
from imagegen.wiring import QUEUE_USE, Services

AUDIT_INTERVAL: Final = timedelta(seconds=30)
FORGOTTEN_AFTER: Final = timedelta(seconds=10)
SECOND_LOOK_AFTER: Final = timedelta(seconds=2)
_PATIENCE: Final = timedelta(seconds=5)  # also how long a lost queue goes unnoticed
_log = logging.getLogger("imagegen.runner")


async def run_jobs(services: Services) -> None:
    """Run jobs from the queue until cancelled, `IMAGEGEN_CONCURRENCY` at a time.

    Cancelled, it hands every unfinished job back, so that another process goes on with it at once.
    """
    places = Places(services.settings.service.concurrency)
    services.metrics.places(services.settings.service.concurrency)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(_audit_forever(services), name="audit")
        while True:
            place = await places.take()
            delivery = await _next_delivery(services)
            delivery.place = place
            task = tasks.create_task(_work_safely(delivery, services), name=f"job {delivery.job_id}")
            task.add_done_callback(partial(_leave, place))


def _leave(place: Place, _: asyncio.Task[None]) -> None:
    place.leave()


@asynccontextmanager
async def working(services: Services) -> AsyncGenerator[None]:
    """Run jobs beside the body, until it ends or the process is told to end: then all are handed back at once.

    Should the loop itself ever end, the process is asked to end too.
    """
    loop = asyncio.create_task(run_jobs(services), name="jobs")
    loop.add_done_callback(_end_the_process)
    ending = asyncio.create_task(_end_with_the_process(loop, services.stopping), name="ending")
    try:
        yield
    finally:
        services.stopping.set()
        await ending


async def _end_with_the_process(loop: asyncio.Task[None], stopping: asyncio.Event) -> None:
    """Hand the jobs back while the requests that wait for them are still being answered."""
    await stopping.wait()
    loop.remove_done_callback(_end_the_process)
    loop.cancel()
    await asyncio.wait({loop})


def _end_the_process(loop: asyncio.Task[None]) -> None:
    _log.critical("no jobs are taken any more; ending", exc_info=None if loop.cancelled() else loop.exception())
    signal.raise_signal(signal.SIGTERM)


async def audit(services: Services, forgotten_after: timedelta = FORGOTTEN_AFTER) -> int:
    """Queue again every unfinished job that nobody holds and the queue does not know; returns how many.

    This is what makes the stream expendable: MongoDB alone says which jobs there are.
    """
    stream = services.queue.stream
    await stream.prepare()
    if not await services.jobs.queue_users.use(services.runner, stream.identity_in_use, stream.address, QUEUE_USE):
        _log.critical("other processes use this MongoDB with another queue: set NATS_URL to the same for all")
    suspects = await _without_a_message(services, forgotten_after)
    if not suspects:
        return 0
    # A job that was stored, revived or queued again a moment ago is about to get its message.
    await either(services.stopping, at_most=SECOND_LOOK_AFTER)
    known = {(job.id, job.generation) for job in suspects}
    forgotten = [
        job for job in await _without_a_message(services, forgotten_after) if (job.id, job.generation) in known
    ]
    queued = sum([await _queue_again(job, services) for job in forgotten])
    if queued:
        _log.warning("%d unfinished jobs were not in the queue; they are queued again", queued)
    return queued


async def _without_a_message(services: Services, untouched_for: timedelta) -> Sequence[Waiting]:
    # Jobs first, queue second: whatever another audit publishes in between has a higher generation or is queued.
    waiting = await services.jobs.queueing.waiting(untouched_for)
    if not waiting:
        return ()
    queued = await services.queue.stream.queued()
    bounded = services.settings.fal.concurrency is not None
    return [job for job in waiting if job.id not in (queued.open if bounded and job.is_open_at_fal else queued.all)]


async def _queue_again(job: Waiting, services: Services) -> bool:
    """Publish it, unless somebody was faster.

    One that was sent to fal goes to a lane of its own: in those of new jobs, which wait for a slot at fal, it would
    wait for the very slot that it holds; and behind all that is new, if only its images are still to be stored.
    """
    generation = await services.jobs.queueing.next_generation(job.id, job.generation)
    if generation is None:
        return False
    if job.is_held:
        lane = AGAIN
    elif job.was_sent:
        lane = OPEN
    else:
        crowded = await services.jobs.queueing.is_crowded(job.user_id, job.priority, FEW)
        lane = lane_of(job.user_id, job.priority, crowded=crowded)
    await services.queue.publish_again(job.id, generation, lane)
    return True


async def _audit_forever(services: Services) -> None:
    forgotten_after = timedelta(0)  # at the start: what an earlier process left is taken up at once
    # nats-py's requests can swallow a cancellation (wait_for, before Python 3.12), so the end is looked for too.
    while not services.stopping.is_set():
        if await _do_safely("audit", audit(services, forgotten_after)):
            forgotten_after = FORGOTTEN_AFTER
        await _do_safely("sweep of deleted jobs", sweep(services))
        await _do_safely("sweep of the bucket", sweep_leftovers(services))
        await either(services.stopping, at_most=AUDIT_INTERVAL * random.uniform(0.9, 1.1))  # noqa: S311 - jitter


async def _do_safely(name: str, chore: Awaitable[int]) -> bool:
    """Do one chore of the process; returns whether it could be done. One that fails ends neither jobs nor others."""
    try:
        await chore
    except Unavailable as error:
        _log.warning("%s: %s; trying again", name, error)
    except Exception:  # noqa: BLE001 - outlives any defect, and says so in the log
        _log.exception("%s: unexpected error; trying again", name)
    else:
        return True
    return False


async def _next_delivery(services: Services) -> Delivery:
    while True:
        try:
            delivery = await services.queue.take(_PATIENCE)
        except QueueUnavailable as error:
            _log.warning("%s; trying again", error)
            await asyncio.sleep(1)
            continue
        if delivery is not None:
            if delivery.is_repeated:
                services.metrics.redelivered()
            return delivery


async def _work_safely(delivery: Delivery, services: Services) -> None:
    """The outermost loop: a defect met in one job must not end the others. Its lease runs out and it comes again."""
    about(job_id=delivery.job_id)
    try:
        with services.metrics.job_in_flight():
            await work(delivery, services)
    except Exception:  # noqa: BLE001 - the one place that outlives any defect, and says so in the log
        _log.exception("job %s: unexpected error", delivery.job_id)
    finally:
        delivery.settled()
        delivery.goes_on()
