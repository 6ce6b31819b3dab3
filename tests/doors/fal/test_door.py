"""What every request of this door meets: routes, keys, errors, browsers, uploads. Over HTTP, as the clients send it."""

import asyncio
import base64
import re
from collections.abc import AsyncGenerator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import httpx
import pytest
from dirty_equals import IsFloat, IsList, IsPartialDict, IsStr

from imagegen.api.http.policies import declared_policy
from imagegen.api.middleware.auth import AccessPolicy
from imagegen.doors.fal import FalDoor
from imagegen.doors.fal.document import document
from imagegen.doors.fal.upload_tokens import UploadGrant, UploadTokens
from imagegen.settings import LimitSettings, Settings
from tests.support.jobs_apart import apart
from tests.support.service import Sandbox, Service, running
from tests.support.specimens import PNG

FLUX: Final = "/fal/queue/fal-ai/flux-pro/v1.1"
RUN: Final = "/fal/run/fal-ai/flux-pro/v1.1"
PROMPT: Final = {"prompt": "A fox"}
UNKNOWN: Final = "0" * 26
OF: Final = "/fal/queue/{endpoint}/requests/{jobId}"
# methods and path, scope or open, limit of the body, routine
TABLE: Final = [
    ("GET /fal/.well-known/jwks.json", "open", None, False),
    ("GET /fal/openapi.json", "open", None, False),
    (f"GET {OF}", "read", None, False),
    (f"GET {OF}/response", "read", None, False),
    (f"GET {OF}/status", "read", None, True),
    (f"GET {OF}/status/stream", "read", None, False),
    ("GET, POST, PUT /fal/proxy", "read", None, False),
    ("POST /fal/cdn/files/upload", "open", "IMAGEGEN_MAX_UPLOAD_BYTES", False),
    ("POST /fal/cdn/files/upload/multipart", "generate", None, False),
    (
        "POST /fal/queue/{endpoint}",
        "generate",
        "IMAGEGEN_MAX_BODY_BYTES + IMAGEGEN_MAX_DATA_URI_BYTES",
        False,
    ),
    ("POST /fal/rest/storage/auth/token", "generate", None, False),
    ("POST /fal/rest/storage/upload/initiate", "generate", None, False),
    ("POST /fal/rest/storage/upload/initiate-multipart", "generate", None, False),
    ("POST /fal/run/{endpoint}", "generate", "IMAGEGEN_MAX_BODY_BYTES + IMAGEGEN_MAX_DATA_URI_BYTES", False),
    ("POST /fal/run/{endpoint}/stream", "generate", "IMAGEGEN_MAX_BODY_BYTES + IMAGEGEN_MAX_DATA_URI_BYTES", False),
    (f"PUT {OF}/cancel", "generate", None, False),
    ("PUT /fal/put/{token}", "open", "IMAGEGEN_MAX_UPLOAD_BYTES", False),
]


def test_every_route_has_the_policy_of_the_table() -> None:
    found: list[tuple[str, str, str | None, bool]] = []
    for route in FalDoor(AccessPolicy(), LimitSettings()).routes:
        declared = declared_policy(route)
        methods = ", ".join(sorted((route.methods or set()) - {"HEAD"}))
        limit = declared.body.limit(LimitSettings()).variable if declared.body else None
        access = declared.scope.value if declared.scope else declared.access.value
        found.append((f"{methods} {route.path_format}", access, limit, declared.is_routine))

    assert sorted(found) == sorted(TABLE)


def test_document_has_the_routes_of_clients_and_no_broken_reference() -> None:
    text = repr(document())
    schemas = document()["components"]["schemas"]

    assert set(re.findall(r"#/components/schemas/(\w+)", text)) == {"Status", "Result", "Error", "Fault"}
    assert set(schemas) == {"Status", "Result", "Error", "Fault"}
    described = {
        f"{method.upper()} {path.replace('request_id', 'jobId')}"
        for path, methods in document()["paths"].items()
        for method in methods
    }
    assert described <= {name for name, *_ in TABLE}


async def test_document_is_its_own_and_not_in_that_of_the_api(service: Service) -> None:
    own = await service.client.get("/fal/openapi.json", headers={"Authorization": ""})
    api = await service.client.get("/openapi.json")

    assert own.json() == document()
    assert [path for path in api.json()["paths"] if path.startswith("/fal")] == []


async def sent(service: Service, method: str, path: str, **options: Any) -> httpx.Response:
    return await service.client.request(method, path, **options)


