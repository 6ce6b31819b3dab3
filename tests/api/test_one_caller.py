"""One caller, one web page or one flood of connections cannot keep the service from others."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from dirty_equals import IsPartialDict

from imagegen.api.middleware.auth import AccessPolicy
from imagegen.settings import LimitSettings, Settings
from tests.support.keys import add_key, bearer, revoke_key
from tests.support.raw import send
from tests.support.service import FLUX, Json, Sandbox, Service, running

EVIL = "https://evil.example"


def limited(stack: Settings, **limits: Any) -> Settings:
    return stack.model_copy(update={"limits": LimitSettings(**limits)})


@pytest.fixture
async def slow_job(service: Service, sandbox: Sandbox) -> str:
    await sandbox.misbehaves({"fault": "latency", "queue": 0, "generation": 20})
    return await service.accept()


async def open_streams(service: Service, job_id: str, count: int, stack: AsyncExitStack, **headers: str) -> list[int]:
    answers = [
        await stack.enter_async_context(service.client.stream("GET", f"/api/jobs/{job_id}/events", headers=headers))
        for _ in range(count)
    ]
    return [answer.status_code for answer in answers]


async def test_one_key_cannot_open_all_streams(own: Settings) -> None:
    one, two = bearer(await add_key(own)), bearer(await add_key(own))
    async with running(limited(own, max_streams=8)) as service, AsyncExitStack() as streams:
        job_id = await slow_job_of(service, one)
        first = await open_streams(service, job_id, 8, streams, **one)
        second = await open_streams(service, job_id, 1, streams, **two)

    assert (first, second) == ([200] * 6 + [503] * 2, [200])


async def slow_job_of(service: Service, key: dict[str, str]) -> str:
    await service.sandbox.misbehaves({"fault": "latency", "queue": 0, "generation": 20})
    return (await service.generate(FLUX, prefer="respond-async", **key)).json()["jobId"]


async def test_one_address_cannot_open_all_streams(stack: Settings, slow_job: str) -> None:
    async with running(limited(stack, max_streams=4)) as service, AsyncExitStack() as streams:
        assert await open_streams(service, slow_job, 4, streams) == [200, 200, 200, 503]


async def test_streams_of_a_revoked_key_end(own: Settings) -> None:
    token = await add_key(own)
    async with running(own) as service:
        job_id = await slow_job_of(service, bearer(token))
        async with service.client.stream("GET", f"/api/jobs/{job_id}/events", headers=bearer(token)) as answer:
            events = answer.aiter_lines()
            assert await anext(events)
            await revoke_key(own, token)

            async with asyncio.timeout(12):
                rest = [line async for line in events]
    assert "completed" not in "".join(rest)


async def test_waiting_request_of_a_revoked_key_is_401(own: Settings) -> None:
    token = await add_key(own)
    async with running(own) as service:
        job_id = await slow_job_of(service, bearer(token))
        path = f"/api/jobs/{job_id}"
        waiting = asyncio.create_task(service.client.get(path, params={"wait": 4}, headers=bearer(token)))
        await asyncio.sleep(0.5)
        await revoke_key(own, token)
        answer = await waiting

    assert (answer.status_code, answer.json()["code"]) == (401, "unauthorized")


@pytest.fixture(scope="module")
async def crowded(stack: Settings) -> AsyncGenerator[Service]:
    async with running(limited(stack, max_connections=20)) as service:
        yield service


async def test_connections_beyond_the_limit_are_refused(crowded: Service) -> None:
    url = crowded.client.base_url
    accepted = await crowded.accept()
    idle = [await asyncio.open_connection(url.host, url.port) for _ in range(40)]
    refused = 0
    for reader, _ in idle:
        try:
            async with asyncio.timeout(0.2):
                refused += b"too_many_connections" in await reader.read()
        except TimeoutError:
            pass
    job = await crowded.ended(accepted)
    for _, writer in idle:
        writer.close()

    assert 20 <= refused <= 22
    assert job["status"] == "completed"


FOREIGN = [
    {"Origin": EVIL},
    {"Origin": "null"},
    {"Origin": "http://localhost:3000", "Sec-Fetch-Site": "same-site"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
]


@pytest.mark.parametrize("headers", FOREIGN)
async def test_foreign_origin_is_refused_without_keys(service: Service, headers: dict[str, str]) -> None:
    client = service.client
    form = {"files": {"file": b"x"}, "data": {"userId": "u"}}
    answers = [
        await client.post("/api/images/generate", json=FLUX, headers=headers),
        await client.post("/api/images/generate", content=b"{}", headers={**headers, "Content-Type": "text/plain"}),
        await client.post("/api/images/batch", json={}, headers=headers),
        await client.post("/api/uploads", **form, headers=headers),  # pyright: ignore[reportArgumentType] - a form
        await client.post("/api/jobs/01ARZ3NDEKTSV4RRFFQ69G5FAV/cancel", headers=headers),
        await client.post("/api/jobs/01ARZ3NDEKTSV4RRFFQ69G5FAV/retry", headers=headers),
        await client.delete("/api/jobs/01ARZ3NDEKTSV4RRFFQ69G5FAV", headers=headers),
    ]

    assert [(answer.status_code, answer.json()["code"]) for answer in answers] == [(403, "foreign_origin")] * 7
    assert "CORS_ORIGINS" in answers[0].json()["detail"]
    assert (await client.get("/api/images/models", headers=headers)).status_code == 200


async def test_own_and_configured_origins_are_admitted(service: Service, stack: Settings) -> None:
    url = service.client.base_url
    own = {"Origin": f"http://{url.host}:{url.port}", "Sec-Fetch-Site": "same-origin"}
    answers = [await service.generate(FLUX, **own), await service.generate(FLUX, **{"sec-fetch-site": "none"})]
    async with running(limited(stack, cors_origins=EVIL)) as open_one:
        allowed = await open_one.generate(FLUX, **{"origin": EVIL, "sec-fetch-site": "cross-site"})
        other = await open_one.generate(origin="https://other.example")

    assert [answer.status_code for answer in [*answers, allowed, other]] == [200, 200, 200, 403]


async def test_origin_does_not_matter_with_a_key(own: Settings) -> None:
    key = bearer(await add_key(own))
    async with running(own, access=AccessPolicy(allow_anonymous=True)) as service:
        with_key = await service.generate(FLUX, origin=EVIL, **key)
        without = await service.generate(origin=EVIL)

    assert (with_key.status_code, without.status_code) == (200, 403)


@pytest.mark.parametrize("path", ["/", "/health/live", "/api/images/models", "/api/jobs", "/nothing"])
async def test_every_response_has_the_security_headers(service: Service, path: str) -> None:
    headers = (await service.client.get(path)).headers

    assert (headers["x-content-type-options"], headers["content-security-policy"], headers["referrer-policy"]) == (
        "nosniff",
        "frame-ancestors 'none'",
        "no-referrer",
    )


async def test_responses_with_jobs_are_no_store(service: Service) -> None:
    job: Json = (await service.generate()).json()
    paths = ["/api/jobs", f"/api/jobs/{job['jobId']}", "/api/usage", f"/api/jobs/{job['jobId']}/deliveries"]
    answers = [await service.client.get(path) for path in paths] + [await service.generate()]

    assert [answer.headers["cache-control"] for answer in answers] == ["no-store"] * 5


@pytest.mark.parametrize(
    "headers", [{"Content-Encoding": "gzip"}, {"Content-Length": "3"}, {"Content-Length": "9" * 9}]
)
async def test_stream_ignores_a_body(
    service: Service, headers: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    job_id = (await service.generate()).json()["jobId"]
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    head = f"GET /api/jobs/{job_id}/events HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{lines}\r\n"

    answer = await send(service, head.encode(), b"abc", pause=0.2)

    assert (answer.status, b"completed" in answer.body) == (200, True)
    assert [record for record in caplog.records if record.exc_info] == []


POST = b"POST /api/images/generate HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
MALFORMED = {
    "chunk size": POST + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n",
    "later chunk size": POST + b"Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n-1\r\n}\r\n",
    "two lengths": POST + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
    "negative length": POST + b"Content-Length: -2\r\n\r\n{}",
    "length and chunks": POST + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunks not last": POST + b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
    "space before the colon": POST + b"Content-Length : 2\r\n\r\n{}",
    "folded header": POST + b"X: a\r\n b\r\nContent-Length: 2\r\n\r\n{}",
}


@pytest.mark.parametrize("request_", MALFORMED.values(), ids=MALFORMED.keys())
async def test_malformed_request_is_400_and_closes_the_connection(service: Service, request_: bytes) -> None:
    answer = await send(service, request_, pause=0.1)

    assert (answer.status, answer.headers["connection"], answer.problem) == (
        400,
        "close",
        IsPartialDict(code="malformed_request"),
    )


async def test_number_of_header_lines_is_bounded(service: Service) -> None:
    answer = await send(service, b"GET /health/live HTTP/1.1\r\nHost: localhost\r\n" + b"A: b\r\n" * 300 + b"\r\n")

    assert answer.status == 431


async def test_unsigned_fal_webhook_is_refused_before_its_body_is_read(service: Service, stack: Settings) -> None:
    job_id = (await service.generate()).json()["jobId"]
    path = f"/api/webhooks/fal/{job_id}/{'0' * 32}"
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 900000\r\n".encode()
    signed = b"X-Fal-Webhook-Request-Id: a\r\nX-Fal-Webhook-User-Id: b\r\nX-Fal-Webhook-Timestamp: %d\r\n"
    signed = signed % datetime.now(UTC).timestamp() + b"X-Fal-Webhook-Signature: 00\r\n"
    public = stack.service.model_copy(update={"public_url": "https://imagegen.example.com"})
    async with running(stack.model_copy(update={"service": public})) as reachable:
        for each in (service, reachable):
            for headers in (b"", signed):
                reader, writer = await asyncio.open_connection(each.client.base_url.host, each.client.base_url.port)
                writer.write(head + headers + b"\r\n")
                async with asyncio.timeout(5):  # far less than the time for the body
                    assert b" 404 " in await reader.readline()
                writer.close()


async def test_large_bodies_share_a_memory_budget(stack: Settings) -> None:
    settings = limited(stack, receive_memory=2**20)
    head = b"POST /api/images/estimate-cost HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    head += b"Content-Length: 900000\r\n\r\n"
    async with running(settings) as service:
        url = service.client.base_url
        _, slow = await asyncio.open_connection(url.host, url.port)
        slow.write(head + b" " * 800_000)
        await slow.drain()
        await asyncio.sleep(0.5)
        large = await send(service, head + b" " * 900_000, pause=0.2)
        small = await service.client.post("/api/images/estimate-cost", json={"model": "flux-pro"})
        slow.close()
        await asyncio.sleep(0.2)
        after: httpx.Response = await service.client.post("/api/images/estimate-cost", content=b" " * 900_000)

    assert (large.status, large.problem["code"], large.headers["retry-after"]) == (503, "too_many_bodies", "5")
    assert (small.status_code, after.status_code) == (200, 415)
