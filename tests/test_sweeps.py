"""Removing objects from the bucket: a record that cannot be handled delays no other record and no job."""

import asyncio
import logging
from collections.abc import AsyncGenerator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from imagegen.clock import now
from imagegen.engine.orphans import sweep_orphans
from imagegen.engine.worker import run_jobs
from imagegen.jobs import Job
from imagegen.operations.delete import sweep_deletions
from imagegen.registry import load_registry
from imagegen.services import Services, open_services
from imagegen.settings import Settings
from tests.support.jobs_apart import a_job, apart

UNREADABLE: dict[str, Any] = {"submission": {"state": "of the future"}}
DEFECTIVE: dict[str, Any] = {"createdAt": "no date"}


@pytest.fixture
async def services(stack: Settings) -> AsyncGenerator[Services]:
    registry = await asyncio.to_thread(load_registry)
    async with open_services(apart(stack), registry, create_bucket=True) as opened:
        yield opened


@pytest.fixture(autouse=True)
def _no_lines(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL)


async def ended(services: Services) -> Job:
    job, _ = await services.jobs.insert(a_job(age=timedelta(hours=1)))
    claimed = await services.jobs.claim(job.id, "runner", timedelta(seconds=30))
    assert claimed is not None
    return await services.jobs.save(claimed.cancelled(now() - timedelta(minutes=30)))


async def deleted(services: Services, **changes: Any) -> str:
    """A deleted job whose objects are not removed yet; one with changes is due first."""
    job = await ended(services)
    await services.removals.create_tombstone(job.deleted(now() - timedelta(minutes=30 if changes else 25)))
    await change(services, job.id, changes)
    return job.id


async def left(services: Services, **changes: Any) -> str:
    """An ended job that may have left objects."""
    job = await ended(services)
    due = now() - timedelta(minutes=30 if changes else 25)
    await change(services, job.id, {**changes, "clearAt": due})
    return job.id


async def change(services: Services, job_id: str, changes: dict[str, Any]) -> None:
    if changes:
        await services.jobs._jobs.update_one({"_id": job_id}, {"$set": changes})  # pyright: ignore[reportPrivateUsage] - as another version stored it


async def stored(services: Services, job_id: str) -> dict[str, Any]:
    found = await services.jobs._jobs.find_one({"_id": job_id})  # pyright: ignore[reportPrivateUsage] - members that a job does not show
    assert found is not None
    return found


@pytest.mark.parametrize("poison", [UNREADABLE, DEFECTIVE], ids=["unreadable", "defective"])
async def test_failed_deletion_is_postponed_and_the_others_finish(services: Services, poison: dict[str, Any]) -> None:
    bad, good = await deleted(services, **poison), await deleted(services)

    done = [await sweep_deletions(services) for _ in range(2)]

    assert (done, (await stored(services, good))["deletion"]["dueAt"]) == ([1, 0], None)
    assert timedelta(0) < (await stored(services, bad))["deletion"]["dueAt"] - now() <= timedelta(minutes=1)


@pytest.mark.parametrize("poison", [UNREADABLE, DEFECTIVE], ids=["unreadable", "defective"])
async def test_failed_cleanup_is_postponed_and_the_others_finish(services: Services, poison: dict[str, Any]) -> None:
    bad, good = await left(services, **poison), await left(services)

    done = [await sweep_orphans(services) for _ in range(2)]

    assert (done, (await stored(services, good))["clearAt"]) == ([1, 0], None)
    assert timedelta(0) < (await stored(services, bad))["clearAt"] - now() <= timedelta(minutes=1)


async def test_more_failures_than_one_sweep_handles_do_not_hide_the_rest(services: Services) -> None:
    for _ in range(105):
        await left(services, **UNREADABLE)
    await left(services)

    assert [await sweep_orphans(services) for _ in range(2)] == [0, 1]


async def test_pause_doubles_up_to_an_hour_and_success_resets_it(services: Services) -> None:
    job_id = await deleted(services, **UNREADABLE)
    pauses = list[float]()
    for _ in range(9):
        await services.removals.postpone(job_id, "deletion.dueAt")
        due = (await stored(services, job_id))["deletion"]["dueAt"]
        pauses.append(round((due - now()).total_seconds() / 60))
    await services.removals.mark_purged(replace(a_job(), id=job_id), None)

    assert (pauses, "removalFailures" in await stored(services, job_id)) == ([1, 2, 4, 8, 16, 32, 60, 60, 60], False)


async def test_jobs_run_beside_unreadable_records(services: Services) -> None:
    bad = [await deleted(services, **UNREADABLE), await left(services, **DEFECTIVE)]
    running = asyncio.create_task(run_jobs(services))
    try:
        async with asyncio.timeout(30):
            while not all(["removalFailures" in await stored(services, job_id) for job_id in bad]):
                await asyncio.sleep(0.05)

        assert not running.done()
    finally:
        services.stopping.set()
        running.cancel()
        await asyncio.wait({running})
