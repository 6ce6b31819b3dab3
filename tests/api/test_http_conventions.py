from uuid import uuid4

import pytest
from dirty_equals import IsPartialDict, IsStr

from imagegen.api.http.media_types import accepts
from imagegen.clock import now
from imagegen.jobs import new_job_id
from imagegen.settings import LimitSettings, Settings
from tests.support.service import FLUX, Service, running

PROBLEM = "application/problem+json"
PAGE = "/api/jobs?createdTo=2020-01-01T00:00:00Z"
GETS = ["/api/images/models", "/api/images/models/flux-pro", PAGE, "/health/live", "/openapi.json", "/api-docs"]


@pytest.mark.parametrize("path", [*GETS, "/nowhere", "/api/images/generate"])
async def test_every_response_has_an_id_that_problems_repeat(service: Service, path: str) -> None:
    answer = await service.client.get(path, headers={"X-Request-Id": "mine-1"})

    assert answer.headers["X-Request-Id"] == "mine-1"
    assert answer.is_success or answer.json()["requestId"] == "mine-1"


@pytest.mark.parametrize("unfit", ["", "x" * 129, "two words", "tab\tbed", "é", "a\x7fb"])
async def test_invalid_request_id_is_replaced(service: Service, unfit: str) -> None:
    answer = await service.client.get("/health/live", headers={b"X-Request-Id": unfit.encode("latin-1")})

    assert answer.headers["X-Request-Id"] == IsStr(regex="[0-9a-f]{32}")


@pytest.mark.parametrize("path", GETS)
async def test_head_equals_get_without_the_body(service: Service, path: str) -> None:
    head, get = await service.client.head(path), await service.client.get(path)

    assert (head.status_code, head.content) == (get.status_code, b"")
    assert {**head.headers, "date": "", "x-request-id": ""} == {**get.headers, "date": "", "x-request-id": ""}


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("/api/images/generate", "POST, OPTIONS"),
        ("/api/images/models", "GET, HEAD, OPTIONS"),
        ("/api/jobs/01ARZ3NDEKTSV4RRFFQ69G5FAV", "GET, HEAD, DELETE, OPTIONS"),
        ("/api-docs/assets/swagger-ui.css", "GET, HEAD, OPTIONS"),
    ],
)
async def test_options_and_405_list_the_allowed_methods(service: Service, path: str, allowed: str) -> None:
    options, refused = await service.client.options(path), await service.client.request("PATCH", path)

    assert (options.status_code, options.headers["Allow"], options.content) == (204, allowed, b"")
    assert (refused.status_code, refused.headers["Allow"], refused.json()["code"]) == (
        405,
        allowed,
        "method_not_allowed",
    )


@pytest.mark.parametrize("method", ["HEAD", "OPTIONS", "GET", "TRACE", "PROPFIND"])
async def test_unknown_path_is_404_for_every_method(service: Service, method: str) -> None:
    answer = await service.client.request(method, "/nowhere")

    assert (answer.status_code, answer.headers["Content-Type"]) == (404, PROBLEM)


async def test_unacceptable_media_type_is_406(service: Service) -> None:
    answer = await service.client.get("/api/jobs", headers={"Accept": "image/png, application/json;q=0"})

    assert (answer.status_code, answer.headers["Content-Type"], answer.json()["code"]) == (
        406,
        PROBLEM,
        "not_acceptable",
    )


@pytest.mark.parametrize("path", ["/api/jobs/{}", "/api/keys/{}", "/api/budgets/{}"])
async def test_what_deletes_has_no_type_that_could_be_ruled_out(service: Service, path: str) -> None:
    """openapi-generator's client for Python accepts the types of the document: those of problems alone."""
    place = path.format("ab12cd34ef" if "keys" in path else new_job_id(now()))
    answer = await service.client.delete(place, headers={"Accept": PROBLEM})

    assert (answer.status_code, answer.headers["Content-Type"]) == (404, PROBLEM)


