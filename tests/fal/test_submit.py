"""Submits against a raw socket that counts the POSTs it reads, because each may have been paid for."""

import asyncio
import json
import socket
import ssl
import struct
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta

import aiohttp
import httpx
import pytest
from aiohttp.client_reqrep import ConnectionKey
from dirty_equals import IsStr
from pydantic import SecretStr

from imagegen.errors import (
    AccountRefused,
    ProviderAnswer,
    ProviderError,
    ProviderRejected,
    ProviderUnavailable,
    StaleJob,
    SubmissionNotSent,
    SubmissionUnknown,
)
from imagegen.fal import FalClient, FalTimeouts
from imagegen.jobs import ProviderRequest
from imagegen.json_object import JsonObject
from imagegen.net.http import Sender
from imagegen.net.pool import open_pool
from imagegen.settings import FalSettings
from tests.support.scripted_http import Scripted

ENDPOINT = "fal-ai/flux/dev"
INPUT: JsonObject = {"prompt": "a fox"}
HASTY = FalTimeouts(
    submit=timedelta(seconds=1),
)


@dataclass
class Wire:
    """A listening socket. `posts` holds the head and the body of every POST that was read completely."""

    url: str = ""
    posts: list[tuple[str, bytes]] = field(default_factory=list[tuple[str, bytes]])
    has_read: asyncio.Event = field(default_factory=asyncio.Event)

    async def read_post(self, reader: asyncio.StreamReader) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        length = next(line.split(": ")[1] for line in head.split("\r\n") if line.startswith("content-length"))
        self.posts.append((head, await reader.readexactly(int(length))))
        self.has_read.set()


Manners = Callable[[Wire, asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def listening(manners: Manners) -> AsyncGenerator[Wire]:
    wire = Wire()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, asyncio.IncompleteReadError):
            await manners(wire, reader, writer)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    wire.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield wire
    finally:
        server.close()


def fal_at(url: str, pool: Sender, key: str = "id:secret", timeouts: FalTimeouts = HASTY) -> FalClient:
    return FalClient(FalSettings(key=SecretStr(key), queue_url=url), pool, timeouts)


def http(status: str, body: str = "", *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body.encode())}", *headers]
    return "\r\n".join([*lines, "", body]).encode()


def accepting(wire: Wire, request_id: str = "r-1") -> bytes:
    base = f"{wire.url}/fal-ai/flux/requests/{request_id}"
    urls = {"status_url": f"{base}/status", "response_url": base, "cancel_url": f"{base}/cancel"}
    return http("200 OK", json.dumps({"status": "IN_QUEUE", "request_id": request_id, **urls}))


def accepted_at(wire: Wire, request_id: str = "r-1") -> ProviderRequest:
    base = f"{wire.url}/fal-ai/flux/requests/{request_id}"
    return ProviderRequest(
        request_id=request_id, status_url=f"{base}/status", response_url=base, cancel_url=f"{base}/cancel"
    )


def reset(writer: asyncio.StreamWriter) -> None:
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