def is_fal_error(answer: httpx.Response) -> bool:
    body = answer.json()
    return (
        answer.headers["content-type"] == "application/json"
        and {"detail", "message", "error_type"} <= set(body)
        and bool(answer.headers["x-fal-request-id"])
    )


REFUSED: Final[list[tuple[str, str, dict[str, Any], int]]] = [
    ("POST", FLUX, {"content": b"{"}, 422),
    ("POST", FLUX, {"content": b"\xff"}, 422),
    ("POST", FLUX, {"json": [1]}, 422),
    ("POST", FLUX, {}, 422),
    ("POST", FLUX, {"json": {**PROMPT, "loras": 1, "seed": [[[]]]}}, 422),
    ("POST", FLUX, {"json": PROMPT, "headers": {"Idempotency-Key": "with space"}}, 422),
    ("POST", f"{FLUX}?fal_webhook=ftp://x", {"json": PROMPT}, 422),
    ("POST", FLUX, {"content": b'{"prompt": "' + b"x" * 2**20 + b'"}'}, 413),
    ("POST", FLUX, {"content": b"x", "headers": {"Content-Encoding": "gzip"}}, 415),
    ("POST", FLUX, {"json": PROMPT, "headers": {"x-imagegen-user-id": "u" * 200}}, 422),
    ("POST", "/fal/queue/fal-ai/nothing", {"json": PROMPT}, 404),
    ("GET", f"{FLUX}/requests/{UNKNOWN}/status", {}, 404),
    ("GET", f"{FLUX}/requests/not-an-id/status", {}, 404),
    ("GET", f"{FLUX}/requests/{UNKNOWN}", {}, 404),
    ("GET", f"{FLUX}/requests/{UNKNOWN}/status/stream", {}, 404),
    ("GET", "/fal/nothing", {}, 404),
    ("GET", RUN, {}, 405),
    ("POST", "/fal/proxy", {"json": PROMPT}, 400),
    ("POST", "/fal/proxy", {"json": PROMPT, "headers": {"x-fal-target-url": "https://evil.example/"}}, 400),
    ("POST", "/fal/rest/storage/upload/initiate-multipart", {"json": {}}, 413),
    ("POST", "/fal/cdn/files/upload/multipart", {"json": {}}, 413),
    ("POST", "/fal/cdn/files/upload", {"content": PNG}, 401),
    ("PUT", "/fal/put/igup_a.b", {"content": PNG}, 401),
    ("GET", FLUX, {"headers": {"Host": "elsewhere.example"}}, 421),
]


@pytest.mark.parametrize(("method", "path", "options", "status"), REFUSED)
async def test_every_refusal_is_in_fals_shape(
    service: Service, method: str, path: str, options: dict[str, Any], status: int
) -> None:
    answer = await sent(service, method, path, **options)

    assert answer.status_code == status, answer.text
    assert is_fal_error(answer), answer.text


@pytest.mark.parametrize("path", [FLUX, RUN, f"{RUN}/stream"])
@pytest.mark.parametrize("key", [None, "Key a:b", "Bearer eyJ.x.y", "Basic YTpi"])
async def test_request_without_a_valid_key_is_401(service: Service, path: str, key: str | None) -> None:
    headers = {"Authorization": key} if key else {}
    async with httpx.AsyncClient(base_url=service.client.base_url) as stranger:
        answer = await stranger.post(path, json=PROMPT, headers=headers)

    assert (answer.status_code, is_fal_error(answer)) == (401, True)
    assert "ig_…" in answer.json()["message"]


@pytest.mark.parametrize(("name", "submits", "reads"), [("reader", 403, 404), ("generator", 200, 403)])
async def test_scopes_are_those_of_the_api(
    service: Service, keys: Mapping[str, str], name: str, submits: int, reads: int
) -> None:
    headers = {"Authorization": f"Key {keys[name]}"}
    submitted = await service.client.post(FLUX, json=PROMPT, headers=headers)
    read = await service.client.get(f"{FLUX}/requests/{UNKNOWN}/status", headers=headers)

    assert (submitted.status_code, read.status_code) == (submits, reads)


async def test_requests_of_other_users_are_not_found(service: Service, keys: Mapping[str, str]) -> None:
    request_id = (await service.client.post(FLUX, json=PROMPT)).json()["request_id"]
    other = {"Authorization": f"Key {keys['ann']}"}
    paths = [f"{FLUX}/requests/{request_id}{end}" for end in ("", "/status", "/status/stream", "/response")]
    read = [(await service.client.get(path, headers=other)).status_code for path in paths]
    cancelled = await service.client.put(f"{FLUX}/requests/{request_id}/cancel", headers=other)

    assert [*read, cancelled.status_code] == [404] * 5


