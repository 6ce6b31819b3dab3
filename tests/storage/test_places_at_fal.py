"""The bound on requests that are open at fal: held by the jobs' documents themselves, so no crash can leak a place."""

import asyncio
from collections.abc import AsyncGenerator
from datetime import timedelta

import pytest
from jobs_apart import a_job, apart

from imagegen.errors import StaleJob
from imagegen.jobs import Job, JobError
from imagegen.settings import Settings
from imagegen.storage.jobs import Jobs, open_jobs
from imagegen.wiring import now

LONG = timedelta(seconds=30)
BOUND = 4


@pytest.fixture
async def jobs(stack: Settings) -> AsyncGenerator[Jobs]:
    async with open_jobs(apart(stack).mongodb) as opened:
        yield opened


async def leased(jobs: Jobs) -> Job:
    job, _ = await jobs.insert(a_job())
    claimed = await jobs.claim(job.id, "runner", LONG)
    assert claimed is not None
    return claimed


async def open_at_fal(jobs: Jobs) -> Job | None:
    return await jobs.save_intent((await leased(jobs)).submitting(now()), BOUND)


async def test_of_many_that_ask_at_once_exactly_as_many_get_a_place_as_there_are(jobs: Jobs) -> None:
    asked = await asyncio.gather(*(open_at_fal(jobs) for _ in range(40)))

    assert sum(job is not None for job in asked) == BOUND


async def test_a_place_is_free_again_when_nothing_was_sent_or_the_job_has_ended(jobs: Jobs) -> None:
    first, second = [job for job in [await open_at_fal(jobs) for _ in range(BOUND)] if job][:2]
    full = await open_at_fal(jobs)
    await jobs.save(first.not_sent())
    await jobs.save(second.failed(JobError(code="c", message="m"), now()))

    assert (full, [job is not None for job in [await open_at_fal(jobs) for _ in range(3)]]) == (
        None,
        [True, True, False],
    )


async def test_a_request_that_was_opened_without_a_bound_counts_too(jobs: Jobs) -> None:
    for _ in range(BOUND):
        await jobs.save((await leased(jobs)).submitting(now()))

    assert await open_at_fal(jobs) is None


async def test_whoever_lost_the_lease_takes_no_place(jobs: Jobs) -> None:
    job = await leased(jobs)
    await jobs.hand_back(job)

    with pytest.raises(StaleJob):
        await jobs.save_intent(job.submitting(now()), BOUND)
    assert all([await open_at_fal(jobs) for _ in range(BOUND)])
