"""If fal refuses the account, jobs fail with a neutral reason and submitting pauses until fal accepts it again."""

import asyncio
import logging
from contextlib import AsyncExitStack
from datetime import timedelta
from typing import Final
from uuid import uuid4

import pytest
from dirty_equals import IsPartialDict, IsStr
from pydantic import SecretStr

from imagegen.settings import Settings
from tests.support.service import FLUX, ITEM, Json, Sandbox, Service, running

WORDS: Final = "User is locked. Reason: TOP_UP. Pay at fal.ai/dashboard/billing."
LOCKED: Final[Json] = {"fault": "submit_status", "status": 403, "body": {"detail": WORDS}}
SLOW: Final[Json] = {"fault": "latency", "queue": 0, "generation": 1}


async def paused(service: Service) -> Json:
    """The response to a request once submitting has paused."""
    async with asyncio.timeout(5):
        while (answer := await service.generate(prefer="respond-async")).status_code != 503:
            await asyncio.sleep(0.05)
    return {**answer.json(), "retryAfter": answer.headers["Retry-After"]}


async def resumed(service: Service, *, within: float = 20) -> Json:
    """The job of the first request that is accepted again."""
    async with asyncio.timeout(within):
        while (answer := await service.generate()).status_code == 503:
            await asyncio.sleep(0.2)
    return answer.json()


@pytest.mark.parametrize(
    "trouble",
    [
        LOCKED,
        {"fault": "submit_status", "status": 403, "body": {"detail": "User is locked. Reason: Exhausted balance."}},
        {"fault": "submit_status", "status": 401, "body": {"detail": "invalid key credentials"}},
        {"fault": "submit_status", "status": 402, "body": {"detail": "Payment required"}},
        {"fault": "submit_status", "status": 403, "body": {"detail": WORDS}, "request_id": True},
        {"fault": "submit_status", "status": 409, "body": {"detail": WORDS}},
        {"fault": "submit_status", "status": 429, "body": {"detail": WORDS}},
        {"fault": "submit_status", "status": 403, "body": "<html>403 Forbidden</html>"},
    ],
    ids=["locked", "balance", "key", "402", "with an id", "409", "429", "a gateway's page"],
)
async def test_refused_account_fails_the_job_with_a_neutral_message(
    own: Settings, trouble: Json, caplog: pytest.LogCaptureFixture
) -> None:
    async with running(own) as service:
        await service.sandbox.misbehaves({**trouble, "times": 1})
        with caplog.at_level(logging.ERROR, "imagegen.account"):
            answer = await service.generate()

        problem = answer.json()
        assert (answer.status_code, problem) == (
            500,
            IsPartialDict(code="provider_account", retryable=True, charged=False, falStatus=trouble["status"]),
        )
        job = await service.job(problem["jobId"])
        assert (job["status"], job["error"], job["cost"]) == (
            "failed",
            IsPartialDict(code="provider_account", retryable=True, falErrorType=None, falDetail=[]),
            IsPartialDict(totalCost=0, providerCost=0),
        )
        shown = f"{answer.text}{job}{(await service.client.get('/health/ready')).text}"
        assert [word for word in ("locked", "TOP_UP", "balance", "billing", "credentials") if word in shown] == []
    assert [record.levelname for record in caplog.records] == ["ERROR"]
    body: Json | str = trouble["body"]
    assert ("HTTP status 403" if isinstance(body, str) else body["detail"]) in caplog.text


async def test_refusal_of_an_input_pauses_nothing(own: Settings) -> None:
    async with running(own) as service:
        for body in (
            {"detail": "This prompt is not allowed."},
            {"detail": [{"msg": "no", "type": "image_load_error"}]},
        ):
            for status in (403, 422):
                fault = {"fault": "submit_status", "status": status, "body": body, "request_id": True, "times": 1}
                await service.sandbox.misbehaves(fault)
                assert (await service.generate()).json()["code"] == "provider_rejected"

        assert (await service.generate()).status_code == 200


async def test_new_requests_are_refused_while_submitting_is_paused(own: Settings) -> None:
    async with running(own) as service:
        done = (await service.generate()).json()["jobId"]
        first = (await service.generate(idempotency_key="once")).json()["jobId"]
        await service.sandbox.misbehaves(LOCKED)
        failed = (await service.generate()).json()["jobId"]
        before = [job["jobId"] for job in (await service.client.get("/api/jobs")).json()["jobs"]]

        answers = [await service.generate(), await service.batch(ITEM, ITEM), await service.retry(failed)]

        assert [(answer.status_code, answer.json()) for answer in answers] == [
            (503, IsPartialDict(code="provider_account", retryable=True, type=IsStr(regex=".*:provider-account")))
        ] * 3
        assert all(1 <= int(answer.headers["Retry-After"]) <= 60 for answer in answers)
        assert [job["jobId"] for job in (await service.client.get("/api/jobs")).json()["jobs"]] == before
        assert (await service.generate(idempotency_key="once")).json()["jobId"] == first
        assert (await service.job(done))["status"] == "completed"
        assert (await service.client.post("/api/images/generate", json={"model": "none"})).status_code == 400