async def test_user_is_named_by_a_header_if_the_key_allows(service: Service, keys: Mapping[str, str]) -> None:
    mine = await service.client.post(FLUX, json=PROMPT, headers={"x-imagegen-user-id": "zoe"})
    headers = {"Authorization": f"Key {keys['ann']}", "x-imagegen-user-id": "zoe"}
    theirs = await service.client.post(FLUX, json=PROMPT, headers=headers)

    assert (await service.job(mine.json()["request_id"]))["userId"] == "zoe"
    assert (theirs.status_code, theirs.json()["error_type"]) == (403, "user_not_allowed")


async def test_submit_has_what_fals_has(service: Service) -> None:
    body = {**PROMPT, "strange": 1, "sönderbar": 2, "sync_mode": False}
    answer = await service.client.post(FLUX, json=body, headers={"x-fal-queue-priority": "low"})

    got = answer.json()
    here = f"{str(service.client.base_url).rstrip('/')}{FLUX}/requests/{got['request_id']}"
    assert got == {
        "status": "IN_QUEUE",
        "request_id": IsStr(regex="[0-9A-Z]{26}"),
        "gateway_request_id": got["request_id"],
        "response_url": here,
        "status_url": f"{here}/status",
        "cancel_url": f"{here}/cancel",
        "queue_position": 0,
        "logs": None,
        "metrics": {},
    }
    assert answer.headers["x-fal-request-id"] == got["request_id"]
    assert answer.headers["x-imagegen-ignored"] == "strange, s%C3%B6nderbar"
    assert (await service.services.jobs.get(got["request_id"])).priority == "low"


async def ended(service: Service, request_id: str) -> None:
    async with asyncio.timeout(30):
        while (await service.client.get(f"{FLUX}/requests/{request_id}/status")).status_code != 200:
            pass


@pytest.mark.parametrize("path", ["fal-ai/flux-pro/v1.1", "fal-ai/flux-pro", "flux-pro"])
async def test_shortened_paths_lead_to_the_same_request(service: Service, path: str) -> None:
    request_id = (await service.client.post(FLUX, json=PROMPT)).json()["request_id"]
    await ended(service, request_id)
    here = f"/fal/queue/{path}/requests/{request_id}"
    answers = [await service.client.get(f"{here}{end}") for end in ("", "/response", "/status?logs=1")]

    assert [answer.status_code for answer in answers] == [200] * 3
    assert answers[0].json()["seed"] == answers[1].json()["seed"]
    assert answers[0].headers["x-fal-billable-units"]
    assert answers[2].json() == IsPartialDict(status="COMPLETED", metrics=IsPartialDict(inference_time=IsFloat()))
    assert all(line == IsPartialDict(level="INFO", source="USER") for line in answers[2].json()["logs"])


async def test_status_stream_ends_with_the_end(service: Service, sandbox: Sandbox) -> None:
    await sandbox.misbehaves({"fault": "latency", "queue": 0.3, "generation": 0.3})
    request_id = (await service.client.post(FLUX, json=PROMPT)).json()["request_id"]
    answer = await service.client.get(f"{FLUX}/requests/{request_id}/status/stream?logs=1")

    statuses = re.findall(r'^data: {"status": "(\w+)"', answer.text, re.MULTILINE)
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert statuses[0] == "IN_QUEUE"
    assert statuses[-1] == "COMPLETED"


async def test_deleted_request_is_410(service: Service) -> None:
    request_id = (await service.client.post(FLUX, json=PROMPT)).json()["request_id"]
    await ended(service, request_id)
    assert (await service.client.delete(f"/api/jobs/{request_id}")).status_code == 204

    answer = await service.client.get(f"{FLUX}/requests/{request_id}")
    assert (answer.status_code, answer.json()["error_type"]) == (410, "job_deleted")


async def test_rate_that_is_used_up_is_429_and_nothing_is_stored(service: Service, keys: Mapping[str, str]) -> None:
    headers = {"Authorization": f"Key {keys['slow']}"}
    first, second = [await service.client.post(FLUX, json=PROMPT, headers=headers) for _ in range(2)]
    polled = await service.client.get(first.json()["status_url"], headers=headers)

    assert (first.status_code, second.status_code) == (200, 429)
    assert is_fal_error(second)
    assert int(second.headers["retry-after"]) > 0
    assert "ratelimit" in first.headers
    assert "ratelimit" not in polled.headers  # which would be read from MongoDB


