"""Time limits: fal is asked to cancel the request, and its response decides."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest
from dirty_equals import IsPartialDict

from imagegen.settings import Settings
from tests.support.service import FLUX, Json, Sandbox, Service, running

pytestmark = pytest.mark.slow

FOR_EVER = 60
LONG = 8  # the sandbox checks for a cancellation at every quarter
SECOND = timedelta(seconds=1)
COMPLETED = IsPartialDict(status="completed", error=None, cost=IsPartialDict(totalCost=0.05))


def failed(code: str) -> IsPartialDict:
    return IsPartialDict(
        status="failed", error=IsPartialDict(code=code, retryable=True), cost=IsPartialDict(totalCost=0), images=[]
    )


@asynccontextmanager
async def limited(own: Settings, **limits: object) -> AsyncGenerator[Service]:
    service = own.service.model_copy(update={"lease": 3 * SECOND, **limits})
    async with running(own.model_copy(update={"service": service})) as opened:
        yield opened


async def outcomes(sandbox: Sandbox) -> list[str | None]:
    """How fal ended each request."""
    return [request["error_type"] or request["state"] for request in await sandbox.requests()]


async def stopped(service: Service, job_id: str) -> None:
    """Wait until it is stored that fal is to cancel the request."""
    async with asyncio.timeout(30):
        while (await service.services.jobs.get(job_id)).stop is None:
            await asyncio.sleep(0.05)


@pytest.mark.parametrize(
    ("limit", "latency", "code"),
    [
        ("job_timeout", {"generation": LONG}, "job_timeout"),
        ("queue_timeout", {"queue": FOR_EVER}, "queue_timeout"),
    ],
)
async def test_too_slow_request_is_cancelled_at_fal(
    own: Settings, sandbox: Sandbox, limit: str, latency: Json, code: str
) -> None:
    await sandbox.misbehaves({"fault": "latency", **latency})
    async with limited(own, **{limit: SECOND}) as service:
        job = await service.ended(await service.accept())

    assert (job, await outcomes(sandbox)) == (failed(code), ["client_cancelled"])


async def test_time_in_fals_queue_does_not_count_as_work(own: Settings, sandbox: Sandbox) -> None:
    await sandbox.misbehaves({"fault": "latency", "queue": 6, "generation": 0.5})
    async with limited(own, job_timeout=3 * SECOND) as service:
        job = await service.ended(await service.accept())

    assert (job, await outcomes(sandbox)) == (COMPLETED, ["COMPLETED"])


async def test_next_process_does_not_take_a_running_request_for_queued(own: Settings, sandbox: Sandbox) -> None:
    await sandbox.misbehaves({"fault": "latency", "generation": 6})
    async with limited(own) as first:
        job_id = await first.accept()
        async with asyncio.timeout(30):
            while [request["state"] for request in await sandbox.requests()] != ["IN_PROGRESS"]:
                await asyncio.sleep(0.05)
        await asyncio.sleep(1)
    async with limited(own, queue_timeout=SECOND) as second:
        job = await second.ended(job_id)

    (request,) = await sandbox.requests()
    assert (job, request["reads"]["cancel"]) == (COMPLETED, 0)


async def test_request_completed_despite_cancellation_is_stored_and_charged(own: Settings, sandbox: Sandbox) -> None:
    await sandbox.misbehaves({"fault": "latency", "generation": 7}, {"fault": "cancel_ignored"})
    async with limited(own, job_timeout=SECOND) as service:
        job = await service.ended(await service.accept())

    (request,) = await sandbox.requests()
    assert (job, request["reads"]["cancel"]) == (COMPLETED, 1)


async def test_deadline_during_the_request_cancels_it_at_fal(own: Settings, sandbox: Sandbox) -> None:
    await sandbox.misbehaves({"fault": "latency", "queue": FOR_EVER})
    async with limited(own) as service:
        job = await service.ended(await service.accept({**FLUX, "deadlineSeconds": 1}))

    assert (job, await outcomes(sandbox)) == (failed("deadline_exceeded"), ["client_cancelled"])


async def test_deadline_before_the_submission_sends_nothing(own: Settings, sandbox: Sandbox) -> None:
    async with running(own, with_runner=False) as service:
        job_id = await service.accept({**FLUX, "deadlineSeconds": 1})
        await asyncio.sleep(1.1)
    async with running(own) as service:
        job = await service.ended(job_id)

    assert (job, await sandbox.requests()) == (failed("deadline_exceeded"), [])


async def test_failed_cancellation_is_repeated(own: Settings, sandbox: Sandbox) -> None:
    await sandbox.misbehaves(
        {"fault": "latency", "generation": 12},
        {"fault": "read_status", "on": ["cancel"], "status": 503, "times": 1},
    )
    async with limited(own, job_timeout=SECOND) as service:
        job = await service.ended(await service.accept())

    assert (job, await outcomes(sandbox)) == (failed("job_timeout"), ["client_cancelled"])


async def test_unanswered_cancellation_ends_the_wait_at_the_horizon(own: Settings, sandbox: Sandbox) -> None:
    await sandbox.misbehaves(
        {"fault": "latency", "generation": FOR_EVER}, {"fault": "read_status", "on": ["cancel"], "status": 503}
    )
    async with limited(own, job_timeout=SECOND, unknown_horizon=2 * SECOND) as service:
        job = await service.ended(await service.accept())

    assert job == failed("cancel_unconfirmed")


@pytest.mark.parametrize(
    "faults",
    [[], [{"fault": "read_status", "on": ["status", "stream", "cancel"], "status": 503}]],
    ids=["readable", "status cannot be read"],
)
async def test_image_completed_during_an_outage_beyond_the_horizon_is_delivered(
    own: Settings, sandbox: Sandbox, faults: list[Json]
) -> None:
    await sandbox.misbehaves(
        {"fault": "latency", "generation": 3}, {"fault": "read_status", "on": ["cancel"], "status": 503}
    )
    async with limited(own, unknown_horizon=2 * SECOND) as service:
        job_id = await service.accept({**FLUX, "deadlineSeconds": 1})
        await stopped(service, job_id)
    await asyncio.sleep(3)  # longer than the request takes and than the horizon
    await sandbox.misbehaves(*faults)
    async with limited(own, unknown_horizon=2 * SECOND) as service:
        job = await service.ended(job_id)

    assert (job, len(await sandbox.requests())) == (COMPLETED, 1)
