"""A submit without a response: its request is found again, paid for once, and never confused with another."""

import asyncio
from base64 import b64encode
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import timedelta

import httpx
import pytest
from dirty_equals import IsPartialDict

from imagegen.fal import FalTimeouts
from imagegen.jobs import Job, SubmissionState
from imagegen.settings import Settings
from tests.support.processes import free_port
from tests.support.service import FLUX, Json, Sandbox, Service, running
from tests.support.specimens import PNG

LOST = {"fault": "submit_drop", "when": "after_accepting"}
NO_HISTORY = {"fault": "history_unavailable"}
EMPTY_HISTORY = {"fault": "history_empty"}
FAILED = IsPartialDict(
    status="failed", error=IsPartialDict(code="submission_unknown"), cost=IsPartialDict(totalCost=0), images=[]
)
COMPLETED = IsPartialDict(status="completed", error=None, cost=IsPartialDict(totalCost=0.05))


def with_limits(own: Settings, **limits: object) -> Settings:
    changes = {"lease": timedelta(seconds=3), **limits}
    return own.model_copy(update={"service": own.service.model_copy(update=changes)})


@asynccontextmanager
async def reachable(own: Settings, **limits: object) -> AsyncGenerator[Service]:
    """A service that fal can call when a request ends."""
    port = free_port()
    settings = with_limits(own, public_url=f"http://127.0.0.1:{port}", **limits)
    async with running(settings, port=port) as service:
        yield service


@pytest.fixture
async def with_webhooks(own: Settings) -> AsyncGenerator[Service]:
    async with reachable(own) as service:
        yield service


@pytest.fixture
async def without_webhooks(own: Settings) -> AsyncGenerator[Service]:
    async with running(with_limits(own)) as service:
        yield service


async def in_state(service: Service, job_id: str, state: SubmissionState) -> Job:
    async with asyncio.timeout(30):
        while (job := await service.services.jobs.get(job_id)).submission.state is not state:
            await asyncio.sleep(0.02)
    return job


async def webhooks(sandbox: Sandbox) -> list[Json]:
    return [request["webhooks"] for request in await sandbox.requests()]


async def until_sent(sandbox: Sandbox, number: int = 1) -> None:
    """Wait until the webhook of every request was sent this many times."""
    async with asyncio.timeout(20):
        while not all(webhook["sent"] >= number for webhook in await webhooks(sandbox)):
            await asyncio.sleep(0.05)


async def test_webhook_brings_the_lost_id(with_webhooks: Service, sandbox: Sandbox) -> None:
    await sandbox.misbehaves(LOST, NO_HISTORY)

    answer = await with_webhooks.generate()

    (request,) = await sandbox.requests()
    job = await with_webhooks.services.jobs.get(answer.json()["jobId"])
    assert job.submission.request is not None
    assert (answer.json(), job.submission.request.request_id) == (COMPLETED, request["request_id"])


async def test_history_brings_the_lost_id(without_webhooks: Service, sandbox: Sandbox) -> None:
    await sandbox.misbehaves(LOST)

    answer = await without_webhooks.generate()

    assert (answer.json(), len(await sandbox.requests())) == (COMPLETED, 1)


async def test_request_with_the_users_own_image_is_found_by_its_sent_payload(
    without_webhooks: Service, sandbox: Sandbox
) -> None:
    """Its URL at fal is created for the submit; the job's own payload has only a reference."""
    await sandbox.misbehaves(LOST)
    picture = f"data:image/png;base64,{b64encode(PNG).decode()}"

    answer = await without_webhooks.generate(
        {"model": "nano-banana-edit", "inputs": {"prompt": "a hat", "image_urls": [picture]}, "userId": "user123"}
    )

    job = await without_webhooks.services.jobs.get(answer.json()["jobId"])
    (request,) = await sandbox.requests()
    assert (answer.json()["status"], job.sent_payload, job.payload == job.sent_payload) == (
        "completed",
        request["body"],
        False,
    )


async def test_history_that_lists_late_is_read_again(without_webhooks: Service, sandbox: Sandbox) -> None:
    await sandbox.misbehaves(LOST, {"fault": "history_late", "seconds": 2})

    answer = await without_webhooks.generate()

    assert (answer.json(), len(await sandbox.requests())) == (COMPLETED, 1)