async def test_model_fails_with_the_statuses_of_fal_in_a_stream(service: Service, sandbox: Sandbox) -> None:
    await sandbox.misbehaves({"fault": "model_fails", "type": "content_policy_violation"})
    answer = await service.client.post(f"{RUN}/stream", json=PROMPT)

    assert (answer.status_code, answer.json()["error_type"]) == (422, "content_policy_violation")
    assert answer.headers["x-fal-request-id"] == IsStr(regex="[0-9A-Z]{26}")


async def test_run_of_a_client_that_leaves_goes_on(service: Service, sandbox: Sandbox) -> None:
    await sandbox.misbehaves({"fault": "latency", "generation": 1})
    before = len(await sandbox.requests())
    with pytest.raises(httpx.ReadTimeout):
        await service.client.post(RUN, json=PROMPT, headers={"Idempotency-Key": "left"}, timeout=0.5)

    answer = await service.client.post(RUN, json=PROMPT, headers={"Idempotency-Key": "left"})
    assert answer.status_code == 200
    assert len(await sandbox.requests()) == before + 1


async def proxied(service: Service, method: str, target: str, **options: Any) -> httpx.Response:
    headers = {"x-fal-target-url": target, **options.pop("headers", {})}
    return await service.client.request(method, "/fal/proxy", headers=headers, **options)


async def test_proxied_requests_are_dispatched_on_their_target(service: Service) -> None:
    submitted = await proxied(service, "POST", "https://queue.fal.run/fal-ai/flux-pro/v1.1", json=PROMPT)
    request_id = submitted.json()["request_id"]
    await ended(service, request_id)
    result = await proxied(service, "GET", f"https://queue.fal.run/fal-ai/flux-pro/requests/{request_id}")
    status = await proxied(service, "GET", f"https://queue.fal.run/fal-ai/flux-pro/requests/{request_id}/status?logs=1")

    assert result.json()["imagegen"]["jobId"] == request_id
    assert status.json() == IsPartialDict(status="COMPLETED", logs=IsList(length=...))


PAGE: Final = "https://page.example"


@pytest.fixture
async def of_pages(stack: Settings) -> AsyncGenerator[Service]:
    """A service without keys, which a page of another origin may call."""
    limits = LimitSettings(cors_origins=PAGE)
    async with running(apart(stack).model_copy(update={"limits": limits}), with_runner=False) as service:
        yield service


async def test_page_of_an_allowed_origin_may_call_the_proxy(of_pages: Service) -> None:
    asks = {
        "Origin": PAGE,
        "Access-Control-Request-Method": "PUT",
        "Access-Control-Request-Headers": "authorization,content-type,x-fal-target-url,x-fal-queue-priority",
    }
    allowed = await of_pages.client.options("/fal/proxy", headers=asks)
    answer = await proxied(
        of_pages, "POST", "https://queue.fal.run/fal-ai/flux-pro/v1.1", json=PROMPT, headers={"Origin": PAGE}
    )
    foreign = await of_pages.client.post(FLUX, json=PROMPT, headers={"Origin": "https://other.example"})

    assert (allowed.status_code, allowed.headers["access-control-allow-origin"]) == (200, PAGE)
    assert answer.status_code == 200
    assert "X-Fal-Request-Id" in answer.headers["access-control-expose-headers"]
    assert (foreign.status_code, foreign.json()["error_type"]) == (403, "foreign_origin")


async def test_any_key_passes_while_there_is_none(of_pages: Service) -> None:
    answer = await of_pages.client.post(FLUX, json=PROMPT, headers={"Authorization": "Key anything:at-all"})

    job = await of_pages.services.jobs.get(answer.json()["request_id"])
    assert job.user_id == "default"


