"""Paths that no route has: served without their slash, redirected, or refused with a suggestion."""

import pytest
from dirty_equals import IsPartialDict, IsStr

from tests.support.service import FLUX, Service


@pytest.mark.parametrize(
    "path", ["/api/jobs/", "/api/images/models/", "/api/images/models/flux-pro/", "/health/live/", "/api/usage//"]
)
async def test_trailing_slash_makes_no_difference(service: Service, path: str) -> None:
    answer = await service.client.get(path)

    assert (answer.status_code, answer.history) == (200, [])


async def test_body_sent_with_a_trailing_slash_is_kept(service: Service) -> None:
    answer = await service.client.post("/api/images/generate/", json=FLUX)

    assert (answer.status_code, answer.json()) == (200, IsPartialDict(status="completed"))


@pytest.mark.parametrize("path", ["/docs", "/redoc", "/swagger", "/api/docs", "/docs/"])
async def test_common_documentation_paths_redirect(service: Service, path: str) -> None:
    answer = await service.client.get(path)

    assert (answer.status_code, answer.headers["Location"]) == (307, "/api-docs")


@pytest.mark.parametrize(
    ("method", "path", "status", "detail"),
    [
        (
            "GET",
            "/api/images/generate",
            405,
            "/api/images/generate does not support GET; use POST. /api-docs lists the operations.",
        ),
        ("POST", "/api/jobs", 405, IsStr(regex="/api/jobs does not support POST; use GET. .*")),
        ("PUT", "/api/jobs/01ARZ3NDEKTSV4RRFFQ69G5FAV", 405, IsStr(regex=".* use GET or DELETE. .*")),
        ("GET", "/jobs", 404, "There is no GET /jobs. Did you mean /api/jobs? /api-docs lists the operations."),
        ("GET", "/API/Jobs", 404, IsStr(regex=".*Did you mean /api/jobs.*")),
        ("GET", "/api/job/01ARZ3NDEKTSV4RRFFQ69G5FAV", 404, IsStr(regex=".*Did you mean /api/jobs/01.*")),
        ("POST", "/api/generate", 404, IsStr(regex=".*Did you mean /api/images/generate.*")),
        ("POST", "/generate", 404, IsStr(regex=".*Did you mean /api/images/generate.*")),
        ("POST", "/api/images/estimate_cost", 404, IsStr(regex=".*Did you mean /api/images/estimate-cost.*")),
        ("GET", "/health", 404, IsStr(regex=".*Did you mean /health/live.*")),
        ("GET", "/healthz", 404, IsStr(regex=".*Did you mean /health/live.*")),
        ("GET", "/models", 404, IsStr(regex=".*Did you mean /api/images/models.*")),
        ("GET", "/nowhere", 404, "There is no GET /nowhere. /api-docs lists the operations."),
        ("GET", "/%00%0a", 404, IsStr(regex=r"There is no GET '/\\x00\\n'\. .*")),
        ("GET", "/" + "x" * 5000, 404, IsStr(max_length=200)),
    ],
)
async def test_unknown_path_or_method_suggests_another(
    service: Service, method: str, path: str, status: int, detail: object
) -> None:
    answer = await service.client.request(method, path)

    assert (answer.status_code, answer.json()["detail"]) == (status, detail)


@pytest.mark.parametrize(
    "name", ["fal-ai/flux-pro/v1.1", "flux-pro/v1.1", "https://fal.ai/models/fal-ai/flux-pro/v1.1"]
)
async def test_fal_endpoint_in_the_path_suggests_its_model(service: Service, name: str) -> None:
    answer = await service.client.get(f"/api/images/models/{name}")

    assert (answer.status_code, answer.json()) == (404, IsPartialDict(code="unknown_model", suggestion="flux-pro"))
