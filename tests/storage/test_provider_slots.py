"""The limit on requests open at fal: jobs' documents hold the slots, so no crash can leak one."""

import asyncio
from collections.abc import AsyncGenerator
from datetime import timedelta

import pytest

from imagegen.clock import now
from imagegen.errors import StaleJob
from imagegen.jobs import Job, JobError
from imagegen.settings import Settings
from imagegen.storage.jobs.store import Jobs
from imagegen.storage.stores import open_stores
from tests.support.jobs_apart import a_job, apart

LONG = timedelta(seconds=30)
BOUND = 4


@pytest.fixture
async def jobs(stack: Settings) -> AsyncGenerator[Jobs]:
    async with open_stores(apart(stack).mongodb) as stores:
        yield stores.jobs


async def leased(jobs: Jobs) -> Job:
    job, _ = await jobs.insert(a_job())
    claimed = await jobs.claim(job.id, "runner", LONG)
    assert claimed is not None
    return claimed


async def open_at_fal(jobs: Jobs) -> Job | None:
    return await jobs.save_intent((await leased(jobs)).submitting(now()), BOUND)


async def test_concurrent_submits_get_exactly_the_free_slots(jobs: Jobs) -> None:
    asked = await asyncio.gather(*(open_at_fal(jobs) for _ in range(40)))

    assert sum(job is not None for job in asked) == BOUND


async def test_slot_is_released_if_unsent_or_ended(jobs: Jobs) -> None:
    first, second = [job for job in [await open_at_fal(jobs) for _ in range(BOUND)] if job][:2]
    full = await open_at_fal(jobs)
    await jobs.save(first.not_sent())
    await jobs.save(second.failed(JobError(code="c", message="m"), now()))

    assert (full, [job is not None for job in [await open_at_fal(jobs) for _ in range(3)]]) == (
        None,
        [True, True, False],
    )


async def test_request_opened_without_a_limit_counts_too(jobs: Jobs) -> None:
    for _ in range(BOUND):
        await jobs.save((await leased(jobs)).submitting(now()))

    assert await open_at_fal(jobs) is None


async def test_runner_without_its_lease_takes_no_slot(jobs: Jobs) -> None:
    job = await leased(jobs)
    await jobs.release_lease(job)

    with pytest.raises(StaleJob):
        await jobs.save_intent(job.submitting(now()), BOUND)
    assert all([await open_at_fal(jobs) for _ in range(BOUND)])
