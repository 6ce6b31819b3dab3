"""Cancelling a job in every state."""

import asyncio
from collections.abc import AsyncGenerator

import httpx
import pytest
from dirty_equals import IsPartialDict

from imagegen.settings import Settings
from tests.support.service import Json, Sandbox, Service, running, sandbox_of

LONG = {"fault": "latency", "generation": 8}  # the sandbox checks for a cancellation at every quarter
UNCHARGED = IsPartialDict(totalCost=0, numImages=0)
CANCELLED = IsPartialDict(status="cancelled", cost=UNCHARGED, images=[], error=None)


@pytest.fixture
async def sandbox(own: Settings) -> AsyncGenerator[Sandbox]:
    async with sandbox_of(own) as sandbox:
        yield sandbox


@pytest.fixture
async def working(own: Settings) -> AsyncGenerator[Service]:
    async with running(own) as service:
        yield service


async def submitted(sandbox: Sandbox, state: str = "IN_PROGRESS") -> None:
    """Wait until fal has the request, and it is in this state."""
    async with asyncio.timeout(30):
        while [request["state"] for request in await sandbox.requests()] != [state]:
            await asyncio.sleep(0.02)


async def outcomes(sandbox: Sandbox) -> list[str | None]:
    return [request["error_type"] or request["state"] for request in await sandbox.requests()]


def cancel_requested(job_id: str) -> tuple[int, str, object]:
    return 202, f"/api/jobs/{job_id}", IsPartialDict(jobId=job_id, status="running")


def summary(answer: httpx.Response) -> tuple[int, str, object]:
    return answer.status_code, answer.headers["Location"], answer.json()


async def test_queued_job_is_cancelled_at_once_and_never_sent(own: Settings, sandbox: Sandbox) -> None:
    async with running(own, with_runner=False) as service:
        job_id = await service.accept()
        answers = [await service.cancel(job_id) for _ in range(2)]
    async with running(own) as service:
        completed = await service.generate()
        job = await service.job(job_id)

    assert [(answer.status_code, answer.json()) for answer in answers] == [(200, CANCELLED), (200, CANCELLED)]
    assert (job, completed.json()["status"], len(await sandbox.requests())) == (CANCELLED, "completed", 1)


@pytest.mark.parametrize(
    ("latency", "state"),
    [({"generation": 8}, "IN_PROGRESS"), ({"queue": 60}, "IN_QUEUE")],
    ids=["generating", "in fal's queue"],
)
async def test_submitted_job_is_cancelled_at_fal(working: Service, sandbox: Sandbox, latency: Json, state: str) -> None:
    await sandbox.misbehaves({"fault": "latency", **latency})
    job_id = await working.accept()
    await submitted(sandbox, state)

    answer, repeated = [await working.cancel(job_id) for _ in range(2)]

    job = await working.ended(job_id, within=8)
    assert (summary(answer), repeated.status_code in {200, 202}) == (cancel_requested(job_id), True)
    assert (job, await outcomes(sandbox)) == (CANCELLED, ["client_cancelled"])
    assert (await working.cancel(job_id)).status_code == 200


async def test_cancel_during_the_submit_is_sent_once_the_id_is_known(working: Service, sandbox: Sandbox) -> None:
    await sandbox.misbehaves(LONG, {"fault": "submit_delay", "seconds": 1.5})
    job_id = await working.accept()
    await submitted(sandbox)

    answer = await working.cancel(job_id)

    job = await working.ended(job_id, within=8)
    assert summary(answer) == cancel_requested(job_id)
    assert (job, await outcomes(sandbox)) == (CANCELLED, ["client_cancelled"])


async def test_cancel_of_a_lost_request_is_sent_once_it_is_found(working: Service, sandbox: Sandbox) -> None:
    await sandbox.misbehaves(
        LONG, {"fault": "submit_drop", "when": "after_accepting"}, {"fault": "history_late", "seconds": 2}
    )
    job_id = await working.accept()
    await submitted(sandbox)

    answer = await working.cancel(job_id)

    job = await working.ended(job_id)
    assert (summary(answer), job) == (cancel_requested(job_id), CANCELLED)
    assert await outcomes(sandbox) == ["client_cancelled"]


async def test_job_that_fal_completes_despite_a_cancel_is_charged(working: Service, sandbox: Sandbox) -> None:
    await sandbox.misbehaves({"fault": "latency", "generation": 2}, {"fault": "cancel_ignored"})
    job_id = await working.accept()
    await submitted(sandbox)

    answer = await working.cancel(job_id)

    job = await working.ended(job_id)
    assert summary(answer) == cancel_requested(job_id)
    assert job == IsPartialDict(status="completed", cost=IsPartialDict(totalCost=0.05))


async def test_any_replica_can_cancel(own: Settings, working: Service, sandbox: Sandbox) -> None:
    await sandbox.misbehaves(LONG)
    job_id = await working.accept()
    await submitted(sandbox)
    async with running(own, with_runner=False) as replica:
        await replica.cancel(job_id)
        job = await replica.ended(job_id, within=8)

    assert job == CANCELLED


async def test_waiting_caller_gets_the_cancelled_job(working: Service, sandbox: Sandbox) -> None:
    await sandbox.misbehaves(LONG)
    waiting = asyncio.create_task(working.generate())
    await submitted(sandbox)
    (job,) = (await working.client.get("/api/jobs")).json()["jobs"]
    await working.cancel(job["jobId"])

    answer = await waiting

    assert (answer.status_code, answer.json()) == (200, CANCELLED)


@pytest.mark.parametrize(
    ("fault", "status"), [(None, "completed"), ({"fault": "model_fails"}, "failed")], ids=["completed", "failed"]
)
async def test_ended_job_cannot_be_cancelled(
    working: Service, sandbox: Sandbox, fault: Json | None, status: str
) -> None:
    await sandbox.misbehaves(*([fault] if fault else []))
    job_id = await working.accept()
    before = await working.ended(job_id)

    answer = await working.cancel(job_id)

    assert (answer.status_code, answer.json()) == (409, IsPartialDict(code="job_finished", jobId=job_id))
    assert (before["status"], (await working.job(job_id))["status"]) == (status, status)


async def test_cancelling_an_unknown_job_is_404(working: Service) -> None:
    answer = await working.cancel("01ARZ3NDEKTSV4RRFFQ69G5FAV")

    assert (answer.status_code, answer.json()["code"]) == (404, "job_not_found")


async def test_racing_cancel_and_submit_have_one_winner(working: Service, sandbox: Sandbox) -> None:
    """Never both: a job that was cancelled before its submission has no request at fal."""
    job_ids = [await working.accept() for _ in range(12)]
    answers = await asyncio.gather(*(working.cancel(job_id) for job_id in job_ids))

    jobs = [await working.services.jobs.get((await working.ended(job_id))["jobId"]) for job_id in job_ids]
    sent = {job.submission.request.request_id for job in jobs if job.submission.request is not None}
    at_fal = {request["request_id"]: request["error_type"] for request in await sandbox.requests()}
    assert sent == at_fal.keys()
    # fal may have cancelled or completed a request by the time that its job's caller is answered.
    ended = [job for job, answer in zip(jobs, answers, strict=True) if answer.status_code == 200]
    assert {
        (job.status.value, at_fal[job.submission.request.request_id])
        for job in ended
        if job.submission.request is not None
    } <= {("cancelled", "client_cancelled"), ("completed", None)}
