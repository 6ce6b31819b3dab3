"""A job that failed runs again as a new one."""

import base64
from uuid import uuid4

import pytest
from dirty_equals import IsPartialDict, IsStr
from service import FLUX, Json, Sandbox, Service
from specimens import picture


async def failed(service: Service, sandbox: Sandbox, body: Json = FLUX) -> str:
    """A job that has failed; from here on fal behaves."""
    await sandbox.misbehaves({"fault": "model_fails"})
    job_id = (await service.generate(body)).json()["jobId"]
    await sandbox.behaves()
    return job_id


async def test_a_failed_job_runs_again_as_a_new_one_that_names_it(service: Service, sandbox: Sandbox) -> None:
    old = await failed(service, sandbox, {**FLUX, "options": {"num_images": 2}})

    answer = await service.retry(old)

    job = answer.json()
    assert (answer.status_code, job) == (
        200,
        IsPartialDict(
            status="completed",
            retryOf=old,
            inputs=FLUX["inputs"],
            options={"num_images": 2},
            cost=IsPartialDict(totalCost=0.1),
        ),
    )
    assert job["jobId"] != old
    assert await service.job(old) == IsPartialDict(status="failed", retryOf=None)


async def test_a_retry_is_paid_for_once_under_one_key(service: Service, sandbox: Sandbox) -> None:
    old, other, key = await failed(service, sandbox), await failed(service, sandbox), uuid4().hex
    before = len(await sandbox.requests())

    first = await service.retry(old, idempotency_key=key)
    again = await service.retry(old, idempotency_key=key)
    of_another = await service.retry(other, idempotency_key=key)

    assert (again.headers["Idempotent-Replayed"], again.json()["jobId"]) == ("true", first.json()["jobId"])
    assert (of_another.status_code, of_another.json()["code"]) == (409, "idempotency_mismatch")
    assert len(await sandbox.requests()) - before == 1


async def test_a_retry_need_not_be_waited_for(service: Service, sandbox: Sandbox) -> None:
    old = await failed(service, sandbox)

    answer = await service.retry(old, prefer="respond-async")

    job_id = answer.json()["jobId"]
    assert (answer.status_code, answer.headers["Location"]) == (202, f"/api/jobs/{job_id}")
    assert (await service.ended(job_id))["status"] == "completed"


async def test_a_retry_that_fails_too_is_told_as_its_failure(service: Service, sandbox: Sandbox) -> None:
    old = await failed(service, sandbox)
    await sandbox.misbehaves({"fault": "model_fails"})

    answer = await service.retry(old)

    assert (answer.status_code, answer.json()["jobId"] != old) == (422, True)


async def test_the_users_own_pictures_go_with_it(service: Service, sandbox: Sandbox) -> None:
    inline = f"data:image/png;base64,{base64.b64encode(picture('png')).decode()}"
    inputs: Json = {"prompt": "a hat", "image_urls": [inline]}
    old = await failed(service, sandbox, {"model": "nano-banana-edit", "inputs": inputs, "userId": "user123"})

    job = (await service.retry(old)).json()

    stored = [await service.services.jobs.get(job_id) for job_id in (old, job["jobId"])]
    assert (job["status"], job["inputs"]["image_urls"]) == ("completed", [IsStr(regex="http://.*/inputs/user123/.*")])
    assert stored[0].input_keys == stored[1].input_keys != ()


async def test_what_completed_or_has_not_ended_is_not_tried_again(service: Service, sandbox: Sandbox) -> None:
    completed = (await service.generate()).json()["jobId"]
    await sandbox.misbehaves({"fault": "latency", "generation": 1})
    under_way = await service.accept()

    answers = [await service.retry(job_id) for job_id in (completed, under_way)]

    assert [(answer.status_code, answer.json()["code"]) for answer in answers] == [(409, "not_to_be_retried")] * 2
    await service.ended(under_way)


async def test_a_deleted_job_is_gone(service: Service, sandbox: Sandbox) -> None:
    old = await failed(service, sandbox)
    await service.client.delete(f"/api/jobs/{old}")

    assert (await service.retry(old)).status_code == 410


@pytest.mark.parametrize("job_id", ["01ARZ3NDEKTSV4RRFFQ69G5FAV", "nonsense"])
async def test_no_job_is_not_found(service: Service, job_id: str) -> None:
    assert (await service.retry(job_id)).status_code == 404
