"""A path that leads nowhere as it stands: served, led on, or answered with what to ask instead."""

import pytest
from dirty_equals import IsPartialDict, IsStr
from service import FLUX, Service


@pytest.mark.parametrize(
    "path", ["/api/jobs/", "/api/images/models/", "/api/images/models/flux-pro/", "/health/live/", "/api/usage//"]
)
async def test_a_slash_at_the_end_is_served_as_none(service: Service, path: str) -> None:
    answer = await service.client.get(path)

    assert (answer.status_code, answer.history) == (200, [])


async def test_a_body_sent_to_a_path_with_a_slash_is_not_lost(service: Service) -> None:
    answer = await service.client.post("/api/images/generate/", json=FLUX)

    assert (answer.status_code, answer.json()) == (200, IsPartialDict(status="completed"))


@pytest.mark.parametrize("path", ["/", "/docs", "/redoc", "/swagger", "/api/docs", "/docs/"])
async def test_where_documentation_is_looked_for_leads_to_it(service: Service, path: str) -> None:
    answer = await service.client.get(path)

    assert (answer.status_code, answer.headers["Location"]) == (307, "/api-docs")


@pytest.mark.parametrize(
    ("method", "path", "status", "detail"),
    [
        (
            "GET",
            "/api/images/generate",
            405,
            "/api/images/generate does not take GET; use POST. /api-docs lists the operations.",
        ),
        ("POST", "/api/jobs", 405, IsStr(regex="/api/jobs does not take POST; use GET. .*")),
        ("PUT", "/api/jobs/01ARZ3NDEKTSV4RRFFQ69G5FAV", 405, IsStr(regex=".* use GET or DELETE. .*")),
        ("GET", "/jobs", 404, "There is no GET /jobs. Did you mean /api/jobs? /api-docs lists the operations."),
        ("GET", "/API/Jobs", 404, IsStr(regex=".*Did you mean /api/jobs.*")),
        ("GET", "/api/job/01ARZ3NDEKTSV4RRFFQ69G5FAV", 404, IsStr(regex=".*Did you mean /api/jobs/01.*")),
        ("POST", "/api/generate", 404, IsStr(regex=".*Did you mean /api/images/generate.*")),
        ("POST", "/generate", 404, IsStr(regex=".*Did you mean /api/images/generate.*")),
        ("POST", "/api/images/estimate_cost", 404, IsStr(regex=".*Did you mean /api/images/estimate-cost.*")),
        ("GET", "/models", 404, IsStr(regex=".*Did you mean /api/images/models.*")),
        ("GET", "/nowhere", 404, "There is no GET /nowhere. /api-docs lists the operations."),
        ("GET", "/%00%0a", 404, IsStr(regex=r"There is no GET '/\\x00\\n'\. .*")),
        ("GET", "/" + "x" * 5000, 404, IsStr(max_length=200)),
    ],
)
async def test_what_leads_nowhere_is_answered_with_what_to_ask(
    service: Service, method: str, path: str, status: int, detail: object
) -> None:
    answer = await service.client.request(method, path)

    assert (answer.status_code, answer.json()["detail"]) == (status, detail)


@pytest.mark.parametrize(
    "name", ["fal-ai/flux-pro/v1.1", "flux-pro/v1.1", "https://fal.ai/models/fal-ai/flux-pro/v1.1"]
)
async def test_an_endpoint_in_the_path_is_answered_with_its_model(service: Service, name: str) -> None:
    answer = await service.client.get(f"/api/images/models/{name}")

    assert (answer.status_code, answer.json()) == (404, IsPartialDict(code="unknown_model", suggestion="flux-pro"))
