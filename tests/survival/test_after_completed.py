"""After fal has said COMPLETED: an answer to the result read is the request's end, unless it may be another's."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta

import pytest
from dirty_equals import IsPartialDict, IsStr
from jobs_apart import apart
from service import FLUX, Json, Sandbox, Service, running

from imagegen.settings import Settings

SECOND = timedelta(seconds=1)
TAKES: Json = {"fault": "latency", "queue": 0, "generation": 0.1}
GATEWAY: Json = {"status": 502, "body": "<html>Bad Gateway</html>"}
ACCOUNT: Json = {"status": 403, "body": {"detail": "User is locked. Reason: TOP_UP."}}
COMPLETED = IsPartialDict(status="completed", error=None)


@asynccontextmanager
async def served(own: Settings, *, fal: Json | None = None, **limits: object) -> AsyncGenerator[Service]:
    """A service with these limits of time; `fal` are those towards fal."""
    service = own.service.model_copy(update={"lease": 3 * SECOND, **limits})
    towards_fal = own.fal.model_copy(update=fal or {})
    async with running(own.model_copy(update={"service": service, "fal": towards_fal})) as opened:
        yield opened


def on_result(**answer: object) -> Json:
    return {"fault": "any_answer", "on": ["result"], **answer}


def failed(code: str, message: object = IsStr, **more: object) -> IsPartialDict:
    cost = IsPartialDict(totalCost=0)
    return IsPartialDict(
        status="failed", error=IsPartialDict(code=code, message=message, **more), cost=cost, waitingFor=None
    )


async def held(service: Service, job_id: str) -> Json:
    """The job once it waits for its result."""
    async with asyncio.timeout(10):
        while "result, which cannot be read" not in ((job := await service.job(job_id))["waitingFor"] or ""):
            assert job["status"] in {"queued", "running"}, job
            await asyncio.sleep(0.05)
    return job


SIGNED: dict[str, tuple[Json, str, str]] = {
    "a GPU's error": ({"status": 503, "body": {"detail": "CUDA error: out of memory"}}, "provider_unavailable", "CUDA"),
    "502 with words": ({"status": 502, "body": {"detail": "worker died"}}, "provider_unavailable", "worker died"),
    "503 with a list": ({"status": 503, "body": {"detail": ["a", "b"]}}, "provider_unavailable", "a; b"),
    "403 with words": ({"status": 403, "body": {"detail": "not yours"}}, "provider_rejected", "not yours"),
    "404 with words": ({"status": 404, "body": {"detail": "LoRA not found"}}, "provider_rejected", "LoRA not found"),
    "a plain text": ({"status": 500, "body": "boom"}, "provider_unavailable", "500"),
    "a page": ({"status": 500, "body": "<html>boom</html>"}, "provider_unavailable", "500"),
    "error": ({"status": 500, "body": {"error": "boom"}}, "provider_unavailable", "boom"),
    "an empty detail": ({"status": 422, "body": {"detail": []}}, "provider_rejected", "422"),
    "nothing": ({"status": 500}, "provider_unavailable", "500"),
    "201": ({"status": 201, "body": {"ok": True}}, "output_refused", "without a picture"),
    "no object": ({"status": 200, "body": ["x"]}, "provider_rejected", "no JSON object"),
}


@pytest.fixture(scope="module")
async def shared(stack: Settings) -> AsyncGenerator[Service]:
    async with running(apart(stack)) as service:
        yield service


@pytest.mark.parametrize("name", SIGNED)
async def test_an_answer_that_has_fals_sign_ends_the_job_with_its_words(shared: Service, name: str) -> None:
    answer, code, words = SIGNED[name]
    await shared.sandbox.misbehaves(TAKES, on_result(**answer, request_id=True))

    job = await shared.ended(await shared.accept({**FLUX, "inputs": {"prompt": name}}))
    await shared.sandbox.behaves()

    assert job == failed(code, IsStr(regex=f".*{words}.*"), falStatus=answer["status"])


@pytest.mark.parametrize(
    "answer", [GATEWAY, ACCOUNT, {"framing": "short", "body": {"images": []}}, {"framing": "no_head"}]
)
async def test_what_may_be_a_gateways_answer_is_asked_again_and_the_image_delivered(
    own: Settings, sandbox: Sandbox, answer: Json
) -> None:
    await sandbox.misbehaves(TAKES, on_result(**answer))
    async with served(own) as service:
        job_id = await service.accept()
        meanwhile = await held(service, job_id)
        stored = await service.services.jobs.get(job_id)
        await sandbox.behaves()
        job = await service.ended(job_id)

    assert meanwhile["waitingFor"] == IsStr(regex=r"fal\.ai's result, which cannot be read: .+, since 20\S+Z")
    assert (stored.is_open_at_fal, job, len(await sandbox.requests())) == (False, COMPLETED, 1)


async def test_the_same_words_again_and_again_are_the_requests_end(own: Settings, sandbox: Sandbox) -> None:
    await sandbox.misbehaves(TAKES, on_result(status=503, body={"detail": "CUDA error: out of memory"}))
    async with served(own) as service:
        fal = service.services.fal
        fal._patience = replace(fal.patience, same_for=SECOND)  # pyright: ignore[reportPrivateUsage] - minutes are too long for a test
        job = await service.ended(await service.accept())

    assert job == failed("provider_unavailable", "CUDA error: out of memory", falStatus=503)


async def test_a_failure_that_the_status_told_needs_no_readable_result(own: Settings, sandbox: Sandbox) -> None:
    await sandbox.misbehaves(TAKES, {"fault": "runner_fails", "message": "the GPU is gone"}, on_result(**GATEWAY))
    async with served(own) as service:
        job = await service.ended(await service.accept())

    assert job == failed("provider_rejected", "the GPU is gone", falErrorType="internal_error")


async def test_the_horizon_ends_the_job_with_fals_last_words(own: Settings, sandbox: Sandbox) -> None:
    await sandbox.misbehaves(TAKES, on_result(**ACCOUNT))
    async with served(own, fal={"result_horizon": 2 * SECOND}) as service:
        job = await service.ended(await service.accept())

    assert job == failed("result_unreadable", IsStr(regex=r".*TOP_UP.*may have billed it.*"), falStatus=403)


async def test_a_limit_of_time_ends_it_too(own: Settings, sandbox: Sandbox) -> None:
    await sandbox.misbehaves(TAKES, on_result(**GATEWAY))
    async with served(own, job_timeout=2 * SECOND) as service:
        job = await service.ended(await service.accept())

    assert job == failed("job_timeout", IsStr(regex=r".*IMAGEGEN_JOB_TIMEOUT.*502.*may have billed it.*"))


async def test_a_deadline_ends_it_too(own: Settings, sandbox: Sandbox) -> None:
    await sandbox.misbehaves(TAKES, on_result(**GATEWAY))
    async with served(own) as service:
        job = await service.ended(await service.accept({**FLUX, "deadlineSeconds": 3}), within=8)

    assert job == failed("deadline_exceeded", IsStr(regex=r".*could not be read.*502.*may have billed it.*"))


async def test_a_cancellation_ends_it_at_once_and_it_can_be_deleted(own: Settings, sandbox: Sandbox) -> None:
    await sandbox.misbehaves(TAKES, on_result(**GATEWAY))
    async with served(own) as service:
        job_id = await service.accept()
        await held(service, job_id)
        await asyncio.sleep(3)
        asked = await service.cancel(job_id)
        job = await service.ended(job_id, within=3)
        deleted = await service.client.delete(f"/api/jobs/{job_id}")

    assert (asked.status_code, job["status"], job["cost"]["totalCost"], deleted.status_code) == (
        202,
        "cancelled",
        0,
        204,
    )


async def test_a_hold_survives_a_restart_without_a_slot(own: Settings, sandbox: Sandbox) -> None:
    await sandbox.misbehaves(TAKES, on_result(**GATEWAY, prompt="held"))
    async with served(own, fal={"concurrency": 1}) as first:
        job_id = await first.accept({**FLUX, "inputs": {"prompt": "held"}})
        await held(first, job_id)
    async with served(own, fal={"concurrency": 1}) as second:
        good = await second.generate()
        waits = await second.job(job_id)
        await sandbox.behaves()
        job = await second.ended(job_id)

    assert (good.status_code, waits["status"], job) == (200, "running", COMPLETED)
    assert len(await sandbox.requests()) == 2
