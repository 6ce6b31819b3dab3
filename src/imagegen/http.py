"""The one HTTP engine of a process: aiohttp's connection pool under as many `httpx.AsyncClient`s as are wanted.

httpx's own pool collapses under a few hundred requests in flight; the `httpx-aiohttp` transport does not.
Addresses that strangers have chosen are called through a pool of their own, which looks at each address it connects to.
"""

import asyncio
import errno
import ipaddress
import socket
import ssl
import threading
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from functools import cache
from typing import Final
from urllib.request import getproxies, proxy_bypass

import aiohttp
import httpx
from aiohttp.abc import AbstractResolver, ResolveResult
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
        resolver: in place of the system's, which is asked in a thread for each name.
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
        resolver=resolver or ThreadPerName(),
        socket_factory=guarded_socket,
    )
    async with aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar()) as session:
        yield SharedTransport(AiohttpTransport(client=session, verify=tls), {})


class ThreadPerName(AbstractResolver):
    """Asks the system for addresses, in a daemon thread for each name that is being asked for.

    `getaddrinfo` can block for half a minute and cannot be stopped. In the event loop's own few threads, names that
    strangers have chosen would hold up all other work there, and the end of the process.
    """

    def __init__(self, most: int = 512) -> None:
        self._most = most
        self._asked: dict[tuple[str, int, int], asyncio.Future[list[ResolveResult]]] = {}

    @override
    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        key = (host, port, family)
        if key not in self._asked:
            if len(self._asked) >= self._most:
                raise OSError(errno.EAGAIN, "too many names are being asked for")
            self._asked[key] = self._ask(key)
        return await asyncio.shield(self._asked[key])

    @override
    async def close(self) -> None:
        """Leave the threads alone: they end with what they ask for, or with the process."""

    def _ask(self, key: tuple[str, int, int]) -> "asyncio.Future[list[ResolveResult]]":
        loop, found = asyncio.get_running_loop(), asyncio.get_running_loop().create_future()

        def tell(addresses: list[ResolveResult] | BaseException) -> None:
            del self._asked[key]
            if isinstance(addresses, BaseException):
                found.set_exception(addresses)
                found.exception()  # so that it counts as seen, should every request for it have ended
            else:
                found.set_result(addresses)

        def ask() -> None:
            answer = _addresses(*key)
            with suppress(RuntimeError):  # the event loop has ended
                loop.call_soon_threadsafe(tell, answer)

        threading.Thread(target=ask, name="name of a receiver", daemon=True).start()
        return found


def _addresses(host: str, port: int, family: int) -> list[ResolveResult] | Exception:
    """What the system says a name stands for, or the error; blocks."""
    try:
        found = socket.getaddrinfo(host, port, family, socket.SOCK_STREAM, 0, socket.AI_ADDRCONFIG)
    except Exception as error:  # noqa: BLE001 - raised where the answer is waited for
        return error
    numeric = socket.AI_NUMERICHOST | socket.AI_NUMERICSERV
    return [
        ResolveResult(hostname=host, host=str(where[0]), port=port, family=kind, proto=proto, flags=numeric)
        for kind, _, proto, _, where in found
    ]


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
