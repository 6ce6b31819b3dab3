"""Jobs are counted in the usage after their ends: once each, whatever happens meanwhile, and before any read."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from imagegen.clock import now
from imagegen.jobs import Job, JobError, JobStatus, ProviderRequest
from imagegen.settings import Settings
from imagegen.storage.mongodb import Collection
from imagegen.storage.stores import Stores, open_stores
from imagegen.storage.usage import store
from imagegen.storage.usage.store import Grouping, UsageFilter, UsageKey, sums_of
from tests.support.jobs_apart import a_job, apart

LEASE = timedelta(seconds=30)
ERROR = JobError(code="provider_rejected", message="no")
MIDNIGHT = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture
def own(stack: Settings) -> Settings:
    """The servers, with a database of this test's own."""
    return apart(stack)


@pytest.fixture
async def stores(own: Settings) -> AsyncGenerator[Stores]:
    """The stores of a process that counts nothing by itself."""
    async with open_stores(own.mongodb) as opened:
        uncounting(opened)
        yield opened


def uncounting(stores: Stores) -> None:
    """Keep a process from counting, as if it were killed before it does."""

    def nothing(job_id: str) -> None:
        del job_id

    stores.usage.count_soon = nothing


async def ended(stores: Stores, **more: Any) -> Job:
    """A job that has just ended."""
    stored, _ = await stores.jobs.insert(replace(a_job(), **more))
    job = await stores.jobs.claim(stored.id, "runner", LEASE)
    assert job is not None
    end = replace(job, version=job.version + 1, status=JobStatus.COMPLETED, completed_at=MIDNIGHT)
    return await stores.jobs.save(end)


async def failed_as_unknown(stores: Stores) -> Job:
    stored, _ = await stores.jobs.insert(a_job())
    job = await stores.jobs.claim(stored.id, "runner", LEASE)
    assert job is not None
    submitting = await stores.jobs.save(job.submitting(now()))
    return await stores.jobs.save(submitting.failed_as_unknown(replace(ERROR, code="submission_unknown"), now()))


def jobs_of(stores: Stores) -> Collection:
    return stores.usage._jobs  # pyright: ignore[reportPrivateUsage] - looks at what is stored


async def marked(stores: Stores) -> int:
    return await jobs_of(stores).count_documents({"uncounted": {"$exists": True}})


async def counted(stores: Stores) -> int:
    """The jobs in the stored sums, without counting any."""
    rollup = stores.usage._usage  # pyright: ignore[reportPrivateUsage] - looks at what is stored
    return sum([row["jobs"] async for row in rollup.find({"month": {"$exists": True}})])


async def total(stores: Stores) -> int:
    return (await stores.usage.sums(UsageFilter(), Grouping.MODEL)).total.jobs


async def test_an_end_is_counted_by_itself(own: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "DELAY", timedelta(seconds=0.5))
    async with open_stores(own.mongodb) as stores:
        await ended(stores)
        at_once = (await marked(stores), await counted(stores))
        async with asyncio.timeout(30):
            while await marked(stores):
                await asyncio.sleep(0.1)

        assert (at_once, await counted(stores)) == ((1, 0), 1)


async def test_a_read_counts_first(stores: Stores) -> None:
    job = await ended(stores)

    sums = await stores.usage.sums(UsageFilter(), Grouping.MODEL)

    assert (sums.total, await marked(stores)) == (sums_of(job), 0)


async def test_a_process_that_ends_counts_its_jobs(own: Settings) -> None:
    async with open_stores(own.mongodb) as stores:
        for _ in range(3):
            await ended(stores)

    async with open_stores(own.mongodb) as stores:
        assert (await marked(stores), await counted(stores)) == (0, 3)


async def test_jobs_of_a_killed_process_are_counted_by_another(own: Settings, stores: Stores) -> None:
    for _ in range(3):
        await ended(stores)

    async with open_stores(own.mongodb) as other:
        assert await other.usage.count_pending() == 3
        assert (await marked(other), await counted(other)) == (0, 3)


async def test_concurrent_counts_of_two_processes_count_once(own: Settings, stores: Stores) -> None:
    async with open_stores(own.mongodb) as other:
        for _ in range(5):
            await asyncio.gather(*(ended(each) for each in (stores, other) for _ in range(6)), total(stores))
            await asyncio.gather(*(each.usage.count_pending() for each in (stores, other) for _ in range(3)))

        assert (await total(other), await counted(stores)) == (60, 60)
        assert await other.usage.find_differences() == []