async def test_job_with_a_lost_request_does_not_wait_behind_jobs_that_need_its_slot(
    own: Settings, sandbox: Sandbox
) -> None:
    await sandbox.misbehaves({**LOST, "times": 1}, {"fault": "history_late", "seconds": 1.0})
    bounded = own.model_copy(update={"fal": own.fal.model_copy(update={"concurrency": 1})})
    async with running(with_limits(bounded)) as service:
        held = await service.accept()
        await in_state(service, held, SubmissionState.UNKNOWN)
        waiting = [await service.accept({**FLUX, "userId": user}) for user in ("user123", "another")]
        jobs = [await service.ended(job_id, within=15) for job_id in (held, *waiting)]  # reconciliation runs every 30 s

    assert (jobs, len(await sandbox.requests())) == ([COMPLETED] * 3, 3)


async def test_none_of_two_possible_requests_is_claimed(own: Settings, sandbox: Sandbox) -> None:
    not_yet = {"fault": "history_unavailable", "status": 503, "times": 1}  # queued requests are not listed
    await sandbox.misbehaves({**LOST, "after": 1}, not_yet)
    async with running(with_limits(own, unknown_horizon=timedelta(seconds=4))) as service:
        model = service.services.registry.model("flux-pro")
        payload = model.fal_request(FLUX["inputs"], {}).payload
        other_customer = {"Authorization": f"Key {sandbox.key}"}
        await sandbox.client.post(f"/{model.endpoint}", json=payload, headers=other_customer)
        job_id = await service.accept()
        held = await in_state(service, job_id, SubmissionState.UNKNOWN)
        job = await service.ended(job_id)

    assert (held.status, job, len(await sandbox.requests())) == ("running", FAILED, 2)


async def test_two_jobs_with_the_same_lost_request_get_one_each(without_webhooks: Service, sandbox: Sandbox) -> None:
    await sandbox.misbehaves(LOST)

    job_ids = [await without_webhooks.accept() for _ in range(2)]
    ended = [await without_webhooks.ended(job_id) for job_id in job_ids]

    stored = [(await without_webhooks.services.jobs.get(job_id)).submission.request for job_id in job_ids]
    assert ended == [COMPLETED, COMPLETED]
    assert {found.request_id for found in stored if found} == {
        request["request_id"] for request in await sandbox.requests()
    }


async def test_job_with_a_lost_request_fails_uncharged_at_the_horizon(own: Settings, sandbox: Sandbox) -> None:
    await sandbox.misbehaves(LOST, EMPTY_HISTORY)
    async with running(with_limits(own, unknown_horizon=timedelta(seconds=2))) as service:
        job_id = await service.accept()
        held = await in_state(service, job_id, SubmissionState.UNKNOWN)
        job = await service.ended(job_id)

    assert (held.status, job, len(await sandbox.requests())) == ("running", FAILED, 1)


async def test_job_fails_at_once_if_its_request_can_never_be_found(without_webhooks: Service, sandbox: Sandbox) -> None:
    await sandbox.misbehaves(LOST, NO_HISTORY)

    answer = await without_webhooks.generate()

    assert (answer.status_code, answer.json()["code"]) == (500, "submission_unknown")


@pytest.mark.slow
async def test_id_that_arrives_after_the_failure_is_adopted(own: Settings, sandbox: Sandbox) -> None:
    await sandbox.misbehaves(LOST, EMPTY_HISTORY, {"fault": "webhook_late", "seconds": 4})
    async with reachable(own, unknown_horizon=timedelta(seconds=1)) as service:
        job_id = await service.accept({**FLUX, "options": {"num_images": 2}})
        failed = await service.ended(job_id)
        before = await service.services.jobs.get(job_id)
        async with asyncio.timeout(20):
            while (job := await service.job(job_id))["status"] != "completed":
                await asyncio.sleep(0.1)
        after = await service.services.jobs.get(job_id)

    assert (failed, job) == (FAILED, IsPartialDict(status="completed", error=None, cost=IsPartialDict(totalCost=0.1)))
    assert (after.version > before.version, len(await sandbox.requests())) == (True, 1)


async def test_forged_webhook_is_refused(own: Settings, sandbox: Sandbox) -> None:
    await sandbox.misbehaves(LOST, NO_HISTORY, {"fault": "webhook_forged"})
    async with reachable(own, unknown_horizon=timedelta(seconds=3)) as service:
        job = await service.ended(await service.accept())
        await until_sent(sandbox)

    assert (job, [webhook["taken"] for webhook in await webhooks(sandbox)]) == (FAILED, [0])


