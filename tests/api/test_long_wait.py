"""Responses that begin before their outcome is known."""

import asyncio
import json
from collections.abc import AsyncGenerator

import httpx
import pytest

from imagegen.api.http import long_wait
from imagegen.settings import Settings
from tests.support.service import FLUX, Service, running


@pytest.fixture
async def service(own: Settings, monkeypatch: pytest.MonkeyPatch) -> AsyncGenerator[Service]:
    monkeypatch.setattr(long_wait, "_FIRST", 0.3)
    monkeypatch.setattr(long_wait, "_EVERY", 0.1)
    service = own.service.model_copy(update={"begin_early": True})
    async with running(own.model_copy(update={"service": service})) as one:
        yield one


async def test_quick_response_is_as_ever(service: Service) -> None:
    answer = await service.generate({**FLUX, "inputs": {}})

    assert (answer.status_code, answer.headers["Content-Type"]) == (400, "application/problem+json")


async def test_slow_response_begins_with_blanks(service: Service) -> None:
    await service.sandbox.misbehaves({"fault": "latency", "generation": 1.5})
    began = asyncio.get_running_loop().time()
    body, first = b"", 0.0
    async with service.client.stream("POST", "/api/images/generate", json=FLUX) as answer:
        first = asyncio.get_running_loop().time() - began
        async for chunk in answer.aiter_raw():
            body += chunk

    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "application/json")
    assert first < 1.2
    assert body.startswith(b"   ")
    assert json.loads(body)["status"] == "completed"


async def test_failure_after_the_beginning_is_in_the_body(service: Service) -> None:
    await service.sandbox.misbehaves({"fault": "latency", "generation": 1}, {"fault": "model_fails"})

    answer = await service.generate()

    assert answer.status_code == 200
    assert answer.text.startswith(" ")
    problem = answer.json()
    assert (problem["status"] >= 400, problem["jobId"] != "") == (True, True)


async def test_early_failure_keeps_its_status(service: Service) -> None:
    await service.sandbox.misbehaves({"fault": "submit_status", "status": 422, "body": {"detail": "no"}})

    answer = await service.generate()

    assert answer.status_code == answer.json()["status"] >= 400


async def test_defect_after_the_beginning_breaks_the_body_off(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fails(*_: object, **__: object) -> None:
        await asyncio.sleep(0.6)
        raise RuntimeError("a defect")

    monkeypatch.setattr("imagegen.api.routes.images.outcome", fails)

    with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
        await service.generate()


async def test_caller_that_leaves_does_not_end_the_job(service: Service) -> None:
    await service.sandbox.misbehaves({"fault": "latency", "generation": 1})
    async with service.client.stream("POST", "/api/images/generate", json=FLUX) as answer:
        assert await anext(answer.aiter_raw()) == b" "

    jobs = (await service.client.get("/api/jobs", params={"userId": "user123"})).json()["jobs"]
    assert (await service.ended(jobs[0]["jobId"]))["status"] == "completed"
