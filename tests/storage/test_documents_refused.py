"""A document that MongoDB can never take is no outage: its own move fails, and the others are stored."""

import asyncio
from collections.abc import AsyncGenerator
from datetime import timedelta

import pytest
from jobs_apart import a_job, apart

from imagegen.errors import DocumentRefused
from imagegen.jobs import Job, ProviderImage, ProviderRequest, ProviderResult
from imagegen.settings import Settings
from imagegen.storage.jobs import Jobs, open_jobs
from imagegen.wiring import now

LARGE = "x" * (17 * 2**20)


@pytest.fixture(scope="module")
async def jobs(stack: Settings) -> AsyncGenerator[Jobs]:
    async with open_jobs(apart(stack).mongodb) as opened:
        yield opened


async def submitted(jobs: Jobs, name: str) -> Job:
    job, _ = await jobs.insert(a_job())
    claim = await jobs.claim(job.id, "runner", timedelta(seconds=30))
    assert claim is not None
    sent = await jobs.save(claim.submitting(now()))
    request = ProviderRequest(request_id=f"{job.id}-{name}", status_url="s", response_url="u", cancel_url="c")
    return await jobs.save(sent.submitted(request))


def result(url: str) -> ProviderResult:
    return ProviderResult(images=(ProviderImage(url=url),), billable_units=None, payload={"seed": 1})


async def test_a_document_that_is_too_large_is_refused_and_the_moves_beside_it_are_stored(jobs: Jobs) -> None:
    before = [await submitted(jobs, str(number)) for number in range(6)]
    moves = [job.with_result(result(LARGE if number == 3 else "u")) for number, job in enumerate(before)]

    outcomes = await asyncio.gather(*(jobs.save(move) for move in moves), return_exceptions=True)

    assert [type(outcome) for outcome in outcomes] == [Job, Job, Job, DocumentRefused, Job, Job]
    assert [(await jobs.get(job.id)).result is not None for job in before] == [True, True, True, False, True, True]
