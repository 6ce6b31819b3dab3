"""The one HTTP engine of a process: aiohttp's connection pool under as many `httpx.AsyncClient`s as are wanted.

httpx's own pool collapses under a few hundred requests in flight; the `httpx-aiohttp` transport does not.
Addresses that strangers have chosen are called through a pool of their own, which looks at each address it connects to.
"""

import ipaddress
import socket
import ssl
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from functools import cache
from typing import Final
from urllib.request import getproxies, proxy_bypass

import aiohttp
import httpx
from aiohttp.abc import AbstractResolver
from httpx_aiohttp import AiohttpTransport
from typing_extensions import override

from imagegen.tracing import HEADER, Attributes, span

# A server may close an idle connection at the very moment a POST goes out on it, and nobody can tell whether the POST
# was read. So a connection idles for less than the shortest keep-alive in use (3 s), then a fresh one is opened.
KEEPALIVE_SECONDS: Final = 2.0


@asynccontextmanager
async def open_transport(connections: int) -> AsyncGenerator[httpx.AsyncBaseTransport]:
    """Open the pool; every client of the process is given this transport, and only leaving this block closes it.

    The proxies of the environment are honoured, except for loopback addresses. `.netrc` is not: aiohttp would send a
    password from it to whatever host it names, and refuse requests that carry their own Authorization.

    Args:
        connections: how many may be open at once; more requests wait for a free one.
    """
    tls = _tls()
    connector = aiohttp.TCPConnector(limit=connections, keepalive_timeout=KEEPALIVE_SECONDS, ssl=tls)
    async with aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar()) as session:
        direct = AiohttpTransport(client=session, verify=tls)
        proxied = {
            scheme: AiohttpTransport(client=session, verify=tls, proxy=httpx.Proxy(address))
            for scheme, address in getproxies().items()
            if scheme in {"http", "https"}
        }
        yield SharedTransport(direct, proxied)


@cache
def _tls() -> ssl.SSLContext:
    """Certificates are checked against the authorities that httpx trusts; reading them takes 20 ms each time."""
    return httpx.create_ssl_context()


class ForbiddenAddress(OSError):
    """A connection that was not opened because of where it would have led."""


@asynccontextmanager
async def open_guarded_transport(
    connections: int, may_connect: Callable[[str], bool], resolver: AbstractResolver | None = None
) -> AsyncGenerator[httpx.AsyncBaseTransport]:
    """Open a pool for addresses that strangers have chosen.

    What is checked is the IP address that a socket is about to be connected to, so no answer of the DNS can come
    between the check and the connection. A name is resolved once for each request, connections are not used again, and
    there are no proxies and no cookies; TLS and the header Host keep the name.

    Args:
        connections: how many may be open at once.
        may_connect: told an IP address; where it says no, the request fails (`was_forbidden`).
        resolver: in place of the system's.
    """

    def guarded_socket(address: tuple[int, int, int, str, tuple[object, ...]]) -> socket.socket:
        family, kind, protocol, _, where = address
        if not may_connect(str(where[0])):
            raise ForbiddenAddress("the address is not public")
        return socket.socket(family, kind, protocol)

    tls = _tls()
    connector = aiohttp.TCPConnector(
        limit=connections,
        force_close=True,
        ssl=tls,
        use_dns_cache=False,
        resolver=resolver,
        socket_factory=guarded_socket,
    )
    async with aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar()) as session:
        yield SharedTransport(AiohttpTransport(client=session, verify=tls), {})


def was_forbidden(error: httpx.HTTPError) -> bool:
    """Whether a request failed because no address of its host may be connected to."""
    cause = error.__cause__
    return isinstance(cause, aiohttp.ClientConnectorError) and isinstance(cause.os_error, ForbiddenAddress)


class SharedTransport(httpx.AsyncBaseTransport):
    """A transport that several clients share: closing a client leaves it open.

    Every error it raises is httpx's own, with aiohttp's as `__cause__`.
    """

    def __init__(self, direct: AiohttpTransport, proxied: Mapping[str, AiohttpTransport]) -> None:
        self._direct = direct
        self._proxied = proxied

    @override
    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        with span(request.method, "client", _described(request)) as sending:
            if sending.traceparent:
                request.headers[HEADER] = sending.traceparent
            response = await self._send(request)
            sending.note({"http.response.status_code": response.status_code})
            if response.is_error:
                sending.failed(str(response.status_code))
            return response

    async def _send(self, request: httpx.Request) -> httpx.Response:
        try:
            return await self._route(request.url).handle_async_request(request)
        except aiohttp.ClientError as error:  # httpx-aiohttp leaves some as they are: an answer that is not HTTP
            raise httpx.RemoteProtocolError(str(error), request=request) from error

    @override
    async def aclose(self) -> None:
        """Leave the pool open: `open_transport` closes it."""

    def _route(self, url: httpx.URL) -> AiohttpTransport:
        proxied = self._proxied.get(url.scheme)
        if proxied is None or is_loopback(url.host) or proxy_bypass(url.host):
            return self._direct
        return proxied


def _described(request: httpx.Request) -> Attributes:
    """OpenTelemetry's attributes for a request, but not its `url.full`: paths of pictures and receivers are secrets."""
    url = request.url
    return {
        "http.request.method": request.method,
        "server.address": url.host,
        "server.port": url.port or (443 if url.scheme == "https" else 80),
        "url.scheme": url.scheme,
    }


def is_loopback(host: str) -> bool:
    """Whether the host names this machine itself: `localhost`, 127.0.0.0/8 or ::1."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