async def test_webhook_of_another_customer_is_refused(with_webhooks: Service, sandbox: Sandbox) -> None:
    """It has fal's signature, but not the secret of the attempt."""
    job = (await with_webhooks.generate()).json()
    address = (await sandbox.requests())[0]["query"]["fal_webhook"]
    other_customer = {"Authorization": f"Key {sandbox.key}"}
    for wrong in (f"{address[:-1]}{'0' if address[-1] != '0' else '1'}", address.replace(job["jobId"], "0" * 26)):
        await sandbox.client.post(
            "/fal-ai/flux/dev", json={"prompt": "x"}, params={"fal_webhook": wrong}, headers=other_customer
        )
    await until_sent(sandbox)

    async with asyncio.timeout(30):
        while not (await webhooks(sandbox))[0]["taken"]:
            await asyncio.sleep(0.05)
    assert [webhook["taken"] for webhook in await webhooks(sandbox)] == [1, 0, 0]


async def test_webhook_before_the_response_to_the_submit_is_adopted(with_webhooks: Service, sandbox: Sandbox) -> None:
    await sandbox.misbehaves({"fault": "webhook_before_answer"})

    answer = await with_webhooks.generate()

    assert (answer.json(), await webhooks(sandbox)) == (COMPLETED, [{"sent": 1, "taken": 1}])


@pytest.mark.parametrize(
    "fault", [{"fault": "webhook_doubled"}, {"fault": "webhook_late", "seconds": 1}], ids=["doubled", "late"]
)
async def test_webhook_ends_the_wait(with_webhooks: Service, sandbox: Sandbox, fault: Json) -> None:
    await sandbox.misbehaves(fault)

    answer = await with_webhooks.generate()

    (request,) = await sandbox.requests()
    assert (answer.json(), request["reads"]) == (COMPLETED, IsPartialDict(status=1, stream=0, result=1))


async def test_webhook_secret_is_neither_logged_nor_stored(
    with_webhooks: Service, sandbox: Sandbox, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG", "imagegen")
    await sandbox.misbehaves(LOST)
    job_id = (await with_webhooks.generate()).json()["jobId"]

    secret = (await sandbox.requests())[0]["query"]["fal_webhook"].rpartition("/")[2]
    assert (len(secret), secret in caplog.text) == (32, False)
    assert secret not in str(await with_webhooks.services.jobs.get(job_id))


async def test_webhooks_need_no_key_and_reveal_nothing(with_webhooks: Service) -> None:
    async with httpx.AsyncClient(base_url=with_webhooks.client.base_url) as keyless:
        answers = [
            await keyless.post("/api/webhooks/fal/01ARZ3NDEKTSV4RRFFQ69G5FAV/x", content=body) for body in (b"", b"{}")
        ]

    assert [(answer.status_code, answer.json()["code"]) for answer in answers] == [(404, "not_found")] * 2


@pytest.fixture
def impatient(without_webhooks: Service) -> Service:
    """A service that takes a request for forgotten after one second of 404."""
    hasty = FalTimeouts(status_missing=timedelta(seconds=1), result_missing=timedelta(seconds=1))
    without_webhooks.services.fal._timeouts = hasty  # pyright: ignore[reportPrivateUsage] - ten minutes are too long for a test
    return without_webhooks


async def test_request_that_fal_lost_fails_with_that_reason(impatient: Service, sandbox: Sandbox) -> None:
    await sandbox.misbehaves({"fault": "request_forgotten"})

    answer = await impatient.generate()

    (request,) = await sandbox.requests()
    job = await impatient.job(answer.json()["jobId"])
    assert (answer.status_code, job["error"]["code"], job["cost"]["totalCost"]) == (500, "result_lost", 0)
    assert request["request_id"] in job["error"]["message"]


async def test_forgotten_status_does_not_lose_the_result(impatient: Service, sandbox: Sandbox) -> None:
    await sandbox.misbehaves({"fault": "read_status", "on": ["status", "stream"], "status": 404})

    answer = await impatient.generate()

    assert (answer.json(), len(await sandbox.requests())) == (COMPLETED, 1)
