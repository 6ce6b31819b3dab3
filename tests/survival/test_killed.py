"""A job survives the process that runs it, and is paid for once."""

import asyncio
from pathlib import Path

import pytest
from dirty_equals import IsPartialDict

from imagegen.settings import Settings
from imagegen.storage.stores import open_stores
from tests.support.processes import Running, free_port, serving
from tests.support.service import FLUX, Json, Sandbox

NO_HISTORY: Json = {"fault": "history_unavailable"}
pytestmark = [pytest.mark.usefixtures("service"), pytest.mark.slow]  # which creates the bucket


async def accepted(running: Running) -> str:
    answer = await running.client.post("/api/images/generate", json=FLUX, headers={"Prefer": "respond-async"})
    assert answer.status_code == 202, answer.text
    return answer.json()["jobId"]


async def ended(running: Running, job_id: str) -> Json:
    async with asyncio.timeout(90):
        while True:
            job = (await running.client.get(f"/api/jobs/{job_id}")).json()
            if job["status"] not in {"queued", "running"}:
                return job
            await asyncio.sleep(0.1)


async def submitted(sandbox: Sandbox) -> None:
    """Wait until fal has the request."""
    async with asyncio.timeout(30):
        while not await sandbox.requests():
            await asyncio.sleep(0.02)


async def test_submitted_job_completes_after_a_crash_and_is_paid_once(
    own: Settings, sandbox: Sandbox, tmp_path: Path
) -> None:
    await sandbox.misbehaves({"fault": "latency", "generation": 1.0})
    async with serving(own, tmp_path) as first:
        job_id = await accepted(first)
        await submitted(sandbox)
        await asyncio.sleep(0.2)
        await first.kill()
    async with serving(own, tmp_path) as second:
        job = await ended(second, job_id)

    assert (job, len(await sandbox.requests())) == (IsPartialDict(status="completed"), 1)


async def test_queued_job_runs_after_a_crash(own: Settings, sandbox: Sandbox, tmp_path: Path) -> None:
    async with serving(own, tmp_path) as first:
        job_id = await accepted(first)
        await first.kill()
    # Killed between its intent and the POST, it is looked for at fal until then.
    async with serving(own, tmp_path, {"IMAGEGEN_UNKNOWN_HORIZON": "10s"}) as second:
        job = await ended(second, job_id)

    assert job["status"] == "completed" or job["error"]["code"] == "submission_unknown"
    assert len(await sandbox.requests()) <= 1


async def test_crash_during_the_submit_is_repaired_by_fals_history(
    own: Settings, sandbox: Sandbox, tmp_path: Path
) -> None:
    await sandbox.misbehaves({"fault": "submit_delay", "seconds": 5})
    async with serving(own, tmp_path) as first:
        job_id = await accepted(first)
        await submitted(sandbox)
        await first.kill()
    async with serving(own, tmp_path) as second:
        job = await ended(second, job_id)

    assert (job, len(await sandbox.requests())) == (IsPartialDict(status="completed"), 1)


async def test_crash_during_the_submit_is_repaired_by_fals_webhook(
    own: Settings, sandbox: Sandbox, tmp_path: Path
) -> None:
    await sandbox.misbehaves(
        {"fault": "submit_delay", "seconds": 5}, NO_HISTORY, {"fault": "webhook_late", "seconds": 12}
    )
    port = free_port()
    public = {"PUBLIC_URL": f"http://127.0.0.1:{port}"}
    async with serving(own, tmp_path, public, port=port) as first:
        job_id = await accepted(first)
        await submitted(sandbox)
        await first.kill()
    async with serving(own, tmp_path, public, port=port) as second:
        job = await ended(second, job_id)

    assert (job, len(await sandbox.requests())) == (IsPartialDict(status="completed"), 1)


async def test_cancel_request_survives_the_process_that_accepted_it(
    own: Settings, sandbox: Sandbox, tmp_path: Path
) -> None:
    await sandbox.misbehaves({"fault": "latency", "generation": 30}, {"fault": "submit_delay", "seconds": 5})
    async with serving(own, tmp_path) as first:
        job_id = await accepted(first)
        await submitted(sandbox)
        await first.client.post(f"/api/jobs/{job_id}/cancel")
        await first.kill()
    async with serving(own, tmp_path) as second:
        job = await ended(second, job_id)

    (request,) = await sandbox.requests()
    assert (job["status"], job["cost"]["totalCost"], request["error_type"]) == ("cancelled", 0, "client_cancelled")


async def test_crash_during_the_submit_never_repeats_an_unconfirmed_request(
    own: Settings, sandbox: Sandbox, tmp_path: Path
) -> None:
    await sandbox.misbehaves({"fault": "submit_delay", "seconds": 5}, NO_HISTORY)
    async with serving(own, tmp_path) as first:
        job_id = await accepted(first)
        await submitted(sandbox)
        await first.kill()
    async with serving(own, tmp_path) as second:
        job = await ended(second, job_id)

    assert (job, len(await sandbox.requests())) == (
        IsPartialDict(status="failed", error=IsPartialDict(code="submission_unknown"), cost=IsPartialDict(totalCost=0)),
        1,
    )


async def test_stopping_process_hands_its_jobs_back_at_once(own: Settings, sandbox: Sandbox, tmp_path: Path) -> None:
    await sandbox.misbehaves({"fault": "latency", "generation": 2.0})
    async with serving(own, tmp_path) as first:
        waiting = asyncio.create_task(first.client.post("/api/images/generate", json=FLUX))
        await submitted(sandbox)
        await asyncio.sleep(0.2)
        status = await first.ask_to_end()
        answer = await waiting
        job_id = answer.json()["jobId"]
        async with open_stores(own.mongodb) as stores:
            job = await stores.jobs.get(job_id)
    async with serving(own, tmp_path) as second:
        final = await ended(second, job_id)

    assert (answer.status_code, answer.headers["Location"], job.lease.until) == (202, f"/api/jobs/{job_id}", None)
    assert (status, final["status"], len(await sandbox.requests())) == (0, "completed", 1)
