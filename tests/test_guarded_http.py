"""The guarded transport connects only to IP addresses that are allowed."""

import socket
from collections.abc import AsyncGenerator, Sequence

import httpx
import pytest
from aiohttp import ClientConnectorError
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.web import Response
from typing_extensions import override

from imagegen.net.guarded_transport import open_guarded_transport, was_forbidden
from imagegen.webhooks import is_public
from tests.support.receiver import Receiver, receiving

PUBLIC = "93.184.216.34"


class FakeResolver(AbstractResolver):
    """A resolver that returns the next of the given address lists for each name."""

    def __init__(self, *results: Sequence[str]) -> None:
        self.results, self.asked = list(results), list[str]()

    @override
    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        self.asked.append(host)
        return [
            ResolveResult(hostname=host, host=address, port=port, family=socket.AF_INET, proto=0, flags=0)
            for address in self.results.pop(0)
        ]

    @override
    async def close(self) -> None:
        pass


@pytest.fixture
async def receiver() -> AsyncGenerator[Receiver]:
    async with receiving() as opened:
        yield opened


def post(url: str) -> httpx.Request:
    return httpx.Request("POST", url, content=b"{}")


def named(receiver: Receiver) -> str:
    return receiver.url.replace("127.0.0.1", "hooks.example")


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]"])
async def test_private_address_is_refused(receiver: Receiver, host: str) -> None:
    async with open_guarded_transport(4, is_public) as transport:
        with pytest.raises(httpx.TransportError) as failure:
            await transport.handle_async_request(post(receiver.url.replace("127.0.0.1", host)))

    assert (was_forbidden(failure.value), receiver.received) == (True, [])


async def test_name_that_resolves_to_private_address_is_refused(receiver: Receiver) -> None:
    async with open_guarded_transport(4, is_public, FakeResolver(["127.0.0.1", "10.0.0.1"])) as transport:
        with pytest.raises(httpx.TransportError) as failure:
            await transport.handle_async_request(post(named(receiver)))

    assert (was_forbidden(failure.value), receiver.received) == (True, [])


async def test_name_is_resolved_once_so_the_checked_address_is_used(receiver: Receiver) -> None:
    names = FakeResolver([PUBLIC], ["127.0.0.1"])  # a second lookup would return loopback
    async with open_guarded_transport(4, is_public, names) as transport:
        with pytest.raises(httpx.TransportError) as failure:
            await transport.handle_async_request(post(named(receiver)))

    cause = failure.value.__cause__
    assert isinstance(cause, ClientConnectorError)
    tried = str(cause.os_error)  # the tests' own guard names the address
    assert (names.asked, tried, receiver.received) == (["hooks.example"], f"a test tried to reach {PUBLIC}", [])


async def test_each_request_is_checked_again(receiver: Receiver) -> None:
    seen = list[str]()

    def only_the_first(address: str) -> bool:
        seen.append(address)
        return len(seen) == 1

    async with open_guarded_transport(4, only_the_first, FakeResolver(["127.0.0.1"], ["127.0.0.1"])) as transport:
        first = await transport.handle_async_request(post(named(receiver)))
        await first.aread()
        with pytest.raises(httpx.TransportError):
            await transport.handle_async_request(post(named(receiver)))

    assert (len(receiver.received), seen) == (1, ["127.0.0.1"] * 2)


async def test_host_header_keeps_the_name(receiver: Receiver) -> None:
    async with open_guarded_transport(4, lambda _: True, FakeResolver(["127.0.0.1"])) as transport:
        await (await transport.handle_async_request(post(named(receiver)))).aread()

    assert [received.headers["Host"].partition(":")[0] for received in receiver.received] == ["hooks.example"]


async def test_no_proxies_cookies_or_redirects_are_used(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    headers = {"Set-Cookie": "a=b", "Location": receiver.url}
    receiver.answers = [Response(status=302, headers=headers) for _ in range(2)]
    async with open_guarded_transport(4, lambda _: True) as transport:
        for _ in range(2):
            await (await transport.handle_async_request(post(receiver.url))).aread()

    assert [received.headers.get("Cookie") for received in receiver.received] == [None, None]
