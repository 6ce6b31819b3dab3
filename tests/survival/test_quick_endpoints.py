"""Jobs of an endpoint that is usually quick: the result is read before the status, and every job ends as it did."""

import asyncio
from collections.abc import AsyncGenerator
from datetime import timedelta
from typing import Final

import pytest
from dirty_equals import IsPartialDict

from imagegen.fal import FalTimeouts
from imagegen.settings import Settings
from tests.support.service import Json, Service, running

QUICK: Final[Json] = {"fault": "latency", "queue": 0, "generation": 0.1}


@pytest.fixture
async def service(own: Settings) -> AsyncGenerator[Service]:
    async with running(own, fal_timeouts=FalTimeouts(quick=timedelta(seconds=30))) as opened:
        yield opened


def teach(service: Service) -> None:
    """Let the service know the endpoint as one that takes three seconds: this machine may be busy."""
    for _ in range(16):
        service.services.fal._durations.completed("fal-ai/flux-pro/v1.1", 3)  # pyright: ignore[reportPrivateUsage] - as that many jobs would


async def ended(service: Service, *faults: Json) -> tuple[Json, Json]:
    """A job with these faults at its end, and how often its request was read."""
    await service.sandbox.misbehaves(*faults, QUICK)
    job = await service.ended(await service.accept())
    return job, (await service.sandbox.requests())[-1]["reads"]


async def test_quick_job_completes_by_one_read(service: Service) -> None:
    teach(service)
    job, reads = await ended(service)

    assert (job["status"], len(job["images"])) == ("completed", 1)
    assert reads == IsPartialDict(stream=0, status=0, result=1)


@pytest.mark.parametrize("fault", ["model_fails", "runner_fails"])
async def test_failed_job_has_the_same_error_once_the_endpoint_is_quick(service: Service, fault: str) -> None:
    first, _ = await ended(service, {"fault": fault})
    teach(service)
    last, reads = await ended(service, {"fault": fault})

    assert first["status"] == last["status"] == "failed"
    assert (first["error"], first["cost"]) == (last["error"], last["cost"])
    assert reads == IsPartialDict(stream=1, result=2)


async def test_job_that_takes_longer_than_usual_completes(service: Service) -> None:
    teach(service)
    job, reads = await ended(service, {**QUICK, "generation": 6})

    assert (job["status"], reads) == ("completed", IsPartialDict(stream=1, result=2))


async def test_quick_job_can_be_cancelled_before_its_read(service: Service) -> None:
    teach(service)
    await service.sandbox.misbehaves({**QUICK, "generation": 30})
    job_id = await service.accept()
    while not await service.sandbox.requests():
        await asyncio.sleep(0.02)
    await service.cancel(job_id)

    assert (await service.ended(job_id))["status"] == "cancelled"