async def test_uncounted_jobs_are_no_difference(stores: Stores) -> None:
    await ended(stores)
    counted_ones = await total(stores)
    await ended(stores)

    assert (counted_ones, await stores.usage.find_differences()) == (1, [])


@pytest.mark.parametrize("period", ["2026-03-01", "2026-03"])
async def test_a_repair_leaves_uncounted_jobs_to_be_counted(stores: Stores, period: str) -> None:
    first = await ended(stores)
    await stores.usage.count_pending()
    await ended(stores)

    await stores.usage.repair(UsageKey(period, first.user_id, first.model))

    assert (await total(stores), await stores.usage.find_differences()) == (2, [])


@pytest.mark.parametrize("is_counted", [False, True])
async def test_a_revived_job_is_not_in_the_usage(stores: Stores, *, is_counted: bool) -> None:
    failed = await failed_as_unknown(stores)
    if is_counted:
        await stores.usage.count_pending()
    request = ProviderRequest(request_id="r", status_url="s", response_url="u", cancel_url="c")

    await stores.late_request_ids.revive(failed, failed.with_late_request_id(request))

    assert (await total(stores), await marked(stores), await stores.usage.find_differences()) == (0, 0, [])


async def test_a_deleted_job_is_counted(stores: Stores) -> None:
    job = await ended(stores)
    await stores.removals.create_tombstone(job.deleted(now()))

    assert (await total(stores), await stores.usage.find_differences()) == (1, [])


async def test_a_repeated_end_is_not_marked_again(stores: Stores) -> None:
    job = await ended(stores)
    await stores.usage.count_pending()

    assert await stores.jobs.save(job) == job
    assert (await marked(stores), await total(stores)) == (0, 1)


async def test_an_end_with_a_webhook_is_counted_and_owed(stores: Stores) -> None:
    job = await ended(stores, webhook_url="https://example.com/hook")

    deliveries = stores.webhook_deliveries._deliveries  # pyright: ignore[reportPrivateUsage] - looks at what is stored
    assert await deliveries.count_documents({"jobId": job.id}) == 1
    assert (await marked(stores), await total(stores)) == (1, 1)


async def test_a_kill_before_the_marks_are_removed_counts_once(stores: Stores) -> None:
    job = await ended(stores)
    await stores.usage.count_pending()
    await jobs_of(stores).update_one({"_id": job.id}, {"$set": {"uncounted": True, "counted": True}})

    assert (await stores.usage.find_differences(), await total(stores)) == ([], 1)
    assert (await marked(stores), await counted(stores)) == (0, 1)


async def test_a_job_revived_before_its_mark_is_removed_is_subtracted(stores: Stores) -> None:
    failed = await failed_as_unknown(stores)
    await stores.usage.count_pending()
    await jobs_of(stores).update_one({"_id": failed.id}, {"$set": {"uncounted": True, "counted": True}})
    request = ProviderRequest(request_id="r", status_url="s", response_url="u", cancel_url="c")

    await stores.late_request_ids.revive(failed, failed.with_late_request_id(request))

    assert (await total(stores), await marked(stores), await stores.usage.find_differences()) == (0, 0, [])


async def test_a_mark_on_a_running_job_is_left_alone(stores: Stores) -> None:
    stored, _ = await stores.jobs.insert(a_job())
    await jobs_of(stores).update_one({"_id": stored.id}, {"$set": {"uncounted": True}})

    assert (await stores.usage.count_pending(), await counted(stores)) == (0, 0)


async def test_many_jobs_are_counted_in_parts(stores: Stores, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "MOST_AT_ONCE", 2)
    for _ in range(5):
        await ended(stores)

    assert (await stores.usage.count_pending(), await counted(stores), await marked(stores)) == (5, 5, 0)


async def test_jobs_that_end_during_a_count_do_not_prolong_it(stores: Stores, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "MOST_AT_ONCE", 1)
    count_at_once = stores.usage._count_at_once  # pyright: ignore[reportPrivateUsage] - jobs end during it

    async def while_another_ends(job_ids: Sequence[str]) -> None:
        await ended(stores)
        await count_at_once(job_ids)

    monkeypatch.setattr(stores.usage, "_count_at_once", while_another_ends)
    for _ in range(3):
        await ended(stores)

    assert (await stores.usage.count_pending(), await counted(stores), await marked(stores)) == (3, 3, 3)
