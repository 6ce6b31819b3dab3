"""A document that MongoDB can never store fails its own transition only, and does not count as an outage."""

import asyncio
from datetime import timedelta

from imagegen.clock import now
from imagegen.errors import DocumentRefused
from imagegen.jobs import Job, ProviderImage, ProviderRequest, ProviderResult
from imagegen.storage.jobs.store import Jobs
from tests.support.jobs_apart import a_job

LARGE = "x" * (17 * 2**20)


async def submitted(jobs: Jobs, name: str) -> Job:
    job, _ = await jobs.insert(a_job())
    claim = await jobs.claim(job.id, "runner", timedelta(seconds=30))
    assert claim is not None
    sent = await jobs.save(claim.submitting(now()))
    request = ProviderRequest(request_id=f"{job.id}-{name}", status_url="s", response_url="u", cancel_url="c")
    return await jobs.save(sent.submitted(request))


def result(url: str) -> ProviderResult:
    return ProviderResult(images=(ProviderImage(url=url),), billable_units=None, payload={"seed": 1})


async def test_too_large_document_is_refused_alone(jobs: Jobs) -> None:
    before = [await submitted(jobs, str(number)) for number in range(6)]
    transitions = [job.with_result(result(LARGE if number == 3 else "u")) for number, job in enumerate(before)]

    outcomes = await asyncio.gather(*(jobs.save(transition) for transition in transitions), return_exceptions=True)

    assert [type(outcome) for outcome in outcomes] == [Job, Job, Job, DocumentRefused, Job, Job]
    assert [(await jobs.get(job.id)).result is not None for job in before] == [True, True, True, False, True, True]
