"""A job that started without a message survives the process that runs it, too, and is paid for once."""

import asyncio
import time
from datetime import timedelta
from pathlib import Path

import pytest

from imagegen.jobs import Job
from imagegen.settings import Settings
from imagegen.storage.stores import open_stores
from tests.support.messages import messages_ever
from tests.support.processes import Running, environment, imagegen, serving, takes_jobs
from tests.support.service import FLUX, Sandbox

pytestmark = [pytest.mark.usefixtures("service"), pytest.mark.slow]  # which creates the bucket
LEASE = timedelta(seconds=3)  # as `environment` sets it
SLOW = {"fault": "latency", "queue": 0, "generation": 2.0}
QUICK = {"fault": "latency", "queue": 0, "generation": 0.05}


async def accepted_directly(running: Running, own: Settings) -> str:
    """Accept a job that starts without a message; right after the start, lanes are not known to be empty yet."""
    async with asyncio.timeout(20):
        while True:
            before = await messages_ever(own)
            answer = await running.client.post("/api/images/generate", json=FLUX, headers={"Prefer": "respond-async"})
            job_id: str = answer.json()["jobId"]
            if await messages_ever(own) == before:
                return job_id
            await ended(own, job_id)


async def ended(own: Settings, job_id: str, *, within: float = 30) -> Job:
    async with open_stores(own.mongodb) as stores, asyncio.timeout(within):
        while not (job := await stores.jobs.get(job_id)).status.is_final:
            await asyncio.sleep(0.1)
        return job


async def submitted(sandbox: Sandbox, count: int) -> None:
    async with asyncio.timeout(30):
        while len(await sandbox.requests()) < count:
            await asyncio.sleep(0.02)


async def started_slowly(running: Running, own: Settings, sandbox: Sandbox) -> tuple[str, int]:
    """A job that started directly and takes two seconds at fal, and the number of requests so far."""
    await sandbox.misbehaves(QUICK)
    await ended(own, await accepted_directly(running, own))
    await sandbox.misbehaves(SLOW)
    before = len(await sandbox.requests())
    return await accepted_directly(running, own), before


@pytest.mark.parametrize("at_fal", [True, False], ids=["at fal", "at once"])
@pytest.mark.timeout(200)
async def test_another_process_takes_the_job_of_a_killed_one(
    own: Settings, sandbox: Sandbox, tmp_path: Path, at_fal: bool
) -> None:
    # Killed between its intent and the POST, it is looked for at fal until then: no longer than its lease.
    horizon = {} if at_fal else {"IMAGEGEN_UNKNOWN_HORIZON": "2s"}
    async with (
        serving(own, tmp_path, horizon) as first,
        imagegen("worker", environ=environment(own) | horizon, directory=tmp_path),
    ):
        await takes_jobs(tmp_path)
        job_id, before = await started_slowly(first, own, sandbox)
        if at_fal:
            await submitted(sandbox, before + 1)
            await asyncio.sleep(0.2)
        await first.kill()
        killed_at = time.monotonic()
        job = await ended(own, job_id, within=120)
        seconds = time.monotonic() - killed_at
        requests = len(await sandbox.requests()) - before

    assert job.status == "completed" or (not at_fal and job.error is not None)
    assert (job.error is None or job.error.code == "submission_unknown", job.lease.epoch, requests <= 1) == (
        True,
        2,
        True,
    )
    assert seconds < LEASE.total_seconds() + 45 + 5  # which the job itself takes at most


async def test_restarted_process_takes_its_job_after_one_lease(own: Settings, sandbox: Sandbox, tmp_path: Path) -> None:
    async with serving(own, tmp_path) as first:
        job_id, before = await started_slowly(first, own, sandbox)
        await submitted(sandbox, before + 1)
        await asyncio.sleep(0.2)
        await first.kill()
    async with serving(own, tmp_path):
        job = await ended(own, job_id, within=20)
        requests = len(await sandbox.requests()) - before

    assert (job.status, job.lease.epoch, requests) == ("completed", 2, 1)


async def test_stopping_process_passes_its_job_on_at_once(own: Settings, sandbox: Sandbox, tmp_path: Path) -> None:
    async with (
        serving(own, tmp_path) as first,
        imagegen("worker", environ=environment(own), directory=tmp_path),
    ):
        await takes_jobs(tmp_path)
        job_id, before = await started_slowly(first, own, sandbox)
        await submitted(sandbox, before + 1)
        await asyncio.sleep(0.2)
        status = await first.ask_to_end()
        job = await ended(own, job_id, within=8)
        requests = len(await sandbox.requests()) - before

    assert (status, job.status, job.lease.epoch, requests) == (0, "completed", 2, 1)
