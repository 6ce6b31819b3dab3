"""Keys in use: scopes of every route, the first key, expiry, and what a caller without a key may do."""

import asyncio
import time
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import pytest
from dirty_equals import IsPartialDict
from fastapi import Request

from imagegen.api.middleware.auth import AccessPolicy
from imagegen.clock import now
from imagegen.keys import KeyScope, new_key
from imagegen.settings import AuthSettings, Settings
from tests.support.contract import Contract
from tests.support.door import door, through
from tests.support.jobs_apart import apart
from tests.support.keys import add_key, bearer, revoke_key
from tests.support.processes import serving
from tests.support.service import FLUX, Service, running
from tests.support.specimens import picture

PLACES: Final = {
    "jobId": "01ARZ3NDEKTSV4RRFFQ69G5FAV",
    "batchId": "01ARZ3NDEKTSV4RRFFQ69G5FAV",
    "number": "0",
    "keyId": "ab12cd34ef",
    "budgetId": "01ARZ3NDEKTSV4RRFFQ69G5FAV",
}
_FORM: Final = (
    b'--x\r\nContent-Disposition: form-data; name="userId"\r\n\r\nuser123\r\n'
    b'--x\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n'
    + picture("png", (8, 8))
    + b"\r\n--x--\r\n"
)
BODIES: Final = {
    "/api/keys": ("application/json", b'{"name":"stowaway"}'),
    "/api/uploads": ("multipart/form-data; boundary=x", _FORM),
}


@dataclass(frozen=True, slots=True)
class Scoped:
    """A service with one key for each scope."""

    service: Service
    tokens: Mapping[KeyScope, str]


@pytest.fixture(scope="module")
async def scoped(stack: Settings) -> AsyncGenerator[Scoped]:
    settings = apart(stack)
    tokens = {scope: await add_key(settings, scopes=[scope]) for scope in KeyScope}
    async with running(settings, with_runner=False) as service:
        yield Scoped(service, tokens)


async def test_every_keyed_route_requires_its_scope_and_no_other(scoped: Scoped) -> None:
    client = scoped.service.client
    contract = Contract((await client.get("/openapi.json")).json())
    routes = [
        (operation.method, operation.path, operation.node)
        for operation in contract.operations()
        if operation.node.get("security") != []
    ]
    for method, path, operation in routes:
        answers = {
            scope: await client.request(method, path.format(**PLACES, name="flux-pro"), headers=bearer(token))
            for scope, token in scoped.tokens.items()
        }
        refused = {scope for scope, answer in answers.items() if answer.status_code == 403}
        (admitted,) = set(KeyScope) - refused
        problems = [answers[scope] for scope in refused]

        assert [answer.json() for answer in problems] == [IsPartialDict(code="insufficient_scope", status=403)] * 2
        assert [answer.headers["www-authenticate"] for answer in problems] == [
            f'Bearer realm="imagegen", error="insufficient_scope", scope="{admitted}"'
        ] * 2
        assert "insufficient_scope" in str(operation["responses"]["403"])
    assert len(routes) > 15


async def test_missing_scope_is_refused_before_the_body_is_read(scoped: Scoped) -> None:
    url = scoped.service.client.base_url
    head = "POST /api/images/generate HTTP/1.1\r\nHost: localhost\r\nContent-Length: 900000\r\n"
    head += f"Authorization: Bearer {scoped.tokens[KeyScope.READ]}\r\nContent-Type: application/json\r\n\r\n"
    reader, writer = await asyncio.open_connection(url.host, url.port)
    writer.write(head.encode())
    async with asyncio.timeout(5):  # far less than the time for the body
        assert b" 403 " in await reader.readline()
    writer.close()


async def test_unknown_path_needs_a_key_of_any_scope(scoped: Scoped) -> None:
    client = scoped.service.client
    answers = [await client.get("/api/nothing", headers=bearer(token)) for token in scoped.tokens.values()]

    assert [answer.status_code for answer in answers] == [404] * 3


LOCAL: Final = {"Host": "127.0.0.1:5000"}
FORWARDED: Final = [
    {"Forwarded": "for=10.0.0.1"},
    {"X-Forwarded-For": "10.0.0.1"},
    {"X-Forwarded-Host": "imagegen.example"},
    {"X-Forwarded-Proto": "https"},
    {"X-Real-IP": "10.0.0.1"},
    {"Via": "1.1 proxy"},
    {"X-Forwarded": "for=10.0.0.1"},
    {"X-Original-Forwarded-For": "10.0.0.1"},
    {"X-Envoy-External-Address": "10.0.0.1"},
    {"X-Client-IP": "10.0.0.1"},
    {"True-Client-IP": "10.0.0.1"},
    {"X-Azure-ClientIP": "10.0.0.1"},
    {"CF-Connecting-IP": "10.0.0.1"},
]


