"""Waiting for a job with one request instead of many."""

import asyncio
import time

import httpx
import pytest
from jobs_apart import apart
from service import FLUX, Sandbox, Service, running

from imagegen.settings import LimitSettings, Settings

SLOW = {"fault": "latency", "generation": 1.2}


async def asked(service: Service, job_id: str, wait: object, known: str | None = None) -> tuple[httpx.Response, float]:
    """The answer, and how many seconds it took."""
    started = time.monotonic()
    headers = {} if known is None else {"If-None-Match": known}
    answer = await service.client.get(f"/api/jobs/{job_id}", params={"wait": str(wait)}, headers=headers)
    return answer, time.monotonic() - started


async def test_without_a_tag_the_end_is_waited_for(service: Service, sandbox: Sandbox) -> None:
    await sandbox.misbehaves(SLOW)
    job_id = await service.accept()

    answer, seconds = await asked(service, job_id, 30)

    assert (answer.status_code, answer.json()["status"]) == (200, "completed")
    assert seconds < 10


async def test_with_a_tag_any_change_is_waited_for(service: Service, sandbox: Sandbox) -> None:
    await sandbox.misbehaves(SLOW)
    job_id = await service.accept()
    tags, statuses = ['W/"an older one"'], ["unknown"]
    while statuses[-1] != "completed":
        answer, _ = await asked(service, job_id, 30, tags[-1])
        tags.append(answer.headers["ETag"])
        statuses.append(answer.json()["status"])

    assert len(set(tags)) == len(tags)
    assert set(statuses[1:]) <= {"queued", "running", "completed"}


async def test_what_has_not_changed_in_time_is_304(service: Service, sandbox: Sandbox) -> None:
    await sandbox.misbehaves({"fault": "latency", "generation": 3})
    job_id = await service.accept()
    await asyncio.sleep(0.7)  # submitted, and generating for a while
    known = (await service.client.get(f"/api/jobs/{job_id}")).headers["ETag"]

    answer, seconds = await asked(service, job_id, 1, known)

    assert (answer.status_code, answer.headers["ETag"]) == (304, known)
    assert 0.9 < seconds < 2
    await service.ended(job_id)


async def test_a_job_that_has_ended_is_not_waited_for(service: Service) -> None:
    job_id = (await service.generate()).json()["jobId"]

    first, seconds = await asked(service, job_id, 30)
    second, again = await asked(service, job_id, 30, first.headers["ETag"])

    assert (first.status_code, second.status_code) == (200, 304)
    assert max(seconds, again) < 2


async def test_a_wait_that_runs_out_answers_with_the_job_as_it_is(service: Service, sandbox: Sandbox) -> None:
    await sandbox.misbehaves({"fault": "latency", "generation": 2.5})
    job_id = await service.accept()

    answer, seconds = await asked(service, job_id, 1)

    assert (answer.status_code, answer.json()["status"]) == (200, "running")
    assert 0.9 < seconds < 2
    await service.ended(job_id)


async def test_without_a_seat_the_answer_comes_at_once(stack: Settings) -> None:
    crowded = apart(stack).model_copy(update={"limits": LimitSettings(max_waiting=0)})
    async with running(crowded, with_runner=False) as service:
        job_id = await service.accept({**FLUX, "userId": "no-seat"})
        answer, seconds = await asked(service, job_id, 30)

    assert (answer.status_code, answer.json()["status"]) == (200, "queued")
    assert seconds < 2


async def test_a_service_that_is_asked_to_stop_answers_those_who_wait(stack: Settings) -> None:
    async with running(apart(stack), with_runner=False) as service:
        job_id = await service.accept({**FLUX, "userId": "stopping"})
        waiting = asyncio.create_task(asked(service, job_id, 30))
        await asyncio.sleep(0.3)
        service.services.stopping.set()
        answer, seconds = await waiting

    assert (answer.status_code, answer.json()["status"]) == (200, "queued")
    assert seconds < 3


@pytest.mark.parametrize("wait", [-1, 61, "long"])
async def test_a_wait_that_is_none_is_refused(service: Service, wait: object) -> None:
    answer, _ = await asked(service, "01ARZ3NDEKTSV4RRFFQ69G5FAV", wait)

    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (400, "wait")