def answers(*given: bytes) -> Manners:
    """Read POST after POST; return the next response to each, repeating the last one."""
    left = list(given)

    async def manners(wire: Wire, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            await wire.read_post(reader)
            writer.write(left.pop(0) if len(left) > 1 else left[0])
            await writer.drain()

    return manners


def breaks_off_after(start: bytes) -> Manners:
    async def manners(wire: Wire, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await wire.read_post(reader)
        writer.write(start)
        await writer.drain()

    return manners


async def accepts(wire: Wire, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while True:
        await wire.read_post(reader)
        writer.write(accepting(wire))
        await writer.drain()


async def accepts_once_and_hangs_up(wire: Wire, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await wire.read_post(reader)
    writer.write(accepting(wire))
    await writer.drain()


async def closes_unread(_: Wire, __: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.close()


async def resets_unread(_: Wire, __: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    reset(writer)


async def resets_after_reading(wire: Wire, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await wire.read_post(reader)
    reset(writer)


async def never_answers(wire: Wire, reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
    await wire.read_post(reader)
    await reader.read()


async def trickles(wire: Wire, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await wire.read_post(reader)
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n")
    while not reader.at_eof():
        writer.write(b" ")
        await writer.drain()
        await asyncio.sleep(0.02)


NGINX = "<html><center><h1>{}</h1></center><hr><center>nginx</center></html>"
AMBIGUOUS: dict[str, Manners] = {
    "closes before reading": closes_unread,
    "resets before reading": resets_unread,
    "closes after reading": breaks_off_after(b""),
    "resets after reading": resets_after_reading,
    "breaks off in the status line": breaks_off_after(b"HTTP/1.1 20"),
    "breaks off in the headers": breaks_off_after(b"HTTP/1.1 200 OK\r\nContent-Le"),
    "breaks off before the body": breaks_off_after(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n"),
    "breaks off in the body": breaks_off_after(b'HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{"request_id": "r'),
    "breaks off between chunks": breaks_off_after(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n"),
    "breaks off in a chunk": breaks_off_after(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\n{"),
    "breaks off a body without length": breaks_off_after(b'HTTP/1.1 200 OK\r\n\r\n{"request_id": "r-1"'),
    "never answers": never_answers,
    "trickles for ever": trickles,
    "is not HTTP": breaks_off_after(b"SSH-2.0-OpenSSH_9.6\r\n\r\n"),
    "a body that does not unzip": answers(http("200 OK", "{}", "Content-Encoding: gzip")),
    "200 without a body": answers(http("200 OK")),
    "200 that is no JSON": answers(http("200 OK", "<html>hello</html>")),
    "200 with a list": answers(http("200 OK", "[1, 2]")),
    "200 nested without end": answers(http("200 OK", "[" * 100_000)),
    "200 without a request id": answers(http("200 OK", '{"status": "IN_QUEUE"}')),
    "204": answers(b"HTTP/1.1 204 No Content\r\n\r\n"),
    "301": answers(http("301 Moved Permanently", "", "Location: https://queue.fal.run/")),
    "303": answers(http("303 See Other", "", "Location: /elsewhere")),
    "307": answers(http("307 Temporary Redirect", "", "Location: /fal-ai/flux/dev")),
    "408": answers(http("408 Request Timeout")),
    "409": answers(http("409 Conflict")),
    "429 with a request id": answers(http("429 Too Many Requests", "", "x-fal-request-id: r-1")),
    "500 without fal's words": answers(http("500 Internal Server Error", "oops")),
    "502 of nginx": answers(http("502 Bad Gateway", NGINX.format("502 Bad Gateway"))),
    "503 of nginx": answers(http("503 Service Unavailable", NGINX.format("503"))),
    "504 of nginx": answers(http("504 Gateway Time-out", NGINX.format("504 Gateway Time-out"))),
    "504 of a gateway that speaks JSON": answers(http("504 Gateway Timeout", '{"message": "Endpoint timed out"}')),
}


@pytest.mark.parametrize("name", AMBIGUOUS)
async def test_post_without_clear_response_is_unknown_and_not_repeated(name: str, pool: Sender) -> None:
    async with listening(AMBIGUOUS[name]) as wire:
        with pytest.raises(SubmissionUnknown):
            await fal_at(wire.url, pool).submit(ENDPOINT, INPUT)

        assert len(wire.posts) == (0 if "before reading" in name else 1)


REFUSALS: dict[str, tuple[bytes, type[ProviderError], ProviderAnswer]] = {
    "422 of the model": (
        http(
            "422 Unprocessable Entity",
            '{"detail": [{"loc": ["body", "prompt"], "msg": "field required", "type": "missing"}]}',
        ),
        ProviderRejected,
        ProviderAnswer(
            message="body.prompt: field required",
            status=422,
            error_type="missing",
            detail=("body.prompt: field required",),
        ),
    ),
    "401": (
        http("401 Unauthorized", '{"detail": "invalid key credentials"}'),
        AccountRefused,
        ProviderAnswer(message="invalid key credentials", status=401),
    ),
    "404 of an unknown path": (
        http("404 Not Found", '{"error": "Error", "message": "Path /quality not found"}'),
        ProviderRejected,
        ProviderAnswer(message="Path /quality not found", status=404),
    ),
    "413 of nginx": (
        http("413 Request Entity Too Large", NGINX.format("413")),
        ProviderRejected,
        ProviderAnswer(message="fal.ai answered with HTTP status 413.", status=413),
    ),
    "429 with a request id and fal's words": (
        http("429 Too Many Requests", '{"detail": "Queue is full"}', "x-fal-request-id: r-1"),
        ProviderUnavailable,
        ProviderAnswer(message="Queue is full", status=429),
    ),
    "503 of fal": (
        http(
            "503 Service Unavailable",
            '{"detail": "No runner", "error_type": "runner_scheduling_failure"}',
            "x-fal-request-id: r-1",
        ),
        ProviderUnavailable,
        ProviderAnswer(message="No runner", status=503, error_type="runner_scheduling_failure"),
    ),
    "504 of fal that names nginx": (
        http("504 Gateway Timeout", '{"detail": "nginx lost it", "error_type": "request_timeout"}'),
        ProviderUnavailable,
        ProviderAnswer(message="nginx lost it", status=504, error_type="request_timeout"),
    ),
}


@pytest.mark.parametrize("name", REFUSALS)
async def test_error_response_of_fal_ends_the_submit_after_one_post(name: str, pool: Sender) -> None:
    answer, kind, expected = REFUSALS[name]
    async with listening(answers(answer)) as wire:
        with pytest.raises(kind) as caught:
            await fal_at(wire.url, pool).submit(ENDPOINT, INPUT)

        assert (type(caught.value), caught.value.answer, len(wire.posts)) == (kind, expected, 1)


async def test_accepted_request_is_one_post_with_key_and_input(
    pool: Sender,
) -> None:
    async with listening(accepts) as wire:
        request = await fal_at(wire.url, pool).submit(ENDPOINT, {**INPUT, "sync_mode": True})

        [(head, body)] = wire.posts
        assert request == accepted_at(wire)
        assert head.startswith("post /fal-ai/flux/dev http/1.1\r\n")
        assert f"\r\nhost: {wire.url.removeprefix('http://')}\r\n" in head
        assert "\r\nauthorization: key id:secret\r\n" in head
        assert json.loads(body) == INPUT


@pytest.mark.parametrize("manners", [accepts, accepts_once_and_hangs_up])
async def test_two_submits_are_two_posts_on_any_connection(manners: Manners, pool: Sender) -> None:
    async with listening(manners) as wire:
        fal = fal_at(wire.url, pool)
        await fal.submit(ENDPOINT, INPUT)
        await asyncio.sleep(0.05)
        await fal.submit(ENDPOINT, INPUT)

        assert len(wire.posts) == 2


async def test_429_without_request_id_is_certainly_not_sent(
    pool: Sender,
) -> None:
    said = '{"detail": "Reached concurrent requests limit of 2", "type": "concurrent_requests_limit"}'
    async with listening(answers(http("429 Too Many Requests", said))) as wire:
        with pytest.raises(SubmissionNotSent) as caught:
            await fal_at(wire.url, pool).submit(ENDPOINT, INPUT)

        assert len(wire.posts) == 1
        assert caught.value.answer == ProviderAnswer(
            message="Reached concurrent requests limit of 2", status=429, error_type="concurrent_requests_limit"
        )


async def test_retry_after_is_passed_on(pool: Sender) -> None:
    async with listening(answers(http("429 Too Many Requests", "", "Retry-After: 60"))) as wire:
        with pytest.raises(SubmissionNotSent) as caught:
            await fal_at(wire.url, pool).submit(ENDPOINT, INPUT)

        assert (caught.value.retry_after, len(wire.posts)) == (timedelta(seconds=60), 1)


async def test_refused_connection_is_certainly_not_sent(pool: Sender) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}"
        asked: list[str] = []

        async def before_post() -> None:
            asked.append("before")

        with pytest.raises(SubmissionNotSent):
            await fal_at(url, pool).submit(ENDPOINT, INPUT, before_post)

        assert len(asked) == 1


async def test_failed_tls_handshake_is_certainly_not_sent(pool: Sender) -> None:
    async with listening(breaks_off_after(b"")) as wire:
        with pytest.raises(SubmissionNotSent):
            await fal_at(wire.url.replace("http:", "https:"), pool).submit(ENDPOINT, INPUT)

        assert wire.posts == []


async def test_wait_for_a_free_connection_is_certainly_not_sent() -> None:
    async with open_pool(connections=1) as narrow, listening(never_answers) as busy, listening(accepts) as wire:
        slow = FalTimeouts(submit=timedelta(seconds=30))
        holding = asyncio.create_task(fal_at(busy.url, narrow, timeouts=slow).submit(ENDPOINT, INPUT))
        await busy.has_read.wait()
        with pytest.raises(SubmissionNotSent):
            await fal_at(wire.url, narrow).submit(ENDPOINT, INPUT)
        holding.cancel()
        with pytest.raises(asyncio.CancelledError):
            await holding

        assert (len(busy.posts), wire.posts) == (1, [])


HOST = ConnectionKey("queue.fal.run", 443, is_ssl=True, ssl=True, proxy=None, proxy_auth=None, proxy_headers_hash=None)
NOT_SENT: list[aiohttp.ClientError] = [
    aiohttp.ClientConnectorDNSError(HOST, OSError("no such host")),
    aiohttp.ClientConnectorCertificateError(HOST, ssl.CertificateError("wrong host")),
    aiohttp.ClientProxyConnectionError(HOST, OSError("refused")),
]


@pytest.mark.parametrize("cause", NOT_SENT, ids=lambda cause: type(cause).__name__)
async def test_second_domain_is_used_if_the_first_is_unreachable(cause: aiohttp.ClientError) -> None:
    seen: list[str] = []

    def serve(request: httpx.Request) -> httpx.Response:
        seen.append(f"{request.url} {request.headers['host']}")
        if request.url.host == "queue.fal.run":
            raise cause
        return httpx.Response(200, json={"request_id": "r-1"})

    fal = fal_at("https://queue.fal.run", Scripted(serve))
    request = await fal.submit(ENDPOINT, INPUT)

    assert seen == [
        "https://queue.fal.run/fal-ai/flux/dev queue.fal.run",
        "https://queue.falrun.com/fal-ai/flux/dev queue.falrun.com",
    ]
    assert request.status_url == "https://queue.fal.run/fal-ai/flux/requests/r-1/status"


@pytest.mark.parametrize(
    "error",
    [
        aiohttp.ServerDisconnectedError(),
        aiohttp.SocketTimeoutError(),
        aiohttp.ServerTimeoutError(),
        aiohttp.ClientOSError(),
        aiohttp.ClientPayloadError(),
        ConnectionResetError(),
    ],
    ids=lambda error: type(error).__name__,
)
async def test_error_after_connecting_never_causes_a_second_post(error: Exception) -> None:
    seen: list[str] = []

    def serve(request: httpx.Request) -> httpx.Response:
        seen.append(str(request.url))
        raise error

    with pytest.raises(SubmissionUnknown):
        await fal_at("https://queue.fal.run", Scripted(serve)).submit(ENDPOINT, INPUT)

    assert seen == ["https://queue.fal.run/fal-ai/flux/dev"]


async def test_cancelled_submit_raises_only_cancellation(pool: Sender) -> None:
    async with listening(never_answers) as wire:
        patient = fal_at(wire.url, pool, timeouts=FalTimeouts())
        submitting = asyncio.create_task(patient.submit(ENDPOINT, INPUT))
        await wire.has_read.wait()
        submitting.cancel()

        with pytest.raises(asyncio.CancelledError):
            await submitting
        assert len(wire.posts) == 1


async def test_nothing_is_sent_if_before_post_raises(pool: Sender) -> None:
    async def lease_is_lost() -> None:
        raise StaleJob("job-1")

    async with listening(accepts) as wire:
        with pytest.raises(StaleJob):
            await fal_at(wire.url, pool).submit(ENDPOINT, INPUT, lease_is_lost)

        assert wire.posts == []


@pytest.mark.parametrize("prompt", ["\ud800", float("nan")])
async def test_input_that_is_not_json_is_rejected_unsent(prompt: str | float, pool: Sender) -> None:
    async with listening(accepts) as wire:
        with pytest.raises(ProviderRejected):
            await fal_at(wire.url, pool).submit(ENDPOINT, {"prompt": prompt})

        assert wire.posts == []


async def test_two_clients_keep_their_addresses_and_keys(pool: Sender) -> None:
    async with listening(accepts) as one, listening(accepts) as two:
        first, second = fal_at(one.url, pool, "id:first"), fal_at(two.url, pool, "id:second")
        requests = await asyncio.gather(*[fal.submit(ENDPOINT, INPUT) for fal in (first, second) * 5])

        assert requests == [accepted_at(one), accepted_at(two)] * 5
        assert [head.count("key id:first") for head, _ in one.posts] == [1] * 5
        assert [head.count("key id:second") for head, _ in two.posts] == [1] * 5


async def test_environment_of_fal_client_has_no_effect(pool: Sender, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAL_KEY", "another:key")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    async with listening(accepts) as wire:
        await fal_at(wire.url, pool).submit(ENDPOINT, INPUT)

        assert [head for head, _ in wire.posts] == [IsStr(regex=r"(?s).*\r\nauthorization: key id:secret\r\n.*")]