@pytest.mark.parametrize(
    ("headers", "access", "local"),
    [
        *(
            (({"Host": host}), AccessPolicy(), True)
            for host in ("localhost", "LOCALHOST:1", "127.8.9.1:5000", "[::1]:1")
        ),
        *((({"Host": host}), AccessPolicy(), False) for host in ("10.1.2.3", "x.localhost", "[::2]", "named.example")),
        *(({**LOCAL, **header}, AccessPolicy(), False) for header in FORWARDED),
        ({**LOCAL, "Origin": "https://app.example"}, AccessPolicy(), False),
        ({**LOCAL, "Sec-Fetch-Site": "cross-site"}, AccessPolicy(), False),
        ({**LOCAL, "Origin": "http://127.0.0.1:5000", "Sec-Fetch-Site": "same-origin"}, AccessPolicy(), True),
        (LOCAL, AccessPolicy(on_loopback=False), False),
        (LOCAL, AccessPolicy(allow_anonymous=True), False),
    ],
)
async def test_only_programs_of_this_machine_are_local(
    service: Service, headers: dict[str, str], access: AccessPolicy, *, local: bool
) -> None:
    raw = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    caller = await access.caller(Request({"type": "http", "method": "GET", "headers": raw}), service.services.keys)

    assert caller is not None
    assert (caller.is_local, KeyScope.ADMIN in caller.scopes) == (local, local)
    assert {KeyScope.GENERATE, KeyScope.READ} <= set(caller.scopes)


async def test_what_a_proxy_forwards_in_http_1_0_is_not_local(service: Service) -> None:
    scope = {"type": "http", "http_version": "1.0", "method": "GET", "headers": [(b"host", b"127.0.0.1:5000")]}
    caller = await AccessPolicy().caller(Request(scope), service.services.keys)

    assert caller is not None
    assert not caller.is_local


async def test_first_key_closes_a_running_service_on_loopback(own: Settings) -> None:
    async with running(own, with_runner=False) as service:
        client = service.client
        before = [await client.get(path) for path in ("/api/jobs", "/metrics")]
        open_document = (await client.get("/openapi.json")).json()
        token = await add_key(own)
        async with asyncio.timeout(2):
            while (await client.get("/api/jobs")).status_code == 200:
                await asyncio.sleep(0.02)
        after = [await client.get(path, headers=bearer(token)) for path in ("/api/jobs", "/metrics")]
        await revoke_key(own, token)
        async with asyncio.timeout(2):
            while (await client.get("/api/jobs", headers=bearer(token))).status_code == 200:
                await asyncio.sleep(0.02)
        without = await client.get("/api/jobs")
        closed_document = (await client.get("/openapi.json")).json()

    assert [answer.status_code for answer in (*before, *after)] == [200, 200, 200, 404]
    assert (without.status_code, without.headers["www-authenticate"]) == (401, 'Bearer realm="imagegen"')
    assert (open_document["security"], closed_document["security"]) == ([{"apiKey": []}, {}], [{"apiKey": []}])


async def test_key_that_expires_during_a_slow_response_is_401(own: Settings) -> None:
    async with running(own, with_runner=False) as service:
        token = await add_key(own, expires_at=now() + timedelta(seconds=3))
        accepted = await service.generate(FLUX, prefer="respond-async", **bearer(token))
        answer = await service.client.get(accepted.headers["Location"], params={"wait": 4}, headers=bearer(token))

    assert (accepted.status_code, answer.status_code, answer.json()["code"]) == (202, 401, "unauthorized")


