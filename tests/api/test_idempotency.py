import asyncio
from uuid import uuid4

import pytest
from dirty_equals import IsPartialDict

from tests.support.service import FLUX, Sandbox, Service


@pytest.fixture
def key() -> str:
    return str(uuid4())


async def test_second_request_with_the_same_key_returns_the_first_job(service: Service, key: str) -> None:
    first = await service.generate(idempotency_key=key)
    again = await service.generate(idempotency_key=key)

    assert again.json()["jobId"] == first.json()["jobId"]
    assert ("Idempotent-Replayed" in first.headers, again.headers["Idempotent-Replayed"]) == (False, "true")


async def test_racing_requests_with_one_key_are_paid_for_once(service: Service, sandbox: Sandbox, key: str) -> None:
    before = len(await sandbox.requests())

    answers = await asyncio.gather(*(service.generate(idempotency_key=key) for _ in range(10)))

    assert len({answer.json()["jobId"] for answer in answers}) == 1
    assert len(await sandbox.requests()) - before == 1


async def test_same_key_with_another_body_is_409(service: Service, key: str) -> None:
    first = await service.generate(idempotency_key=key)

    answer = await service.generate({**FLUX, "inputs": {"prompt": "another"}}, idempotency_key=key)

    assert (answer.status_code, answer.json()) == (
        409,
        IsPartialDict(code="idempotency_mismatch", jobId=first.json()["jobId"]),
    )


async def test_users_do_not_share_idempotency_keys(service: Service, key: str) -> None:
    first = await service.generate({**FLUX, "userId": "one"}, idempotency_key=key)
    second = await service.generate({**FLUX, "userId": "two"}, idempotency_key=key)

    assert first.json()["jobId"] != second.json()["jobId"]


async def test_failed_job_is_replayed_as_its_failure(service: Service, sandbox: Sandbox, key: str) -> None:
    await sandbox.misbehaves({"fault": "runner_fails", "times": 1})
    first = await service.generate(idempotency_key=key)
    again = await service.generate(idempotency_key=key)

    assert (first.status_code, again.status_code) == (500, 500)
    assert again.json() == {**first.json(), "requestId": again.headers["X-Request-Id"]}


@pytest.mark.parametrize("bad", ["x" * 256, "a b", "é"])
async def test_invalid_idempotency_key_is_refused(service: Service, bad: str) -> None:
    answer = await service.client.post(
        "/api/images/generate", json=FLUX, headers={b"Idempotency-Key": bad.encode("latin-1")}
    )

    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (400, "idempotency-key")
