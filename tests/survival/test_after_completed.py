"""After COMPLETED, the response to the result read is the request's end, unless it may be another server's."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta

import pytest
from dirty_equals import IsPartialDict, IsStr

from imagegen.settings import Settings
from tests.support.jobs_apart import apart
from tests.support.service import FLUX, Json, Sandbox, Service, running

SECOND = timedelta(seconds=1)
TAKES: Json = {"fault": "latency", "queue": 0, "generation": 0.1}
GATEWAY: Json = {"status": 502, "body": "<html>Bad Gateway</html>"}
ACCOUNT: Json = {"status": 403, "body": {"detail": "User is locked. Reason: TOP_UP."}}
COMPLETED = IsPartialDict(status="completed", error=None)


@asynccontextmanager
async def served(own: Settings, *, fal: Json | None = None, **limits: object) -> AsyncGenerator[Service]:
    """A service with these time limits; `fal` are those towards fal."""
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
    async with asyncio.timeout(30):
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
    "201": ({"status": 201, "body": {"ok": True}}, "output_refused", "without an image"),
    "no object": ({"status": 200, "body": ["x"]}, "provider_rejected", "not a JSON object"),
}


@pytest.fixture(scope="module")
async def shared(stack: Settings) -> AsyncGenerator[Service]:
    async with running(apart(stack)) as service:
        yield service


@pytest.mark.parametrize("name", SIGNED)
async def test_response_of_fals_own_ends_the_job_with_its_message(shared: Service, name: str) -> None:
    answer, code, words = SIGNED[name]
    await shared.sandbox.misbehaves(TAKES, on_result(**answer, request_id=True))

    job = await shared.ended(await shared.accept({**FLUX, "inputs": {"prompt": name}}))
    await shared.sandbox.behaves()

    assert job == failed(code, IsStr(regex=f".*{words}.*"), falStatus=answer["status"])


@pytest.mark.parametrize(
    "answer", [GATEWAY, ACCOUNT, {"framing": "short", "body": {"images": []}}, {"framing": "no_head"}]
)
async def test_possible_gateway_response_is_read_again_and_the_image_delivered(
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


async def test_same_response_many_times_ends_the_request(own: Settings, sandbox: Sandbox) -> None:
    await sandbox.misbehaves(TAKES, on_result(status=503, body={"detail": "CUDA error: out of memory"}))
    async with served(own) as service:
        fal = service.services.fal
        fal._timeouts = replace(fal.timeouts, min_repeat_time=SECOND)  # pyright: ignore[reportPrivateUsage] - minutes are too long for a test
        job = await service.ended(await service.accept())

    assert job == failed("provider_unavailable", "CUDA error: out of memory", falStatus=503)


async def test_failure_by_status_needs_no_readable_result(own: Settings, sandbox: Sandbox) -> None:
    await sandbox.misbehaves(TAKES, {"fault": "runner_fails", "message": "the GPU is gone"}, on_result(**GATEWAY))
    async with served(own) as service:
        job = await service.ended(await service.accept())

    assert job == failed("provider_rejected", "the GPU is gone", falErrorType="internal_error")


async def test_horizon_ends_the_job_with_fals_last_message(own: Settings, sandbox: Sandbox) -> None:
    await sandbox.misbehaves(TAKES, on_result(**ACCOUNT))
    async with served(own, fal={"result_horizon": 2 * SECOND}) as service:
        job = await service.ended(await service.accept())

    assert job == failed("result_unreadable", IsStr(regex=r".*TOP_UP.*may have billed it.*"), falStatus=403)


async def test_job_timeout_ends_the_wait_for_a_result(own: Settings, sandbox: Sandbox) -> None:
    await sandbox.misbehaves(TAKES, on_result(**GATEWAY))
    async with served(own, job_timeout=2 * SECOND) as service:
        job = await service.ended(await service.accept())

    assert job == failed("job_timeout", IsStr(regex=r".*IMAGEGEN_JOB_TIMEOUT.*502.*may have billed it.*"))


async def test_deadline_ends_the_wait_for_a_result(own: Settings, sandbox: Sandbox) -> None:
    await sandbox.misbehaves(TAKES, on_result(**GATEWAY))
    async with served(own) as service:
        job = await service.ended(await service.accept({**FLUX, "deadlineSeconds": 3}), within=8)

    assert job == failed("deadline_exceeded", IsStr(regex=r".*could not be read.*502.*may have billed it.*"))


async def test_cancellation_ends_the_wait_at_once_and_the_job_can_be_deleted(own: Settings, sandbox: Sandbox) -> None:
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


async def test_hold_survives_a_restart_without_a_slot(own: Settings, sandbox: Sandbox) -> None:
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
