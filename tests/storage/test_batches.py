"""A batch and its jobs are stored in one transaction, and counted over an index."""

from collections.abc import AsyncGenerator
from dataclasses import replace
from decimal import Decimal

import pytest
from jobs_apart import a_job, apart

from imagegen.errors import BatchNotFound, DatabaseUnavailable, JobNotFound
from imagegen.jobs import Job, JobStatus
from imagegen.settings import Settings
from imagegen.storage.batches import Batch, Tally, counted
from imagegen.storage.jobs import Jobs, open_jobs
from imagegen.wiring import now


@pytest.fixture
async def jobs(stack: Settings) -> AsyncGenerator[Jobs]:
    async with open_jobs(apart(stack).mongodb) as jobs:
        yield jobs


def a_batch(count: int) -> tuple[Batch, list[Job]]:
    batch_id = a_job().id
    jobs = [replace(a_job(), batch_id=batch_id) for _ in range(count)]
    ids = tuple(job.id for job in jobs)
    batch = Batch(id=batch_id, user_id="user", job_ids=ids, estimated_cost=Decimal("0.05") * count, created_at=now())
    return batch, jobs


async def test_what_is_stored_is_read_back(jobs: Jobs) -> None:
    batch, members = a_batch(3)

    assert await jobs.batches.insert(batch, members, now()) == (batch, False)
    assert await jobs.batches.get(batch.id) == batch
    assert await jobs.get(members[2].id) == members[2]


async def test_all_is_stored_or_nothing(jobs: Jobs) -> None:
    batch, members = a_batch(3)
    await jobs.insert(members[2])

    with pytest.raises(DatabaseUnavailable):
        await jobs.batches.insert(batch, members, now())

    with pytest.raises(BatchNotFound):
        await jobs.batches.get(batch.id)
    with pytest.raises(JobNotFound):
        await jobs.get(members[0].id)


async def test_the_counts_are_read_from_the_index_alone(jobs: Jobs) -> None:
    for _ in range(3):
        await jobs.batches.insert(*a_batch(20), now())
    batch, members = a_batch(20)
    await jobs.batches.insert(batch, members, now())

    tally = await jobs.batches.tally(batch.id)
    command: dict[str, object] = {"aggregate": "jobs", "pipeline": counted(batch.id), "cursor": {}}
    database = jobs._jobs.database  # pyright: ignore[reportPrivateUsage] - asks MongoDB how it would answer
    explained = await database.command("explain", command, verbosity="executionStats")

    none = dict.fromkeys(JobStatus, 0)
    assert tally == Tally(counts={**none, JobStatus.QUEUED: 20}, charged=Decimal(0))
    assert {name: explained["executionStats"][name] for name in ("totalDocsExamined", "totalKeysExamined")} == {
        "totalDocsExamined": 0,
        "totalKeysExamined": 20,
    }