@pytest.mark.parametrize("path", ["/api/keys", "/api/uploads"])
async def test_body_that_ends_after_the_key_was_revoked_is_401(own: Settings, path: str) -> None:
    root, leaked = await add_key(own, scopes=[*KeyScope]), await add_key(own, scopes=[*KeyScope])
    kind, body = BODIES[path]
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\nContent-Type: {kind}\r\n"
    async with running(own, with_runner=False) as service:
        client = service.client
        reader, writer = await asyncio.open_connection(client.base_url.host, client.base_url.port)
        writer.write(f"{head}Authorization: Bearer {leaked}\r\nConnection: close\r\n\r\n".encode() + body[:-1])
        await asyncio.sleep(0.2)  # until its head is admitted
        await revoke_key(own, leaked)
        async with asyncio.timeout(2):
            while (await client.get("/api/jobs", headers=bearer(leaked))).status_code == 200:
                await asyncio.sleep(0.02)
        writer.write(body[-1:])
        answer = await reader.read()
        writer.close()
        keys = (await client.get("/api/keys", headers=bearer(root))).json()["keys"]

    assert answer.startswith(b"HTTP/1.1 401 ")
    assert (answer.count(b"HTTP/1.1"), b'"unauthorized"' in answer) == (1, True)
    assert [key["name"] for key in keys] == ["shop", "shop"]


@pytest.mark.slow
async def test_cached_key_works_without_mongodb_for_a_while(own: Settings) -> None:
    assert own.mongodb.url is not None
    known, unknown = bearer(await add_key(own)), bearer(new_key("unknown", now())[1])
    port = urlsplit(own.mongodb.url.get_secret_value()).port or 0
    async with door(port) as mongodb:
        behind = own.model_copy(
            update={
                "mongodb": own.mongodb.model_copy(update={"url": through(own.mongodb.url, mongodb.port)}),
                "auth": AuthSettings(keys_cache=timedelta(seconds=8)),
            }
        )
        async with running(behind, with_runner=False) as service:
            path = "/api/images/models"
            await mongodb.shut()
            cached = await service.client.get(path, headers=known)
            away = await service.client.get(path, headers=unknown)
            await asyncio.sleep(9)
            late = [await service.client.get(path, headers=headers) for headers in (known, {})]
            await mongodb.open()
            async with asyncio.timeout(15):
                while (await service.client.get(path, headers=known)).status_code != 200:
                    await asyncio.sleep(0.1)

    assert [answer.status_code for answer in (cached, away, *late)] == [200, 503, 503, 503]
    assert (late[0].json(), late[0].headers["retry-after"]) == (IsPartialDict(code="unavailable", retryable=True), "5")


@pytest.mark.slow
async def test_revoked_key_under_load_is_refused_by_another_process_within_two_seconds(
    own: Settings, tmp_path: Path
) -> None:
    token = await add_key(own)
    admitted_at: list[float] = []
    async with serving(own, tmp_path, {}) as serve:

        async def load() -> None:
            while (await serve.client.get("/api/images/models", headers=bearer(token))).status_code == 200:
                admitted_at.append(time.monotonic())

        callers = [asyncio.create_task(load()) for _ in range(8)]
        await asyncio.sleep(1)
        await revoke_key(own, token)
        revoked_at = time.monotonic()
        async with asyncio.timeout(10):
            await asyncio.gather(*callers)
        await serve.ask_to_end()

    assert len(admitted_at) > 8
    assert max(admitted_at) - revoked_at < 2


async def test_request_without_a_user_is_for_the_keys_default_user(own: Settings) -> None:
    with_default = bearer(await add_key(own, default_user="ann"))
    without = bearer(await add_key(own))
    elsewhere = bearer(await add_key(own, users=["bob"], default_user="ann"))
    body = {name: value for name, value in FLUX.items() if name != "userId"}
    async with running(own) as service:
        client, upload = service.client, {"file": picture("png")}
        made = await client.post("/api/images/generate", json=body, headers=with_default)
        null = await client.post("/api/images/generate", json={**body, "userId": None}, headers=with_default)
        other = await client.post("/api/images/generate", json=FLUX, headers=with_default)
        batch = await client.post("/api/images/batch", json={"requests": [body]}, headers=with_default)
        uploaded = await client.post("/api/uploads", files=upload, headers=with_default)
        missing = await client.post("/api/images/generate", json=body, headers=without)
        no_user = await client.post("/api/uploads", files=upload, headers=without)
        forbidden = await client.post("/api/images/generate", json=body, headers=elsewhere)

    assert [answer.json()["userId"] for answer in (made, null, other, batch)] == ["ann", "ann", FLUX["userId"], "ann"]
    assert (uploaded.status_code, uploaded.json()["key"].startswith("inputs/ann/")) == (201, True)
    assert [answer.json()["errors"][0]["pointer"] for answer in (missing, no_user)] == ["/userId"] * 2
    assert (forbidden.status_code, forbidden.json()["code"]) == (403, "user_not_allowed")
