"""Held jobs do not delay the jobs of others."""

import asyncio
import time
from datetime import timedelta

import pytest

from imagegen.settings import Settings
from tests.support.service import FLUX, Json, Sandbox, Service, running

pytestmark = pytest.mark.slow

JOBS = 200
BOUND = 5.0  # seconds that a good job may take longer than alone
QUICK: Json = {"fault": "latency", "queue": 0, "generation": 0.05}
WAITS: dict[str, Json] = {
    "a gateway's page in the place of the result": {"on": ["result"], "status": 502, "body": "<html>"},
    "an account that is locked": {"on": ["result"], "status": 403, "body": {"detail": "User is locked."}},
    "a result that breaks off": {"on": ["result"], "framing": "short", "body": {"images": []}},
    "a submit that is refused for now": {"on": ["submit"], "status": 429, "body": {"detail": "Slow down"}},
}
LIMITS: dict[str, tuple[Json, Json]] = {
    "FAL_CONCURRENCY=2": ({"concurrency": 2}, {}),
    "IMAGEGEN_CONCURRENCY=4": ({}, {"concurrency": 4}),
}


async def seconds_of_a_good_job(service: Service, number: int) -> float:
    began = time.monotonic()
    answer = await service.generate({**FLUX, "userId": f"good-{number}"})
    assert answer.status_code == 200, answer.text
    return time.monotonic() - began


@pytest.mark.timeout(180)
@pytest.mark.parametrize("limits", LIMITS)
@pytest.mark.parametrize("wait", WAITS)
async def test_good_job_beside_200_held_jobs_is_as_fast_as_alone(
    own: Settings, sandbox: Sandbox, wait: str, limits: str
) -> None:
    fal, service = LIMITS[limits]
    bad: Json = {**FLUX, "inputs": {"prompt": "bad"}}
    del bad["userId"]
    await sandbox.misbehaves(QUICK, {"fault": "any_answer", "prompt": "bad", **WAITS[wait]})
    limited = own.model_copy(
        update={
            "fal": own.fal.model_copy(update=fal),
            "service": own.service.model_copy(update={"lease": timedelta(seconds=10), **service}),
        }
    )
    async with running(limited) as opened:
        alone = await seconds_of_a_good_job(opened, 0)
        await opened.batch(*[bad] * JOBS, user_id="bad")
        beside: list[float] = []
        for number in range(1, 5):
            beside.append(await seconds_of_a_good_job(opened, number))
            await asyncio.sleep(1.5)

    assert max(beside) < alone + BOUND, (alone, beside)
