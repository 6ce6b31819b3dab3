"""A job that begins at once is inserted with its first lease, in one write."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest
from dirty_equals import IsNow

from imagegen.clock import now
from imagegen.errors import DocumentRefused
from imagegen.jobs import Job, JobStatus, Lease, ProviderRequest
from imagegen.json_object import JsonObject
from imagegen.storage.jobs.store import Jobs
from imagegen.storage.stores import Stores
from tests.support.jobs_apart import a_job

LONG = timedelta(seconds=30)
REQUEST = ProviderRequest(request_id="r", status_url="s", response_url="u", cancel_url="c")
EXPRESSIONS: JsonObject = {
    "prompt": "$userId $$NOW",
    "$userId": "$userId",
    "$literal": {"$literal": "$$NOW"},
    "a.b": {"$add": ["$$NOW", 1], "c.": "$$ROOT", "$unset": "status"},
    "$$NOW": ["$$REMOVE", {"$cond": [True, "$_id", "$$CLUSTER_TIME"]}],
    "": {"": "$"},
}


def born(*, key: str | None = None, user_id: str = "user") -> Job:
    return a_job(key=key, user_id=user_id).started("first", now())


async def insert_together(jobs: Jobs, *new: Job) -> list[tuple[Job, bool] | BaseException]:
    """Insert jobs in one batch: those that come while an earlier insert is in flight."""
    earlier, *outcomes = await asyncio.gather(
        jobs.insert(a_job()), *(insert(jobs, job) for job in new), return_exceptions=True
    )
    assert not isinstance(earlier, BaseException)
    return outcomes


async def insert(jobs: Jobs, job: Job) -> tuple[Job, bool]:
    return await jobs.insert(job, LONG if job.lease.epoch else None)


async def test_inserted_job_has_a_lease_on_the_databases_clock(jobs: Jobs) -> None:
    job = born()

    outcome = await jobs.insert(job, LONG)
    stored = await jobs.get(job.id)

    assert stored.lease.until is not None
    assert (outcome, stored) == ((job, False), replace(job, lease=replace(job.lease, until=stored.lease.until)))
    assert stored.lease == Lease(runner="first", epoch=1, taken=1, until=stored.lease.until)
    assert (stored.status, stored.lease.until - LONG) == (JobStatus.RUNNING, IsNow(tz="UTC", delta=10))


async def test_leased_insert_is_like_an_insert_and_a_claim(jobs: Jobs) -> None:
    queued, _ = await jobs.insert(a_job())
    claimed = await jobs.claim(queued.id, "first", LONG)
    assert claimed is not None

    assert replace(queued.started("first", now()), started_at=claimed.started_at) == replace(
        claimed, lease=replace(claimed.lease, until=None)
    )


async def test_another_runner_gets_the_job_when_its_lease_has_expired(jobs: Jobs) -> None:
    job, _ = await jobs.insert(born(), timedelta(milliseconds=400))

    refused = await jobs.claim(job.id, "second", LONG)
    await asyncio.sleep(0.5)
    second = await jobs.claim(job.id, "second", LONG)

    assert second is not None
    assert (refused, second.lease.epoch, second.lease.taken, second.started_at) == (None, 2, 2, job.started_at)


async def test_inserted_job_is_saved_renewed_and_released_by_its_runner(jobs: Jobs) -> None:
    job, _ = await jobs.insert(born(), LONG)

    sent = await jobs.save(job.submitting(now()))
    await jobs.renew(sent, LONG)
    await jobs.release_lease(sent)

    assert await jobs.get(job.id) == replace(sent, lease=Lease(epoch=1))


@pytest.mark.parametrize("field", ["inputs", "options", "payload"])
async def test_text_of_callers_is_never_evaluated(jobs: Jobs, field: str) -> None:
    queued, job = a_job(), replace(born(), **{field: EXPRESSIONS})  # pyright: ignore[reportArgumentType] - a field of JSON

    await jobs.insert(replace(queued, **{field: EXPRESSIONS}))  # pyright: ignore[reportArgumentType] - as above
    await jobs.insert(job, LONG)

    as_given = json.dumps(EXPRESSIONS)
    assert [json.dumps(getattr(await jobs.get(each.id), field)) for each in (queued, job)] == [as_given, as_given]


async def test_user_and_key_with_dollars_are_stored_as_given(jobs: Jobs) -> None:
    job = born(user_id="$$NOW", key=f"$userId {uuid4()}")

    await jobs.insert(job, LONG)
    stored = await jobs.get(job.id)

    assert (stored.user_id, stored.idempotency) == ("$$NOW", job.idempotency)


async def test_repeated_insert_leaves_a_job_that_went_on_as_it_is(jobs: Jobs) -> None:
    """Otherwise the repeat would reset a submitted job, which would be paid for twice."""
    job, _ = await jobs.insert(born(), LONG)
    sent = await jobs.save((await jobs.save(job.submitting(now()))).submitted(replace(REQUEST, request_id=job.id)))
    before = await jobs.get(job.id)

    again = await jobs.insert(job, LONG)

    assert (again, await jobs.get(job.id)) == ((before, False), before)
    assert before.submission == sent.submission


@pytest.mark.parametrize("key", [None, "a key"])
async def test_second_try_of_an_insert_finds_the_job_itself(jobs: Jobs, key: str | None) -> None:
    """It is no replay of another request, although a unique index refuses it."""
    for job in (a_job(key=key and str(uuid4())), born(key=key and str(uuid4()))):
        await insert(jobs, job)
        found, replayed = await insert(jobs, job)

        assert (found.id, replayed) == (job.id, False)


async def test_repeated_idempotency_key_finds_the_first_job(jobs: Jobs) -> None:
    key = str(uuid4())
    first, again = born(key=key), born(key=key)

    await jobs.insert(first, LONG)
    job, replayed = await jobs.insert(again, LONG)

    assert (job.id, replayed) == (first.id, True)


async def test_one_of_concurrent_inserts_with_a_key_is_stored(jobs: Jobs) -> None:
    key = str(uuid4())
    new = [born(key=key) if number % 2 else a_job(key=key) for number in range(30)]

    outcomes = await asyncio.gather(*(insert(jobs, job) for job in new))

    assert len({job.id for job, _ in outcomes}) == 1
    assert sorted(replayed for _, replayed in outcomes) == [False] + 29 * [True]


async def test_old_key_is_taken_over_by_a_leased_job(jobs: Jobs) -> None:
    key = str(uuid4())
    old, new = a_job(key=key, age=timedelta(days=2)), born(key=key)
    await jobs.insert(old)

    outcome = await jobs.insert(new, LONG)

    assert (outcome, (await jobs.get(old.id)).idempotency) == ((new, False), None)


async def test_leased_and_other_jobs_share_a_batch(jobs: Jobs) -> None:
    key = str(uuid4())
    known, _ = await jobs.insert(a_job(key=key))
    new = [born(), a_job(), born(key=key), a_job(key=key), born()]

    outcomes = await insert_together(jobs, *new)

    assert outcomes == [(new[0], False), (new[1], False), (known, True), (known, True), (new[4], False)]
    assert [(await jobs.get(job.id)).lease.epoch for job in (new[0], new[1], new[4])] == [1, 0, 1]


@pytest.mark.parametrize("make", [a_job, born])
async def test_document_that_mongodb_refuses_fails_alone(jobs: Jobs, make: Callable[..., Job]) -> None:
    large = "x" * (17 * 2**20)
    new = [make(), make(key=str(uuid4())), replace(make(), inputs={"prompt": large}), make()]

    outcomes = await insert_together(jobs, *new)

    assert [type(each) for each in outcomes] == [tuple, tuple, DocumentRefused, tuple]
    for job, outcome in zip(new, outcomes, strict=True):
        if isinstance(outcome, tuple):
            assert (outcome[0].id, outcome[1]) == (job.id, False)
            assert (await jobs.get(job.id)).id == job.id


async def test_job_without_a_message_counts_as_idle_after_its_lease(stores: Stores) -> None:
    job, _ = await stores.jobs.insert(born(), timedelta(milliseconds=200))

    before = await stores.queue_state.find_idle(timedelta(0))
    await asyncio.sleep(0.4)
    after = await stores.queue_state.find_idle(timedelta(0))

    assert [job.id in {each.id for each in found} for found in (before, after)] == [False, True]
