"""Each request is one log line with its route and status, and nothing else of its URL."""

import logging

import pytest

from tests.support.service import FLUX, Service

USER = "somebody@example.com"


def lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.name == "imagegen.requests"]


async def test_request_is_one_line_with_route_and_status(service: Service, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    job_id = (await service.generate()).json()["jobId"]
    await service.client.get(f"/api/jobs/{job_id}")
    await service.client.get("/api/jobs", params={"userId": USER})
    await service.client.get(f"/{USER}")
    await service.generate({**FLUX, "userId": USER, "model": "none"})

    assert lines(caplog) == [
        "POST /api/images/generate 200",
        "GET /api/jobs/{jobId} 200",
        "GET /api/jobs 200",
        "GET (no such path) 404",
        "POST /api/images/generate 400",
    ]
    ours = [record for record in caplog.records if record.name.startswith(("imagegen", "uvicorn"))]
    assert [record for record in ours if USER in str(record.__dict__)] == []


async def test_health_checks_are_logged_at_debug_only(service: Service, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    await service.client.get("/health/live")
    at_info = lines(caplog)
    caplog.set_level(logging.DEBUG)
    await service.client.get("/health/live")

    assert (at_info, lines(caplog)) == ([], ["GET /health/live 200"])


async def test_defect_is_logged_as_500(
    service: Service, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fails(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    caplog.set_level(logging.INFO)
    monkeypatch.setattr(type(service.services.jobs), "get", fails)
    await service.client.get("/api/jobs/01ARZ3NDEKTSV4RRFFQ69G5FAV")

    assert lines(caplog) == ["GET /api/jobs/{jobId} 500"]
