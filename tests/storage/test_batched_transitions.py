"""Concurrent transitions of many jobs: each is stored or refused independently of the others."""

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta

from imagegen.clock import now
from imagegen.errors import RequestOwned, StaleJob
from imagegen.jobs import Job, JobError, JobStatus, ProviderRequest
from imagegen.settings import Settings
from imagegen.storage.jobs.store import Jobs
from imagegen.storage.stores import Stores, open_stores
from imagegen.storage.usage.store import Grouping, UsageFilter
from tests.support.jobs_apart import a_job, apart

LEASE = timedelta(seconds=30)
NO = JobError(code="provider_rejected", message="no")


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


async def failed_jobs(stores: Stores, user: str) -> int:
    return (await stores.usage.sums(UsageFilter(user_id=user), Grouping.MODEL)).total.failed


async def test_concurrent_inserts_are_stored_and_each_key_once(jobs: Jobs) -> None:
    new = [a_job(user_id="inserted") for _ in range(30)]
    twins = [a_job(user_id="inserted", key="same-key") for _ in range(3)]

    answers = await asyncio.gather(*(jobs.insert(job) for job in (*new, *twins)))

    assert list(answers[:30]) == [(job, False) for job in new]
    assert sorted(replayed for _, replayed in answers[30:]) == [False, True, True]
    assert len({job.id for job, _ in answers[30:]}) == 1


async def test_concurrent_claims_give_each_job_to_one_runner(jobs: Jobs) -> None:
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


async def test_stale_transition_is_refused_alone(jobs: Jobs) -> None:
    held = await leased(jobs, 10, "moved")
    await jobs.release_lease(held[3])

    answers = await asyncio.gather(*(jobs.save(submitting(job)) for job in held), return_exceptions=True)

    assert [type(answer) for answer in answers] == [Job] * 3 + [StaleJob] + [Job] * 6
    assert [(await jobs.get(job.id)).version for job in held] == [job.version + (job is not held[3]) for job in held]


async def test_duplicate_request_id_is_refused_alone(jobs: Jobs) -> None:
    held = [await jobs.save(submitting(job)) for job in await leased(jobs, 5, "owners")]
    names = ["owned-1", "owned-2", "owned-2", "owned-3", "owned-4"]

    answers = await asyncio.gather(
        *(jobs.save(job.submitted(request(name))) for job, name in zip(held, names, strict=True)),
        return_exceptions=True,
    )

    assert sorted(type(answer).__name__ for answer in answers) == ["Job"] * 4 + ["RequestOwned"]
    assert {type(answers[1]), type(answers[2])} == {Job, RequestOwned}


async def test_concurrent_ends_count_once_and_the_stale_one_not(stores: Stores, jobs: Jobs) -> None:
    held = await leased(jobs, 20, "ended")
    await jobs.release_lease(held[7])

    answers = await asyncio.gather(*(jobs.save(job.failed(NO, now())) for job in held), return_exceptions=True)

    assert [type(answer) for answer in answers] == [Job] * 7 + [StaleJob] + [Job] * 12
    assert await failed_jobs(stores, "ended") == 19


async def test_repeated_end_counts_as_stored_and_once(stores: Stores, jobs: Jobs) -> None:
    held = await leased(jobs, 4, "repeated")
    ends = [job.failed(NO, now()) for job in held]

    await asyncio.gather(*(jobs.save(end) for end in ends))
    again = await asyncio.gather(*(jobs.save(end) for end in ends))

    assert list(again) == ends
    assert await failed_jobs(stores, "repeated") == 4


async def test_concurrent_ends_of_two_processes_are_all_counted(stack: Settings) -> None:
    settings = apart(stack).mongodb
    async with open_stores(settings) as one, open_stores(settings) as other:
        held = await leased(one.jobs, 40, "shared")
        ends = [job.failed(NO, now()) for job in held]

        await asyncio.gather(*((one, other)[number % 2].jobs.save(end) for number, end in enumerate(ends)))

        assert await failed_jobs(one, "shared") == 40


async def test_concurrent_reads_miss_only_the_missing_job(jobs: Jobs) -> None:
    stored = [job for job, _ in await asyncio.gather(*(jobs.insert(a_job(user_id="read")) for _ in range(5)))]
    unknown = replace(stored[0], id=a_job().id)

    answers = await asyncio.gather(*(jobs.get(job.id) for job in (*stored, unknown)), return_exceptions=True)

    assert list(answers[:5]) == stored
    assert type(answers[5]).__name__ == "JobNotFound"


async def test_concurrent_renewals_prolong_and_return_cancel_requests(jobs: Jobs) -> None:
    held = await leased(jobs, 10, "renewed")
    await jobs.request_cancel(held[4].id)

    requested = await asyncio.gather(*(jobs.renew(job, 2 * LEASE) for job in held))

    assert [at is not None for at in requested] == [number == 4 for number in range(10)]
    assert all(until(after) > until(before) for before, after in zip(held, await read(jobs, held), strict=True))


async def test_lost_lease_is_not_renewed_and_others_are(jobs: Jobs) -> None:
    held = await leased(jobs, 6, "passed-on")
    await jobs.renew(held[2], timedelta(0))
    assert await jobs.claim(held[2].id, "another", LEASE) is not None

    answers = await asyncio.gather(*(jobs.renew(job, 2 * LEASE) for job in held), return_exceptions=True)

    assert [type(answer) for answer in answers] == [type(None)] * 2 + [StaleJob] + [type(None)] * 3
