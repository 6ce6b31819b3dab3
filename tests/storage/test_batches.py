"""A batch and its jobs are stored in one transaction, and counted over an index."""

from collections.abc import AsyncGenerator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from imagegen.clock import now
from imagegen.errors import BatchNotFound, DatabaseUnavailable, JobNotFound
from imagegen.jobs import Idempotency, Job, JobStatus
from imagegen.settings import Settings
from imagegen.storage.batches import Batch, BatchProgress, job_counts_pipeline
from imagegen.storage.jobs.store import Jobs
from imagegen.storage.stores import Stores, open_stores
from tests.support.jobs_apart import a_job, apart


@pytest.fixture
async def stores(stack: Settings) -> AsyncGenerator[Stores]:
    async with open_stores(apart(stack).mongodb) as opened:
        yield opened


@pytest.fixture
def jobs(stores: Stores) -> Jobs:
    return stores.jobs


def a_batch(count: int) -> tuple[Batch, list[Job]]:
    batch_id = a_job().id
    jobs = [replace(a_job(), batch_id=batch_id) for _ in range(count)]
    ids = tuple(job.id for job in jobs)
    batch = Batch(id=batch_id, user_id="user", job_ids=ids, estimated_cost=Decimal("0.05") * count, created_at=now())
    return batch, jobs


async def test_stored_batch_is_read_back(stores: Stores, jobs: Jobs) -> None:
    batch, members = a_batch(3)

    assert await stores.batches.insert(batch, members, now()) == (batch, False)
    assert await stores.batches.get(batch.id) == batch
    assert await jobs.get(members[2].id) == members[2]


async def test_batch_and_jobs_are_stored_or_nothing(stores: Stores, jobs: Jobs) -> None:
    batch, members = a_batch(3)
    await jobs.insert(members[2])

    with pytest.raises(DatabaseUnavailable):
        await stores.batches.insert(batch, members, now())

    with pytest.raises(BatchNotFound):
        await stores.batches.get(batch.id)
    with pytest.raises(JobNotFound):
        await jobs.get(members[0].id)


async def test_counts_are_read_from_the_index_alone(stores: Stores, jobs: Jobs) -> None:
    for _ in range(3):
        await stores.batches.insert(*a_batch(20), now())
    batch, members = a_batch(20)
    await stores.batches.insert(batch, members, now())

    tally = await stores.batches.progress(batch.id)
    command: dict[str, object] = {"aggregate": "jobs", "pipeline": job_counts_pipeline(batch.id), "cursor": {}}
    database = jobs._jobs.database  # pyright: ignore[reportPrivateUsage] - asks MongoDB how it would answer
    explained = await database.command("explain", command, verbosity="executionStats")

    none = dict.fromkeys(JobStatus, 0)
    assert tally == BatchProgress(counts={**none, JobStatus.QUEUED: 20}, charged=Decimal(0))
    assert {name: explained["executionStats"][name] for name in ("totalDocsExamined", "totalKeysExamined")} == {
        "totalDocsExamined": 0,
        "totalKeysExamined": 20,
    }


async def test_old_idempotency_key_passes_to_the_new_batch(stores: Stores) -> None:
    key = Idempotency(caller="user", route="POST /api/images/batch", key="k", body_sha256="0")
    (old, old_jobs), (new, new_jobs) = a_batch(1), a_batch(2)
    old, new = replace(old, idempotency=key), replace(new, idempotency=key)
    await stores.batches.insert(old, old_jobs, now())

    repeated = await stores.batches.insert(new, new_jobs, old.created_at - timedelta(seconds=1))
    taken_over = await stores.batches.insert(new, new_jobs, now())

    assert (repeated, taken_over) == ((old, True), (new, False))
    assert await stores.batches.get(old.id) == replace(old, idempotency=None)
    assert await stores.batches.find_by_idempotency_key(key, old.created_at - timedelta(seconds=1)) == new
