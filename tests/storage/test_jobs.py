"""Every transition of a job is one compare-and-set in MongoDB."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from uuid import uuid4

import pytest
from dirty_equals import IsNow

from imagegen.clock import now
from imagegen.errors import JobNotFound, StaleJob
from imagegen.jobs import Job, JobError, JobStatus, Lease, Priority, ProviderRequest, ProviderResult
from imagegen.settings import Settings
from imagegen.storage.jobs.queue_state import QueuedJob
from imagegen.storage.jobs.store import Jobs
from imagegen.storage.stores import open_stores
from tests.support.jobs_apart import a_job, apart

LONG, SHORT = timedelta(seconds=30), timedelta(milliseconds=50)
REQUEST = ProviderRequest(request_id="r", status_url="s", response_url="u", cancel_url="c")
NO = JobError(code="provider_rejected", message="no")


@pytest.fixture
async def queued(jobs: Jobs) -> Job:
    job, _ = await jobs.insert(a_job())
    return job


@pytest.fixture
async def leased(jobs: Jobs, queued: Job) -> Job:
    return await claimed(jobs, queued)


@pytest.fixture
def key() -> str:
    return str(uuid4())


async def claimed(jobs: Jobs, job: Job, runner: str = "first", lease: timedelta = LONG) -> Job:
    claim = await jobs.claim(job.id, runner, lease)
    assert claim is not None
    return claim


async def taken_over(jobs: Jobs, job: Job) -> Job:
    """The job under another runner's lease, after the first one has expired."""
    await jobs.renew(job, timedelta(0))
    return await claimed(jobs, job, "second")


async def test_repeated_idempotency_key_finds_the_first_job(jobs: Jobs, key: str) -> None:
    job = a_job(key=key)

    assert [await jobs.insert(job), await jobs.insert(a_job(key=key))] == [(job, False), (job, True)]


async def test_two_callers_may_use_the_same_key(jobs: Jobs, key: str) -> None:
    one = a_job(key=key)
    assert one.idempotency is not None
    other = replace(a_job(key=key), idempotency=replace(one.idempotency, caller="other"))

    assert [await jobs.insert(one), await jobs.insert(other)] == [(one, False), (other, False)]


async def test_one_of_concurrent_inserts_with_a_key_is_stored(jobs: Jobs, key: str) -> None:
    outcomes = await asyncio.gather(*(jobs.insert(a_job(key=key)) for _ in range(30)))

    assert len({job.id for job, _ in outcomes}) == 1
    assert sorted(replayed for _, replayed in outcomes) == [False] + 29 * [True]


@pytest.mark.parametrize(("age", "replayed"), [(timedelta(hours=23, minutes=59), True), (timedelta(hours=24), False)])
async def test_key_creates_a_new_job_after_a_day(jobs: Jobs, key: str, age: timedelta, replayed: bool) -> None:
    old, new = a_job(key=key, age=age), a_job(key=key)
    await jobs.insert(old)

    outcome = await jobs.insert(new)

    assert outcome == (old if replayed else new, replayed)
    assert await jobs.get(old.id) == (old if replayed else replace(old, idempotency=None))


async def test_one_of_concurrent_inserts_gets_an_old_key(jobs: Jobs, key: str) -> None:
    await jobs.insert(a_job(key=key, age=timedelta(days=2)))

    outcomes = await asyncio.gather(*(jobs.insert(a_job(key=key)) for _ in range(20)))

    assert len({job.id for job, _ in outcomes}) == 1
    assert sorted(replayed for _, replayed in outcomes) == [False] + 19 * [True]


async def test_unknown_job_is_not_found(jobs: Jobs) -> None:
    with pytest.raises(JobNotFound):
        await jobs.get(a_job().id)


async def test_one_of_concurrent_claims_gets_the_job(jobs: Jobs, queued: Job) -> None:
    claims = await asyncio.gather(*(jobs.claim(queued.id, f"runner {number}", LONG) for number in range(30)))

    (winner,) = (claim for claim in claims if claim is not None)
    started_at = winner.started_at
    assert started_at is not None
    assert started_at == IsNow(tz="UTC", delta=10)
    assert winner == replace(
        queued,
        status=JobStatus.RUNNING,
        version=queued.version + 1,
        started_at=started_at,
        lease=Lease(runner=winner.lease.runner, epoch=1, until=started_at + LONG, taken=1),
    )
    assert await jobs.get(queued.id) == winner


async def test_expired_lease_is_taken_with_the_next_epoch(jobs: Jobs, queued: Job) -> None:
    first = await claimed(jobs, queued, lease=timedelta(milliseconds=400))
    refused = await jobs.claim(queued.id, "second", LONG)
    await asyncio.sleep(0.5)
    second = await claimed(jobs, queued, "second")

    assert (refused, second.lease.runner, second.lease.epoch, second.lease.taken) == (None, "second", 2, 2)
    assert second.started_at == first.started_at


async def test_renewed_lease_is_prolonged(jobs: Jobs, queued: Job) -> None:
    first = await claimed(jobs, queued, lease=SHORT)
    await jobs.renew(first, LONG)
    await asyncio.sleep(2 * SHORT.total_seconds())

    assert await jobs.claim(queued.id, "second", LONG) is None


