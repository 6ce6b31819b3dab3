"""A job outlives the process that runs it, and is paid for once."""

import asyncio
from pathlib import Path

import pytest
from dirty_equals import IsPartialDict
from processes import Running, free_port, serving
from service import FLUX, Json, Sandbox

from imagegen.settings import Settings
from imagegen.storage.jobs import open_jobs

NO_HISTORY: Json = {"fault": "history_unavailable"}
pytestmark = pytest.mark.usefixtures("service")  # which makes the bucket


async def accepted(running: Running) -> str:
    answer = await running.client.post("/api/images/generate", json=FLUX, headers={"Prefer": "respond-async"})
    assert answer.status_code == 202, answer.text
    return answer.json()["jobId"]


async def ended(running: Running, job_id: str) -> Json:
    async with asyncio.timeout(40):
        while True:
            job = (await running.client.get(f"/api/jobs/{job_id}")).json()
            if job["status"] not in {"queued", "running"}:
                return job
            await asyncio.sleep(0.1)


async def submitted(sandbox: Sandbox) -> None:
    """Wait until fal has the request."""
    async with asyncio.timeout(10):
        while not await sandbox.requests():
            await asyncio.sleep(0.02)


async def test_a_job_that_fal_works_on_is_finished_after_a_crash_and_paid_for_once(
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


async def test_a_job_that_nobody_has_taken_is_run_after_a_crash(
    own: Settings, sandbox: Sandbox, tmp_path: Path
) -> None:
    async with serving(own, tmp_path) as first:
        job_id = await accepted(first)
        await first.kill()
    async with serving(own, tmp_path) as second:
        job = await ended(second, job_id)

    assert job["status"] == "completed" or job["error"]["code"] == "submission_unknown"
    assert len(await sandbox.requests()) <= 1


async def test_a_crash_between_the_intent_and_the_answer_is_mended_by_fals_history(
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


async def test_a_crash_between_the_intent_and_the_answer_is_mended_by_fals_webhook(
    own: Settings, sandbox: Sandbox, tmp_path: Path
) -> None:
    await sandbox.misbehaves(
        {"fault": "submit_delay", "seconds": 5}, NO_HISTORY, {"fault": "webhook_late", "seconds": 4}
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


async def test_a_wish_to_cancel_outlives_the_process_that_took_it(
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


async def test_a_crash_between_the_intent_and_the_answer_never_sends_it_again_where_fal_tells_nothing(
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


async def test_a_process_that_is_asked_to_end_hands_its_jobs_back_at_once(
    own: Settings, sandbox: Sandbox, tmp_path: Path
) -> None:
    await sandbox.misbehaves({"fault": "latency", "generation": 2.0})
    async with serving(own, tmp_path) as first:
        waiting = asyncio.create_task(first.client.post("/api/images/generate", json=FLUX))
        await submitted(sandbox)
        await asyncio.sleep(0.2)
        status = await first.ask_to_end()
        answer = await waiting
        job_id = answer.json()["jobId"]
        async with open_jobs(own.mongodb) as jobs:
            job = await jobs.get(job_id)
    async with serving(own, tmp_path) as second:
        final = await ended(second, job_id)

    assert (answer.status_code, answer.headers["Location"], job.lease.until) == (202, f"/api/jobs/{job_id}", None)
    assert (status, final["status"], len(await sandbox.requests())) == (0, "completed", 1)
