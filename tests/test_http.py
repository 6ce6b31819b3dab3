"""One pool of connections under every client of the process."""

import asyncio
from collections.abc import AsyncGenerator
from pathlib import Path

import aiohttp
import httpx
import pytest
from media_host import Framing, MediaHost

from imagegen.http import KEEPALIVE_SECONDS, is_loopback, open_transport


@pytest.fixture
async def host() -> AsyncGenerator[MediaHost]:
    async with MediaHost() as opened:
        yield opened


async def test_closing_a_client_leaves_the_pool_open_for_the_others(host: MediaHost) -> None:
    url = host.serves(b"hello")
    async with open_transport(4) as transport:
        async with httpx.AsyncClient(transport=transport, headers={"Authorization": "Key a:b"}) as with_key:
            await with_key.get(url)
        other = httpx.AsyncClient(transport=transport)

        answer = await other.get(url)

    assert (answer.content, [headers.get("authorization") for _, headers in host.requests], host.connections) == (
        b"hello",
        ["Key a:b", None],
        1,
    )


@pytest.mark.parametrize("framing", ["length", "chunked", "close"])
async def test_an_answer_that_nobody_reads_to_its_end_gives_its_connection_back(
    host: MediaHost, framing: Framing
) -> None:
    endless = host.serves(lambda: (bytes(1000) for _ in range(10**9)), length=10**12, framing=framing)
    async with open_transport(1) as transport, asyncio.timeout(5):
        client = httpx.AsyncClient(transport=transport)
        for _ in range(3):
            async with client.stream("GET", endless) as answer:
                await anext(answer.aiter_raw())

        assert (await client.get(host.serves(b"next"))).content == b"next"


async def test_a_cancelled_request_gives_its_connection_back(host: MediaHost) -> None:
    silent = host.serves(lambda: [b"a"], length=10, stall_at=1)
    async with open_transport(1) as transport, asyncio.timeout(5):
        client = httpx.AsyncClient(transport=transport)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await client.get(silent)

        assert (await client.get(host.serves(b"next"))).content == b"next"


async def test_no_more_connections_are_opened_than_allowed(host: MediaHost) -> None:
    async with open_transport(2) as transport:
        client = httpx.AsyncClient(transport=transport)

        await asyncio.gather(*(client.get(host.serves(bytes(100_000))) for _ in range(20)))

    assert host.connections == 2


async def test_a_connection_that_idled_long_is_not_used_again(host: MediaHost) -> None:
    url = host.serves(b"hello")
    async with open_transport(4) as transport:
        client = httpx.AsyncClient(transport=transport)
        await client.get(url)
        await client.get(url)
        at_once = host.connections
        await asyncio.sleep(KEEPALIVE_SECONDS + 0.2)
        await client.get(url)

    assert (KEEPALIVE_SECONDS < 3, at_once, host.connections) == (True, 1, 2)


async def test_the_pool_keeps_no_cookies(host: MediaHost) -> None:
    url = host.serves(b"hello", headers={"Set-Cookie": "a=b"})
    async with open_transport(4) as transport:
        await httpx.AsyncClient(transport=transport).get(url)
        await httpx.AsyncClient(transport=transport).get(url)

    assert [headers.get("cookie") for _, headers in host.requests] == [None, None]


async def test_what_an_error_means_can_be_read_from_its_cause() -> None:
    async def babble(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"SSH-2.0-OpenSSH\r\n\r\n")
        await writer.drain()
        writer.close()

    async with open_transport(4) as transport, await asyncio.start_server(babble, "127.0.0.1", 0) as server:
        client = httpx.AsyncClient(transport=transport)
        with pytest.raises(httpx.RemoteProtocolError) as not_http:
            await client.get(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/")
        with pytest.raises(httpx.TransportError) as refused:
            await client.get("http://127.0.0.1:9/")

    causes = not_http.value.__cause__, refused.value.__cause__
    assert tuple(map(type, causes)) == (aiohttp.ClientResponseError, aiohttp.ClientConnectorError)


async def test_a_proxy_of_the_environment_is_used_but_not_for_this_machine(
    host: MediaHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", host.address)
    monkeypatch.setenv("no_proxy", "inside.example")
    host.serves(b"through the proxy", path="http://outside.example/a")
    async with open_transport(4) as transport:
        client = httpx.AsyncClient(transport=transport)
        answers = [await client.get("http://outside.example/a"), await client.get(host.serves(b"direct", path="/b"))]
        with pytest.raises((httpx.TransportError, PermissionError)):
            await client.get("http://inside.example/c")

    assert ([answer.content for answer in answers], [path for path, _ in host.requests]) == (
        [b"through the proxy", b"direct"],
        ["http://outside.example/a", "/b"],
    )


async def test_a_password_in_netrc_is_not_sent(
    host: MediaHost, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "netrc").write_text("default login somebody password secret\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    async with open_transport(4) as transport:
        await httpx.AsyncClient(transport=transport, trust_env=False).get(host.serves(b"hello"))

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
def test_loopback_is_told_by_its_address(host_name: str, expected: bool) -> None:
    assert is_loopback(host_name) is expected