async def begun(service: Service, kind: str = "image/png") -> Mapping[str, str]:
    body = {"content_type": kind, "file_name": "a.png"}
    answer = await service.client.post("/fal/rest/storage/upload/initiate", params={"storage_type": "x"}, json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.mark.parametrize(("kind", "ending"), [("image/png", "png"), ("image/jpeg", "jpg"), ("", "bin")])
async def test_bytes_are_put_once_without_a_key_at_the_promised_address(
    service: Service, kind: str, ending: str
) -> None:
    upload = await begun(service, kind)
    async with httpx.AsyncClient() as browser:
        missing = await browser.get(upload["file_url"])
        first = await browser.put(upload["upload_url"], content=PNG, headers={"Content-Type": kind or "x/y"})
        second = await browser.put(upload["upload_url"], content=PNG)
        stored = await browser.get(upload["file_url"])

    assert (missing.status_code, first.status_code, second.status_code) == (404, 200, 403)
    assert (stored.content, stored.headers["content-type"]) == (PNG, "image/png")
    assert upload["file_url"] == IsStr(regex=rf".+/inputs/user123/[0-9a-f]{{64}}\.{ending}.*")


@pytest.mark.parametrize(("content", "status"), [(b"text", 415), (PNG[:40], 415), (b"x" * (21 * 2**20), 413)])
async def test_what_is_no_image_or_too_large_is_not_stored(service: Service, content: bytes, status: int) -> None:
    upload = await begun(service)
    answer = await service.client.put(upload["upload_url"], content=content)

    assert (answer.status_code, is_fal_error(answer)) == (status, True)


async def test_token_of_one_kind_is_not_one_of_the_other(service: Service) -> None:
    granted = (await service.client.post("/fal/rest/storage/auth/token", json={})).json()
    put = await service.client.put(f"/fal/put/{granted['token']}", content=PNG)
    token = (await begun(service))["upload_url"].rpartition("/")[2]
    uploaded = await service.client.post(
        "/fal/cdn/files/upload", content=PNG, headers={"Authorization": f"Bearer {token}"}
    )

    assert (put.status_code, uploaded.status_code) == (401, 401)
    assert granted == {
        "token": IsStr(regex=r"igup_.+"),
        "token_type": "Bearer",
        "base_url": f"{str(service.client.base_url).rstrip('/')}/fal/cdn",
        "expires_at": IsStr(),
    }
    until = datetime.fromisoformat(granted["expires_at"])
    assert timedelta(minutes=5) < until - datetime.now(UTC) <= timedelta(minutes=10)
    old = UploadGrant(user_id="user123", key=None, until=datetime.now(UTC) - timedelta(seconds=2))
    ended_token = UploadTokens(service.services.links.derived_secret(b"uploads of fal's clients")).make(old)
    late = await service.client.post(
        "/fal/cdn/files/upload", content=PNG, headers={"Authorization": f"Bearer {ended_token}"}
    )
    assert late.status_code == 401


async def test_large_inline_images_are_taken(service: Service) -> None:
    uri = f"data:image/png;base64,{base64.b64encode(PNG).decode()}"
    body = {"prompt": "x" * 40_000, "image_urls": [uri] * 3}
    answer = await service.client.post("/fal/queue/fal-ai/nano-banana-pro/edit", json=body)

    assert answer.status_code == 200


async def test_run_that_outlives_its_process_is_told_where_its_result_will_be(own: Settings) -> None:
    async with running(own) as service:
        await service.sandbox.misbehaves({"fault": "latency", "queue": 60})
        asked = [asyncio.create_task(service.client.post(path, json=PROMPT)) for path in (RUN, f"{RUN}/stream")]
        while len(await service.sandbox.requests()) < 2:
            await asyncio.sleep(0.02)
        service.services.stopping.set()
        answers = await asyncio.gather(*asked)

    for answer in answers:
        assert answer.status_code == 500 or answer.headers["content-type"].startswith("text/event-stream")
        assert "ask the queue for its result" in answer.text
        assert answer.headers["x-fal-request-id"] in answer.text


async def test_run_without_a_slot_to_wait_in_is_refused_before_anything_is_stored(own: Settings) -> None:
    limits = LimitSettings(max_waiting=0)
    async with running(own.model_copy(update={"limits": limits}), with_runner=False) as service:
        answer = await service.client.post(RUN, json=PROMPT)
        jobs = (await service.client.get("/api/jobs")).json()["jobs"]

    assert (answer.status_code, answer.json()["error_type"], jobs) == (503, "too_many_waiting", [])


async def test_another_process_tells_the_progress_and_the_end_of_a_job(own: Settings) -> None:
    async with running(own) as works, running(own, with_runner=False) as asked:
        await works.sandbox.misbehaves({"fault": "latency", "queue": 0.5, "generation": 0.5})
        request_id = (await works.client.post(FLUX, json=PROMPT)).json()["request_id"]
        seen: list[str] = []
        async with asyncio.timeout(60):
            while "COMPLETED" not in seen:
                seen.append((await asked.client.get(f"{FLUX}/requests/{request_id}/status")).json()["status"])
        result = await asked.client.get(f"{FLUX}/requests/{request_id}")

    assert "IN_PROGRESS" in seen  # fal's progress is not stored, so this process was told of it
    assert result.json()["images"]
