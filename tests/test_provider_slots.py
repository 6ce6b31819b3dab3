"""Jobs wait for one of the slots at fal: people before batch work, without a work slot, and not for ever."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import timedelta

import pytest
from dirty_equals import IsDatetime

from imagegen.clock import now, uptime
from imagegen.engine.interruptions import JobEnds, Postponed
from imagegen.engine.lease import JobLease, hold_lease
from imagegen.engine.provider_slots import save_intent
from imagegen.jobs import HoldKind, Job, JobError, JobStatus, Priority, SubmissionState
from imagegen.queue import WorkSlots
from imagegen.registry import load_registry
from imagegen.services import Services, open_services
from imagegen.settings import Settings
from tests.support.jobs_apart import a_job, apart

LEASE = timedelta(seconds=30)


@pytest.fixture
async def services(stack: Settings) -> AsyncGenerator[Services]:
    """The services of a process with one slot at fal; it runs no jobs."""
    registry = await asyncio.to_thread(load_registry)
    own = apart(stack, lease=LEASE)
    bounded = own.model_copy(update={"fal": own.fal.model_copy(update={"concurrency": 1})})
    async with open_services(bounded, registry) as opened:
        yield opened


@pytest.fixture
async def leases() -> AsyncGenerator[AsyncExitStack]:
    async with AsyncExitStack() as held:
        yield held


async def lease(services: Services, held: AsyncExitStack, job: Job) -> JobLease:
    """This process's lease on a new job, taken from the queue."""
    stored, _ = await services.jobs.insert(job)
    await services.queue.publish(stored)
    message = await services.queue.take(timedelta(seconds=5))
    claimed = await services.jobs.claim(stored.id, services.runner, LEASE)
    assert message is not None
    assert claimed is not None
    return await held.enter_async_context(hold_lease(claimed, services, message, uptime()))


def waiting(lease: JobLease, services: Services) -> asyncio.Task[None]:
    """Wait for a slot at fal, beside the test."""
    return asyncio.create_task(save_intent(lambda: lease.leased.job.submitting(now()), lease, services))


async def free_slot(lease: JobLease) -> None:
    """End a job, which frees its slot."""
    await lease.leased.save(lease.leased.job.failed(JobError(code="c", message="m"), now()))


async def test_free_slot_goes_to_a_person_before_a_batch(services: Services, leases: AsyncExitStack) -> None:
    first = await lease(services, leases, a_job())
    await waiting(first, services)
    low = list[asyncio.Task[None]]()
    for _ in range(6):
        batch = await lease(services, leases, replace(a_job(), priority=Priority.LOW))
        low.append(waiting(batch, services))
        batch.item.release_priority()  # as if each waited in a process of its own
    await asyncio.sleep(0.3)
    normal = waiting(await lease(services, leases, a_job()), services)
    await asyncio.sleep(0.3)

    await free_slot(first)
    done, pending = await asyncio.wait({*low, normal}, return_when=asyncio.FIRST_COMPLETED)
    for task in pending:
        task.cancel()

    assert done == {normal}


async def test_next_job_of_a_priority_is_delivered_only_once_the_first_has_a_slot(
    services: Services, leases: AsyncExitStack
) -> None:
    first, second = [await lease(services, leases, replace(a_job(), priority=each)) for each in reversed(Priority)]
    await services.queue.publish(a_job())
    before = await services.queue.take(timedelta(seconds=0.3))
    await waiting(first, services)
    await free_slot(first)
    await waiting(second, services)

    assert (before, await services.queue.take(timedelta(seconds=3)) is not None) == (None, True)


async def test_waiting_job_lends_its_work_slot(services: Services, leases: AsyncExitStack) -> None:
    first = await lease(services, leases, a_job())
    await waiting(first, services)
    slots = WorkSlots(1)
    second = await lease(services, leases, a_job())
    second.item.work_slot = await slots.acquire()
    task = waiting(second, services)

    async with asyncio.timeout(3):
        (await slots.acquire()).release()
    await free_slot(first)
    await task

    assert second.leased.job.submission.state is SubmissionState.SUBMITTING
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await slots.acquire()


async def test_job_that_waits_for_a_slot_says_so(services: Services, leases: AsyncExitStack) -> None:
    first = await lease(services, leases, a_job())
    await waiting(first, services)
    second = await lease(services, leases, a_job())
    task = waiting(second, services)
    async with asyncio.timeout(5):
        while (hold := (await services.jobs.get(second.leased.job.id)).hold) is None:
            await asyncio.sleep(0.1)
    task.cancel()

    assert (hold.kind, hold.reason) == (HoldKind.SLOT, "1 requests are open there (FAL_CONCURRENCY)")


async def test_job_that_waits_for_a_slot_continues_later_if_the_process_stops(
    services: Services, leases: AsyncExitStack
) -> None:
    await waiting(await lease(services, leases, a_job()), services)
    second = await lease(services, leases, a_job())
    task = waiting(second, services)
    await asyncio.sleep(0.3)
    services.stopping.set()

    async with asyncio.timeout(5):
        with pytest.raises(Postponed):
            await task
    assert second.leased.job.submission.state is SubmissionState.NONE


async def test_deadline_ends_a_job_that_waits_for_a_slot(services: Services, leases: AsyncExitStack) -> None:
    await waiting(await lease(services, leases, a_job()), services)
    deadline = now() + timedelta(seconds=1)
    second = await lease(services, leases, replace(a_job(), deadline=deadline))
    task = waiting(second, services)

    async with asyncio.timeout(5):
        with pytest.raises(JobEnds) as end:
            await task
    await second.leased.save(end.value.job)
    stored = await services.jobs.get(second.leased.job.id)
    assert (stored.status, stored.error and stored.error.code) == (JobStatus.FAILED, "deadline_exceeded")
    assert (stored.submission.state, stored.completed_at) == (SubmissionState.NONE, IsDatetime(ge=deadline))