async def test_readiness_reports_the_refused_account(own: Settings) -> None:
    async with running(own) as service:
        await service.sandbox.misbehaves(LOCKED)
        await service.generate()

        answer = await service.client.get("/health/ready")

    assert (answer.status_code, answer.json()["servers"]["fal"]) == (
        503,
        {"status": "down", "reason": IsStr(regex=r"fal\.ai refuses the account of FAL_KEY \(HTTP 403\)\..*")},
    )


@pytest.mark.slow
async def test_queued_jobs_wait_without_a_slot_until_the_pause_ends(own: Settings, sandbox: Sandbox) -> None:
    """Two at a time, so that most wait for a slot at fal when the refusals begin and few fail."""
    bounded = own.model_copy(update={"fal": own.fal.model_copy(update={"concurrency": 2})})
    async with running(bounded) as service:
        await sandbox.misbehaves(SLOW)
        ids = [await service.accept() for _ in range(4)]
        async with asyncio.timeout(30):
            while len(await sandbox.requests()) < 2:
                await asyncio.sleep(0.02)
        ids += [await service.accept() for _ in range(8)]
        await sandbox.misbehaves({**LOCKED, "times": 2})
        await _until_one_waits(service, ids)

        jobs = await asyncio.gather(*(service.ended(job_id, within=60) for job_id in ids))

        failed = [job["error"]["code"] for job in jobs if job["status"] == "failed"]
        assert failed == ["provider_account"] * 2
        assert len(await sandbox.requests()) == len(jobs) - 2


async def _until_one_waits(service: Service, ids: list[str]) -> None:
    """Wait until a job says that it waits for the account."""
    async with asyncio.timeout(20):
        while True:
            reasons = [(await service.job(job_id))["waitingFor"] or "" for job_id in ids]
            if any("fal.ai to accept requests from this service's account again" in reason for reason in reasons):
                return
            await asyncio.sleep(0.05)


@pytest.mark.slow
async def test_pause_begins_and_ends_for_all_processes(own: Settings) -> None:
    async with AsyncExitStack() as stack:
        one = await stack.enter_async_context(running(own))
        other = await stack.enter_async_context(running(own, with_runner=False))
        await one.sandbox.misbehaves({**LOCKED, "times": 1})
        await one.generate()

        assert await paused(other) == IsPartialDict(code="provider_account")
        assert (await resumed(one))["status"] == "completed"
        assert (await resumed(other))["status"] == "completed"


@pytest.mark.slow
async def test_pause_is_probed_by_one_job_at_a_time_ever_less_often(own: Settings, sandbox: Sandbox) -> None:
    async with running(own) as service:
        await sandbox.misbehaves(LOCKED)
        ids = [await service.accept() for _ in range(2)]
        await asyncio.gather(*(service.ended(job_id) for job_id in ids))
        waits: list[float] = []
        for _ in range(2):
            waits.append(float((await paused(service))["retryAfter"]))
            async with asyncio.timeout(20):
                while (answer := await service.generate()).status_code == 503:
                    await asyncio.sleep(0.05)
            assert answer.json()["code"] == "provider_account"

        assert waits[1] > waits[0]
        await sandbox.behaves()
        assert (await resumed(service))["status"] == "completed"


async def test_pause_applies_only_to_its_key(own: Settings) -> None:
    async with running(own) as service:
        await service.sandbox.misbehaves(LOCKED)
        await service.generate(FLUX)
        await paused(service)

    renewed = own.model_copy(update={"fal": own.fal.model_copy(update={"key": SecretStr(f"{uuid4().hex}:secret")})})
    async with running(renewed) as service:
        assert (await service.generate()).status_code == 200


@pytest.mark.slow
@pytest.mark.parametrize("limit", ["deadline", "horizon"])
async def test_limit_of_a_job_ends_it_during_a_longer_pause(own: Settings, sandbox: Sandbox, limit: str) -> None:
    """Submitting pauses for a minute between the job's acceptance and its submit."""
    horizon = {"store_horizon": timedelta(seconds=2)} if limit == "horizon" else {}
    own = own.model_copy(update={"service": own.service.model_copy(update=horizon)})
    async with running(own, with_runner=False) as service:
        job_id = await service.accept({**FLUX, "deadlineSeconds": 3} if limit == "deadline" else FLUX)
        account = service.services.account
        for _ in range(8):
            await account._pauses.begin(account._name, 403, was_probe=True)  # pyright: ignore[reportPrivateUsage] - without waiting for eight refusals
    async with running(own) as service:
        job = await service.ended(job_id, within=15)

    code = "deadline_exceeded" if limit == "deadline" else "provider_account"
    assert (job["error"]["code"], await sandbox.requests()) == (code, [])
