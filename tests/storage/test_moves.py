"""Moves of many jobs at the same moment: each is stored or refused for itself, whatever becomes of the others."""

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from jobs_apart import a_job, apart

from imagegen.errors import RequestOwned, StaleJob
from imagegen.jobs import Job, JobError, JobStatus, ProviderRequest
from imagegen.settings import Settings
from imagegen.storage.jobs import Jobs, open_jobs
from imagegen.storage.usage import Grouping, UsageFilter
from imagegen.wiring import now

LEASE = timedelta(seconds=30)
NO = JobError(code="provider_rejected", message="no")


@pytest.fixture(scope="module")
async def jobs(stack: Settings) -> AsyncGenerator[Jobs]:
    async with open_jobs(apart(stack).mongodb) as opened:
        yield opened


async def leased(jobs: Jobs, count: int, user: str) -> list[Job]:
    stored = await asyncio.gather(*(jobs.insert(a_job(user_id=user)) for _ in range(count)))
    claims = await asyncio.gather(*(jobs.claim(job.id, "runner", LEASE) for job, _ in stored))
    return [job for job in claims if job is not None]


async def read(jobs: Jobs, held: list[Job]) -> list[Job]:
    return list(await asyncio.gather(*(jobs.get(job.id) for job in held)))


def until(job: Job) -> datetime:
    assert job.lease.until is not None
    return job.lease.until


def submitting(job: Job) -> Job:
    return job.submitting(now(), None, payload=job.payload)


def request(name: str) -> ProviderRequest:
    return ProviderRequest(request_id=name, status_url="s", response_url="u", cancel_url="c")


async def failed_jobs(jobs: Jobs, user: str) -> int:
    sums = await jobs.usage.sums(UsageFilter(user_id=user), Grouping.MODEL)
    return sum(each.failed for each in sums.values())


async def test_many_jobs_that_come_at_once_are_all_stored_and_each_key_once(jobs: Jobs) -> None:
    new = [a_job(user_id="inserted") for _ in range(30)]
    twins = [a_job(user_id="inserted", key="same-key") for _ in range(3)]

    answers = await asyncio.gather(*(jobs.insert(job) for job in (*new, *twins)))

    assert list(answers[:30]) == [(job, False) for job in new]
    assert sorted(replayed for _, replayed in answers[30:]) == [False, True, True]
    assert len({job.id for job, _ in answers[30:]}) == 1


async def test_of_many_claims_at_once_each_job_goes_to_one_runner(jobs: Jobs) -> None:
    stored = [job for job, _ in await asyncio.gather(*(jobs.insert(a_job(user_id="claimed")) for _ in range(12)))]
    held = await jobs.claim(stored[5].id, "before", LEASE)

    claims = await asyncio.gather(
        *(jobs.claim(job.id, runner, LEASE) for job in stored for runner in ("one", "two")),
        jobs.claim(a_job().id, "one", LEASE),
    )

    assert held is not None
    taken = [claim for claim in claims if claim is not None]
    assert sorted(claim.id for claim in taken) == sorted(job.id for job in stored if job.id != held.id)
    assert [(claim.lease.epoch, claim.status) for claim in taken] == [(1, JobStatus.RUNNING)] * 11
    assert [(await jobs.get(claim.id)).lease.runner for claim in taken] == [claim.lease.runner for claim in taken]


async def test_a_move_that_comes_too_late_is_refused_alone(jobs: Jobs) -> None:
    held = await leased(jobs, 10, "moved")
    await jobs.hand_back(held[3])

    answers = await asyncio.gather(*(jobs.save(submitting(job)) for job in held), return_exceptions=True)

    assert [type(answer) for answer in answers] == [Job] * 3 + [StaleJob] + [Job] * 6
    assert [(await jobs.get(job.id)).version for job in held] == [job.version + (job is not held[3]) for job in held]


async def test_a_request_that_another_job_has_is_refused_alone(jobs: Jobs) -> None:
    held = [await jobs.save(submitting(job)) for job in await leased(jobs, 5, "owners")]
    names = ["owned-1", "owned-2", "owned-2", "owned-3", "owned-4"]

    answers = await asyncio.gather(
        *(jobs.save(job.submitted(request(name))) for job, name in zip(held, names, strict=True)),
        return_exceptions=True,
    )

    assert sorted(type(answer).__name__ for answer in answers) == ["Job"] * 4 + ["RequestOwned"]
    assert {type(answers[1]), type(answers[2])} == {Job, RequestOwned}


async def test_jobs_that_end_at_once_are_counted_each_once_and_the_late_one_not(jobs: Jobs) -> None:
    held = await leased(jobs, 20, "ended")
    await jobs.hand_back(held[7])

    answers = await asyncio.gather(*(jobs.save(job.failed(NO, now())) for job in held), return_exceptions=True)

    assert [type(answer) for answer in answers] == [Job] * 7 + [StaleJob] + [Job] * 12
    assert await failed_jobs(jobs, "ended") == 19


async def test_an_end_that_is_repeated_counts_as_stored_and_is_counted_once(jobs: Jobs) -> None:
    held = await leased(jobs, 4, "repeated")
    ends = [job.failed(NO, now()) for job in held]

    await asyncio.gather(*(jobs.save(end) for end in ends))
    again = await asyncio.gather(*(jobs.save(end) for end in ends))

    assert list(again) == ends
    assert await failed_jobs(jobs, "repeated") == 4


async def test_ends_of_two_processes_at_once_are_all_counted(stack: Settings) -> None:
    settings = apart(stack).mongodb
    async with open_jobs(settings) as one, open_jobs(settings) as other:
        held = await leased(one, 40, "shared")
        ends = [job.failed(NO, now()) for job in held]

        await asyncio.gather(*((one, other)[number % 2].save(end) for number, end in enumerate(ends)))

        assert await failed_jobs(one, "shared") == 40


async def test_many_are_read_at_once_and_one_that_is_not_there_is_missed_alone(jobs: Jobs) -> None:
    stored = [job for job, _ in await asyncio.gather(*(jobs.insert(a_job(user_id="read")) for _ in range(5)))]
    unknown = replace(stored[0], id=a_job().id)

    answers = await asyncio.gather(*(jobs.get(job.id) for job in (*stored, unknown)), return_exceptions=True)

    assert list(answers[:5]) == stored
    assert type(answers[5]).__name__ == "JobNotFound"


async def test_leases_that_are_renewed_at_once_are_all_longer_and_bring_their_wishes(jobs: Jobs) -> None:
    held = await leased(jobs, 10, "renewed")
    await jobs.wish_cancelled(held[4].id)

    wishes = await asyncio.gather(*(jobs.renew(job, 2 * LEASE) for job in held))

    assert [wish is not None for wish in wishes] == [number == 4 for number in range(10)]
    assert all(until(after) > until(before) for before, after in zip(held, await read(jobs, held), strict=True))


async def test_a_lease_that_has_passed_on_is_not_renewed_and_hinders_no_other(jobs: Jobs) -> None:
    held = await leased(jobs, 6, "passed-on")
    await jobs.renew(held[2], timedelta(0))
    assert await jobs.claim(held[2].id, "another", LEASE) is not None

    answers = await asyncio.gather(*(jobs.renew(job, 2 * LEASE) for job in held), return_exceptions=True)

    assert [type(answer) for answer in answers] == [type(None)] * 2 + [StaleJob] + [type(None)] * 3