@pytest.mark.parametrize("verb", ["save", "renew"])
async def test_runner_without_its_lease_gets_stale_job(jobs: Jobs, leased: Job, verb: str) -> None:
    second = await taken_over(jobs, leased)

    with pytest.raises(StaleJob):
        await (jobs.save(leased.submitting(now())) if verb == "save" else jobs.renew(leased, LONG))

    assert await jobs.get(leased.id) == second


async def test_runner_cannot_release_another_runners_lease(jobs: Jobs, leased: Job) -> None:
    second = await taken_over(jobs, leased)

    await jobs.release_lease(leased)

    assert await jobs.get(leased.id) == second


@pytest.mark.parametrize("verb", ["save", "renew"])
async def test_released_lease_no_longer_permits_saves(jobs: Jobs, leased: Job, verb: str) -> None:
    await jobs.release_lease(leased)

    with pytest.raises(StaleJob):
        await (jobs.save(leased.submitting(now())) if verb == "save" else jobs.renew(leased, LONG))

    assert await jobs.get(leased.id) == replace(leased, lease=Lease(epoch=1))


async def test_leases_are_counted_until_one_is_released(jobs: Jobs, queued: Job) -> None:
    leases = [await claimed(jobs, queued, lease=timedelta(0)) for _ in range(3)]
    await jobs.release_lease(leases[-1])
    leases.append(await claimed(jobs, queued))

    assert [job.lease.taken for job in leases] == [1, 2, 3, 1]


async def test_transition_saved_twice_is_stored_once(jobs: Jobs, leased: Job) -> None:
    transition = leased.submitting(now())

    assert [await jobs.save(transition), await jobs.save(transition)] == [transition, transition]
    assert await jobs.get(leased.id) == transition


async def test_final_transition_saved_twice_is_stored_once(jobs: Jobs, leased: Job) -> None:
    end = leased.failed(NO, now())

    assert [await jobs.save(end), await jobs.save(end)] == [end, end]


async def test_second_transition_from_one_version_is_stale(jobs: Jobs, leased: Job) -> None:
    submitting = await jobs.save(leased.submitting(now()))

    with pytest.raises(StaleJob):
        await jobs.save(leased.failed(NO, now()))

    assert await jobs.get(leased.id) == submitting


async def test_transition_that_skips_a_version_is_stale(jobs: Jobs, leased: Job) -> None:
    with pytest.raises(StaleJob):
        await jobs.save(leased.submitting(now()).submitted(REQUEST))

    assert await jobs.get(leased.id) == leased


async def test_every_transition_to_the_end_is_stored(jobs: Jobs, leased: Job) -> None:
    submitted = await jobs.save((await jobs.save(leased.submitting(now()))).submitted(REQUEST))
    result = ProviderResult(images=(), billable_units=Decimal("1.250"), payload={"seed": 2**64})
    done = await jobs.save((await jobs.save(submitted.with_result(result))).completed((), now()))

    assert await jobs.get(done.id) == replace(done, lease=replace(done.lease, until=None))
    assert (await jobs.claim(done.id, "second", LONG), await jobs.is_unfinished(done.id)) == (None, False)


async def test_attention_is_kept_across_leases_until_the_end(jobs: Jobs, leased: Job) -> None:
    await jobs.release_lease(await jobs.save(leased.needing_attention("look at it")))

    again = await jobs.claim(leased.id, "second", LONG)

    assert again is not None
    ended = await jobs.save(again.failed(NO, now()))
    assert (again.attention, ended.attention) == ("look at it", None)


async def test_leases_are_counted_until_a_transition_is_saved(jobs: Jobs, leased: Job) -> None:
    third = await taken_over(jobs, await taken_over(jobs, leased))
    saved = await jobs.save(third.submitting(now()))

    fourth = await taken_over(jobs, saved)

    assert (third.lease.taken, fourth.lease.taken) == (3, 2)


async def test_idle_jobs_are_found_and_each_publishing_counted_once(stack: Settings) -> None:
    async with open_stores(apart(stack).mongodb) as stores:
        jobs = stores.jobs
        forgotten, held, ended, fresh = [a_job(age=timedelta(minutes=1)) for _ in range(3)] + [a_job()]
        for job in (forgotten, held, ended, fresh):
            await jobs.insert(job)
        await claimed(jobs, held)
        await jobs.save((await claimed(jobs, ended)).failed(NO, now()))

        found = await stores.queue_state.find_idle(timedelta(seconds=10))
        races = await asyncio.gather(*(stores.queue_state.bump_generation(forgotten.id, 0) for _ in range(10)))
        others = [await stores.queue_state.bump_generation(job.id, 0) for job in (held, ended)]

        waiting = QueuedJob(
            id=forgotten.id,
            user_id="user",
            priority=Priority.NORMAL,
            generation=0,
            was_sent=False,
            is_open_at_fal=False,
        )
        assert (found, sorted(races, key=str), others) == ([waiting], [1] + 9 * [None], [None, None])
        assert await stores.queue_state.find_idle(timedelta(seconds=10)) == []
        assert (await claimed(jobs, forgotten)).generation == 1
