"""The connection pool to fal and to its media hosts."""

import asyncio
from collections.abc import AsyncGenerator
from datetime import timedelta
from pathlib import Path

import aiohttp
import pytest
from yarl import URL

from imagegen.fal.sender import HostAllowlistSender, is_certainly_unsent
from imagegen.fal.urls import QueueAddress
from imagegen.net.allowed_hosts import is_loopback
from imagegen.net.http import Request, client_timeout, fetch
from imagegen.net.pool import KEEPALIVE_SECONDS, Pool, open_pool
from tests.support.media_host import Framing, MediaHost


@pytest.fixture
async def host() -> AsyncGenerator[MediaHost]:
    async with MediaHost() as opened:
        yield opened


async def get(pool: Pool, url: str, **headers: str) -> bytes:
    return (await fetch(pool, a_get(url, **headers), timedelta(seconds=5), 2**20)).content


def a_get(url: str, **headers: str) -> Request:
    return Request(method="GET", url=URL(url), headers=headers, timeout=client_timeout(timedelta(seconds=5)))


async def test_connection_is_shared_and_headers_are_not(host: MediaHost) -> None:
    url = host.serves(b"hello")
    async with open_pool(4) as pool:
        await get(pool, url, Authorization="Key a:b")
        content = await get(pool, url)

    assert (content, [headers.get("authorization") for _, headers in host.requests], host.connections) == (
        b"hello",
        ["Key a:b", None],
        1,
    )


@pytest.mark.parametrize("framing", ["length", "chunked", "close"])
async def test_response_left_unread_releases_its_connection(host: MediaHost, framing: Framing) -> None:
    endless = host.serves(lambda: (bytes(1000) for _ in range(10**9)), length=10**12, framing=framing)
    async with open_pool(1) as pool, asyncio.timeout(5):
        for _ in range(3):
            incoming = await pool.send(a_get(endless))
            await incoming.body.read(10)
            incoming.release()

        assert await get(pool, host.serves(b"next")) == b"next"


async def test_long_response_is_read_up_to_the_limit(host: MediaHost) -> None:
    endless = host.serves(lambda: (bytes(1000) for _ in range(10**9)), length=10**12)
    async with open_pool(1) as pool, asyncio.timeout(5):
        cut = await fetch(pool, a_get(endless), timedelta(seconds=5), 2500)
        whole = await fetch(pool, a_get(host.serves(bytes(2499))), timedelta(seconds=5), 2500)

    assert (len(cut.content), cut.is_truncated, len(whole.content), whole.is_truncated) == (2500, True, 2499, False)


async def test_redirect_is_not_followed(host: MediaHost) -> None:
    url = host.serves(b"", status=307, headers={"Location": host.serves(b"elsewhere")})
    async with open_pool(1) as pool:
        response = await fetch(pool, a_get(url), timedelta(seconds=5), 1000)

    assert (response.status_code, len(host.requests)) == (307, 1)


async def test_cancelled_request_releases_its_connection(host: MediaHost) -> None:
    silent = host.serves(lambda: [b"a"], length=10, stall_at=1)
    async with open_pool(1) as pool, asyncio.timeout(5):
        with pytest.raises(TimeoutError):
            await fetch(pool, a_get(silent), timedelta(seconds=0.1), 1000)

        assert await get(pool, host.serves(b"next")) == b"next"


@pytest.mark.parametrize(("limit", "connect", "sock_connect"), [(60, 20, 5), (30, 10, 5), (9, 3, 3), (0.3, 0.1, 0.1)])
def test_connection_may_take_a_third_of_the_time(limit: float, connect: float, sock_connect: float) -> None:
    timeout = client_timeout(timedelta(seconds=limit))

    assert (timeout.connect, timeout.sock_connect) == pytest.approx((connect, sock_connect))


