"""Waiting for a job with one request instead of many."""

import asyncio
import time

import httpx
import pytest

from imagegen.settings import LimitSettings, Settings
from tests.support.jobs_apart import apart
from tests.support.service import FLUX, Sandbox, Service, running

SLOW = {"fault": "latency", "generation": 1.2}


async def asked(service: Service, job_id: str, wait: object, known: str | None = None) -> tuple[httpx.Response, float]:
    """The response, and how many seconds it took."""
    started = time.monotonic()
    headers = {} if known is None else {"If-None-Match": known}
    answer = await service.client.get(f"/api/jobs/{job_id}", params={"wait": str(wait)}, headers=headers)
    return answer, time.monotonic() - started


async def test_wait_without_a_tag_is_for_the_end(service: Service, sandbox: Sandbox) -> None:
    await sandbox.misbehaves(SLOW)
    job_id = await service.accept()

    answer, seconds = await asked(service, job_id, 30)

    assert (answer.status_code, answer.json()["status"]) == (200, "completed")
    assert seconds < 10


async def test_wait_with_a_tag_is_for_any_change(service: Service, sandbox: Sandbox) -> None:
    await sandbox.misbehaves(SLOW)
    job_id = await service.accept()
    tags, statuses = ['W/"an older one"'], ["unknown"]
    while statuses[-1] != "completed":
        answer, _ = await asked(service, job_id, 30, tags[-1])
        tags.append(answer.headers["ETag"])
        statuses.append(answer.json()["status"])

    assert len(set(tags)) == len(tags)
    assert set(statuses[1:]) <= {"queued", "running", "completed"}


async def test_unchanged_job_is_304_after_the_wait(service: Service, sandbox: Sandbox) -> None:
    await sandbox.misbehaves({"fault": "latency", "generation": 3})
    job_id = await service.accept()
    await asyncio.sleep(0.7)  # submitted, and generating for a while
    known = (await service.client.get(f"/api/jobs/{job_id}")).headers["ETag"]

    answer, seconds = await asked(service, job_id, 1, known)

    assert (answer.status_code, answer.headers["ETag"]) == (304, known)
    assert 0.9 < seconds < 2
    await service.ended(job_id)


async def test_ended_job_is_returned_at_once(service: Service) -> None:
    job_id = (await service.generate()).json()["jobId"]

    first, seconds = await asked(service, job_id, 30)
    second, again = await asked(service, job_id, 30, first.headers["ETag"])

    assert (first.status_code, second.status_code) == (200, 304)
    assert max(seconds, again) < 2


async def test_expired_wait_returns_the_job_as_it_is(service: Service, sandbox: Sandbox) -> None:
    await sandbox.misbehaves({"fault": "latency", "generation": 2.5})
    job_id = await service.accept()

    answer, seconds = await asked(service, job_id, 1)

    assert (answer.status_code, answer.json()["status"]) == (200, "running")
    assert 0.9 < seconds < 2
    await service.ended(job_id)


async def test_without_a_slot_the_response_is_immediate(stack: Settings) -> None:
    crowded = apart(stack).model_copy(update={"limits": LimitSettings(max_waiting=0)})
    async with running(crowded, with_runner=False) as service:
        job_id = await service.accept({**FLUX, "userId": "no-slot"})
        answer, seconds = await asked(service, job_id, 30)

    assert (answer.status_code, answer.json()["status"]) == (200, "queued")
    assert seconds < 2


async def test_stopping_service_responds_to_waiting_requests(stack: Settings) -> None:
    async with running(apart(stack), with_runner=False) as service:
        job_id = await service.accept({**FLUX, "userId": "stopping"})
        waiting = asyncio.create_task(asked(service, job_id, 30))
        await asyncio.sleep(0.3)
        service.services.stopping.set()
        answer, seconds = await waiting

    assert (answer.status_code, answer.json()["status"]) == (200, "queued")
    assert seconds < 3


@pytest.mark.parametrize("wait", [-1, 61, "long"])
async def test_invalid_wait_is_refused(service: Service, wait: object) -> None:
    answer, _ = await asked(service, "01ARZ3NDEKTSV4RRFFQ69G5FAV", wait)

    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (400, "wait")