@pytest.mark.parametrize(
    ("header", "taken"),
    [
        (None, True),
        ("", True),
        ("*/*", True),
        ("text/html,application/xhtml+xml,*/*;q=0.8", True),
        ("application/*", True),
        ("APPLICATION/JSON; charset=utf-8", True),
        ("nonsense", True),
        ("text/html", False),
        ("*/*, application/json;q=0", False),
        ("application/*;q=0.0, */*", False),
    ],
)
def test_accept_header_is_read_as_the_rfc_defines(header: str | None, taken: bool) -> None:
    assert accepts(header, "application/json") is taken


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Type": "text/plain"},
        {"Content-Type": "application/x-www-form-urlencoded"},
        {"Content-Type": "application/json", "Content-Encoding": "gzip"},
        {},
    ],
)
async def test_body_of_another_type_is_415(service: Service, headers: dict[str, str]) -> None:
    answer = await service.client.post("/api/images/estimate-cost", content=b'{"model": "flux-pro"}', headers=headers)

    assert (answer.status_code, answer.headers["Content-Type"], answer.json()["code"]) == (
        415,
        PROBLEM,
        "unsupported_media_type",
    )


@pytest.mark.parametrize("path", ["/api/images/models", "/api/images/models/flux-pro"])
async def test_unchanged_model_is_304(service: Service, path: str) -> None:
    first = await service.client.get(path)

    again = await service.client.get(path, headers={"If-None-Match": f'"other", {first.headers["ETag"]}'})

    assert (again.status_code, again.content, again.headers["ETag"]) == (304, b"", first.headers["ETag"])
    assert (await service.client.get(path, headers={"If-None-Match": '"other"'})).status_code == 200


async def test_job_is_304_until_its_version_changes(service: Service) -> None:
    job_id = await service.accept()
    path = f"/api/jobs/{job_id}"
    early = (await service.client.get(path)).headers["ETag"]
    await service.ended(job_id)

    ended = await service.client.get(path, headers={"If-None-Match": early})
    again = await service.client.get(path, headers={"If-None-Match": ended.headers["ETag"]})

    assert (ended.status_code, again.status_code, again.content) == (200, 304, b"")
    assert again.headers["ETag"] == ended.headers["ETag"] != early


async def test_page_links_to_the_next_one(service: Service) -> None:
    user = f"links {uuid4()} ü&<>"
    for _ in range(2):
        await service.generate({**FLUX, "userId": user})

    first = await service.client.get("/api/jobs", params={"userId": user, "limit": 1})
    second = await service.client.get(first.links["next"]["url"])

    assert [len(page.json()["jobs"]) for page in (first, second)] == [1, 1]
    assert first.json()["jobs"] != second.json()["jobs"]
    assert "next" not in second.links


ORIGIN = {"Origin": "https://app.example.com"}
PREFLIGHT = {**ORIGIN, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type"}


async def test_cors_is_off_by_default(service: Service) -> None:
    answer = await service.client.options("/api/images/generate", headers=PREFLIGHT)
    plain = await service.client.get("/health/live", headers=ORIGIN)

    assert [name for name in (*answer.headers, *plain.headers) if name.startswith("access-control")] == []


async def test_cors_admits_only_configured_origins(stack: Settings) -> None:
    open_to_one = stack.model_copy(update={"limits": LimitSettings(cors_origins="https://app.example.com")})
    async with running(open_to_one, with_runner=False) as service:
        preflight = await service.client.options("/api/images/generate", headers=PREFLIGHT)
        change = {**PREFLIGHT, "Access-Control-Request-Method": "PATCH"}
        changing = await service.client.options("/api/keys/ab12cd34ef", headers=change)
        plain = await service.client.get("/health/live", headers=ORIGIN)
        other = await service.client.get("/health/live", headers={"Origin": "https://evil.example"})

    assert (preflight.status_code, dict(preflight.headers)) == (
        200,
        IsPartialDict({"access-control-allow-origin": "https://app.example.com", "x-request-id": IsStr}),
    )
    assert changing.status_code == 200
    assert "X-Request-Id" in plain.headers["Access-Control-Expose-Headers"]
    assert "Access-Control-Allow-Origin" not in other.headers


async def test_document_has_the_errors_of_the_middleware(service: Service) -> None:
    document = (await service.client.get("/openapi.json")).json()
    operations = {
        f"{method} {path}": set(operation["responses"])
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    }

    assert [name for name, statuses in operations.items() if not statuses >= {"406", "408", "431"}] == []
    assert operations["post /api/images/generate"] >= {"413", "415", "422"}
    assert "304" in operations["get /api/jobs/{jobId}"] & operations["get /api/images/models"]
