"""Results that are larger than MongoDB can keep."""

from collections.abc import AsyncGenerator
from datetime import timedelta

import pytest
from dirty_equals import IsPartialDict, IsStr

from imagegen.settings import Settings
from tests.support.service import Json, Sandbox, Service, running

TAKES: Json = {"fault": "latency", "queue": 0, "generation": 0.1}


@pytest.fixture
async def service(own: Settings) -> AsyncGenerator[Service]:
    limits = own.service.model_copy(update={"lease": timedelta(seconds=10)})
    async with running(own.model_copy(update={"service": limits})) as opened:
        yield opened


async def test_result_that_can_never_be_stored_ends_the_job(service: Service, sandbox: Sandbox) -> None:
    url = f"{sandbox.client.base_url}x.png?{'x' * (17 * 2**20)}"
    answer: Json = {"fault": "any_answer", "on": ["result"], "body": {"images": [{"url": url}]}, "request_id": True}
    await sandbox.misbehaves(TAKES, answer)

    job = await service.ended(await service.accept())

    error = IsPartialDict(code="result_too_large", message=IsStr(regex=".*may have billed it.*"))
    assert (job["status"], job["error"], job["cost"]["totalCost"]) == ("failed", error, 0)


@pytest.mark.parametrize("mebibytes", [20, 40])
async def test_too_large_response_ends_the_job(service: Service, sandbox: Sandbox, mebibytes: int) -> None:
    answer: Json = {"fault": "any_answer", "on": ["result"], "body": {"detail": "no"}, "mebibytes": mebibytes}
    await sandbox.misbehaves(TAKES, {**answer, "request_id": True})

    job = await service.ended(await service.accept())

    assert (job["status"], job["cost"]["totalCost"]) == ("failed", 0)