async def test_both_domains_of_fal_are_tried_within_the_time(host: MediaHost) -> None:
    limit = timedelta(seconds=1.5)
    async with open_pool(1) as pool:
        holding = await pool.send(a_get(host.serves(lambda: [b"a"], length=10, stall_at=1)))
        sender = HostAllowlistSender(pool, QueueAddress("https://queue.fal.run"))
        request = Request(method="GET", url=URL("https://queue.fal.run/a"), timeout=client_timeout(limit))
        with pytest.raises(aiohttp.ClientError) as failure:
            await fetch(sender, request, limit, 1000)
        holding.release()

    assert (is_certainly_unsent(failure.value), "queue.falrun.com" in str(failure.value)) == (True, True)


async def test_pool_opens_no_more_connections_than_allowed(host: MediaHost) -> None:
    async with open_pool(2) as pool:
        await asyncio.gather(*(get(pool, host.serves(bytes(100_000))) for _ in range(20)))

    assert host.connections == 2


async def test_connection_that_idled_too_long_is_not_reused(host: MediaHost) -> None:
    url = host.serves(b"hello")
    async with open_pool(4) as pool:
        await get(pool, url)
        await get(pool, url)
        before_idling = host.connections
        await asyncio.sleep(KEEPALIVE_SECONDS + 0.2)
        await get(pool, url)

    assert (KEEPALIVE_SECONDS < 3, before_idling, host.connections) == (True, 1, 2)


async def test_pool_keeps_no_cookies(host: MediaHost) -> None:
    url = host.serves(b"hello", headers={"Set-Cookie": "a=b"})
    async with open_pool(4) as pool:
        await get(pool, url)
        await get(pool, url)

    assert [headers.get("cookie") for _, headers in host.requests] == [None, None]


async def test_error_tells_what_failed() -> None:
    async def babble(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"SSH-2.0-OpenSSH\r\n\r\n")
        await writer.drain()
        writer.close()

    async with open_pool(4) as pool, await asyncio.start_server(babble, "127.0.0.1", 0) as server:
        with pytest.raises(aiohttp.ClientResponseError):
            await get(pool, f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/")
        with pytest.raises(aiohttp.ClientConnectorError):
            await get(pool, "http://127.0.0.1:9/")


@pytest.mark.parametrize("login", ["", "me:a%40b@"])
async def test_environment_proxy_is_used_except_for_loopback(
    host: MediaHost, monkeypatch: pytest.MonkeyPatch, login: str
) -> None:
    monkeypatch.setenv("http_proxy", host.address.replace("://", f"://{login}"))
    monkeypatch.setenv("no_proxy", "inside.example")
    host.serves(b"through the proxy", path="http://outside.example/a")
    async with open_pool(4) as pool:
        contents = [await get(pool, "http://outside.example/a"), await get(pool, host.serves(b"direct", path="/b"))]
        with pytest.raises((aiohttp.ClientError, PermissionError)):
            await get(pool, "http://inside.example/c")

    told = [headers.get("proxy-authorization") for _, headers in host.requests]
    assert (contents, [path for path, _ in host.requests], told) == (
        [b"through the proxy", b"direct"],
        ["http://outside.example/a", "/b"],
        ["Basic bWU6YUBi" if login else None, None],
    )


async def test_password_from_netrc_is_not_sent(
    host: MediaHost, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "netrc").write_text("default login somebody password secret\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    async with open_pool(4) as pool:
        await get(pool, host.serves(b"hello"))

    assert [headers.get("authorization") for _, headers in host.requests] == [None]


@pytest.mark.parametrize(
    ("host_name", "expected"),
    [
        ("127.0.0.1", True),
        ("127.8.0.1", True),
        ("::1", True),
        ("localhost", True),
        ("10.0.0.1", False),
        ("localhost.example", False),
        ("", False),
    ],
)
def test_loopback_addresses_are_recognized(host_name: str, expected: bool) -> None:
    assert is_loopback(host_name) is expected
