"""Retrying a job creates a new one."""

import base64
from collections.abc import AsyncGenerator
from datetime import timedelta
from uuid import uuid4

import pytest
from dirty_equals import IsPartialDict, IsStr
from pydantic import SecretStr

from imagegen.settings import LimitSettings, Settings, WebhookSettings
from tests.support.service import FLUX, Json, Sandbox, Service, running
from tests.support.specimens import picture

SECRET = "whsec_" + base64.b64encode(bytes(32)).decode()
WEBHOOK = "https://hooks.example.com/ended"


@pytest.fixture(scope="module")
async def signing(stack: Settings) -> AsyncGenerator[Service]:
    """A service that accepts webhooks."""
    settings = stack.model_copy(update={"webhooks": WebhookSettings(secrets=SecretStr(SECRET))})
    async with running(settings) as service:
        yield service


@pytest.fixture(scope="module")
async def narrow(stack: Settings) -> AsyncGenerator[Service]:
    """A service with low limits, and without a secret for webhooks."""
    limits = LimitSettings(max_prompt_chars=10, max_image_urls=1, url_schemes="https")
    async with running(stack.model_copy(update={"limits": limits}), with_runner=False) as service:
        yield service


async def failed(service: Service, sandbox: Sandbox, body: Json = FLUX) -> str:
    """A job that has failed. From here on the sandbox has no faults."""
    await sandbox.misbehaves({"fault": "model_fails"})
    job_id = (await service.generate(body)).json()["jobId"]
    await sandbox.behaves()
    return job_id


async def test_retry_is_a_new_job_that_refers_to_the_old_one(service: Service, sandbox: Sandbox) -> None:
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


async def test_retries_with_one_key_are_paid_for_once(service: Service, sandbox: Sandbox) -> None:
    old, other, key = await failed(service, sandbox), await failed(service, sandbox), uuid4().hex
    before = len(await sandbox.requests())

    first = await service.retry(old, idempotency_key=key)
    again = await service.retry(old, idempotency_key=key)
    of_another = await service.retry(other, idempotency_key=key)

    assert (again.headers["Idempotent-Replayed"], again.json()["jobId"]) == ("true", first.json()["jobId"])
    assert (of_another.status_code, of_another.json()["code"]) == (409, "idempotency_mismatch")
    assert len(await sandbox.requests()) - before == 1


async def test_retry_supports_respond_async(service: Service, sandbox: Sandbox) -> None:
    old = await failed(service, sandbox)

    answer = await service.retry(old, prefer="respond-async")

    job_id = answer.json()["jobId"]
    assert (answer.status_code, answer.headers["Location"]) == (202, f"/api/jobs/{job_id}")
    assert (await service.ended(job_id))["status"] == "completed"


async def test_failed_retry_is_reported_as_its_failure(service: Service, sandbox: Sandbox) -> None:
    old = await failed(service, sandbox)
    await sandbox.misbehaves({"fault": "model_fails"})

    answer = await service.retry(old)

    assert (answer.status_code, answer.json()["jobId"] != old) == (422, True)


async def test_retry_uses_the_users_own_images(service: Service, sandbox: Sandbox) -> None:
    inline = f"data:image/png;base64,{base64.b64encode(picture('png')).decode()}"
    inputs: Json = {"prompt": "a hat", "image_urls": [inline]}
    old = await failed(service, sandbox, {"model": "nano-banana-edit", "inputs": inputs, "userId": "user123"})

    job = (await service.retry(old)).json()

    stored = [await service.services.jobs.get(job_id) for job_id in (old, job["jobId"])]
    assert (job["status"], job["inputs"]["image_urls"]) == ("completed", [IsStr(regex="http://.*/inputs/user123/.*")])
    assert stored[0].input_keys == stored[1].input_keys != ()


async def test_retry_keeps_the_webhook_and_restarts_the_deadline(signing: Service, sandbox: Sandbox) -> None:
    old = await failed(signing, sandbox, {**FLUX, "webhookUrl": WEBHOOK, "deadlineSeconds": 600})

    new = (await signing.retry(old)).json()["jobId"]

    before, again = [await signing.services.jobs.get(job_id) for job_id in (old, new)]
    assert before.deadline is not None
    assert again.deadline is not None
    assert (again.webhook_url, again.deadline - again.created_at) == (WEBHOOK, timedelta(seconds=600))
    assert again.deadline > before.deadline


async def test_retry_without_webhook_and_deadline(signing: Service, sandbox: Sandbox) -> None:
    old = await failed(signing, sandbox)

    new = await signing.services.jobs.get((await signing.retry(old)).json()["jobId"])

    assert (new.webhook_url, new.deadline) == (None, None)


async def test_retry_is_checked_against_current_limits(signing: Service, narrow: Service, sandbox: Sandbox) -> None:
    old = await failed(signing, sandbox, {**FLUX, "webhookUrl": WEBHOOK})
    before = len(await sandbox.requests())

    answer = await narrow.retry(old)

    assert (answer.status_code, [(each["pointer"], each["code"]) for each in answer.json()["errors"]]) == (
        400,
        [("/inputs/prompt", "too_long"), ("/webhookUrl", "unsupported")],
    )
    assert len(await sandbox.requests()) == before


async def test_own_images_of_a_retry_are_not_checked_as_urls(
    service: Service, narrow: Service, sandbox: Sandbox
) -> None:
    inline = f"data:image/png;base64,{base64.b64encode(picture('png')).decode()}"
    inputs: Json = {"prompt": "a hat", "image_urls": [inline]}
    old = await failed(service, sandbox, {"model": "nano-banana-edit", "inputs": inputs, "userId": "user123"})

    answer = await narrow.retry(old, prefer="respond-async")

    assert answer.status_code == 202


async def test_completed_or_unfinished_job_cannot_be_retried(service: Service, sandbox: Sandbox) -> None:
    completed = (await service.generate()).json()["jobId"]
    await sandbox.misbehaves({"fault": "latency", "generation": 1})
    under_way = await service.accept()

    answers = [await service.retry(job_id) for job_id in (completed, under_way)]

    assert [(answer.status_code, answer.json()["code"]) for answer in answers] == [(409, "not_to_be_retried")] * 2
    await service.ended(under_way)


async def test_retry_of_a_deleted_job_is_410(service: Service, sandbox: Sandbox) -> None:
    old = await failed(service, sandbox)
    await service.client.delete(f"/api/jobs/{old}")

    assert (await service.retry(old)).status_code == 410


@pytest.mark.parametrize("job_id", ["01ARZ3NDEKTSV4RRFFQ69G5FAV", "nonsense"])
async def test_retry_of_an_unknown_job_is_404(service: Service, job_id: str) -> None:
    assert (await service.retry(job_id)).status_code == 404
