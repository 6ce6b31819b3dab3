"""The httpx transport to addresses that callers choose, which checks each IP address it connects to.

httpx's own pool collapses under a few hundred requests in flight; the `httpx-aiohttp` transport does not.
"""

import asyncio
import errno
import socket
import threading
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, suppress

import aiohttp
import httpx
from aiohttp.abc import AbstractResolver, ResolveResult
from httpx_aiohttp import AiohttpTransport
from typing_extensions import override
from yarl import URL

from imagegen.net.http import span_attributes
from imagegen.net.tls import tls_context
from imagegen.observability.tracing import HEADER, SpanKind, set_error, span, traceparent_of


class ForbiddenAddress(OSError):
    """The connection was not opened, because its address is not allowed."""


@asynccontextmanager
async def open_guarded_transport(
    connections: int, may_connect: Callable[[str], bool], resolver: AbstractResolver | None = None
) -> AsyncGenerator[httpx.AsyncBaseTransport]:
    """Open a pool for addresses that callers choose.

    The check is made on the IP address that a socket is about to connect to, so the DNS cannot return another one in
    between. A name is resolved once for each request, connections are not reused, and there are no proxies and no
    cookies. TLS and the header Host keep the name.

    Args:
        connections: how many may be open at once.
        may_connect: whether an IP address is allowed; if it is not, the request fails (see `was_forbidden`).
        resolver: replaces the system's resolver, which is called in a thread for each name.
    """

    def guarded_socket(address: tuple[int, int, int, str, tuple[object, ...]]) -> socket.socket:
        family, kind, protocol, _, target = address
        if not may_connect(str(target[0])):
            raise ForbiddenAddress("the address is not public")
        return socket.socket(family, kind, protocol)

    tls = tls_context()
    connector = aiohttp.TCPConnector(
        limit=connections,
        force_close=True,
        ssl=tls,
        use_dns_cache=False,
        resolver=resolver or ThreadedResolver(),
        socket_factory=guarded_socket,
    )
    async with aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar()) as session:
        yield GuardedTransport(AiohttpTransport(client=session, verify=tls))


class ThreadedResolver(AbstractResolver):
    """Resolves names with the system's `getaddrinfo`, in a daemon thread for each name.

    `getaddrinfo` can block for half a minute and cannot be stopped. In the event loop's own few threads, names that
    callers choose would hold up all other work there, and the end of the process.
    """

    def __init__(self, most: int = 512) -> None:
        self._most = most
        self._pending: dict[tuple[str, int, int], asyncio.Future[list[ResolveResult]]] = {}

    @override
    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        key = (host, port, family)
        if key not in self._pending:
            if len(self._pending) >= self._most:
                raise OSError(errno.EAGAIN, "too many names are being resolved")
            self._pending[key] = self._start(key)
        return await asyncio.shield(self._pending[key])

    @override
    async def close(self) -> None:
        """Leave the threads running: they end with their lookup, or with the process."""

    def _start(self, key: tuple[str, int, int]) -> "asyncio.Future[list[ResolveResult]]":
        loop, found = asyncio.get_running_loop(), asyncio.get_running_loop().create_future()

        def finish(addresses: list[ResolveResult] | BaseException) -> None:
            del self._pending[key]
            if isinstance(addresses, BaseException):
                found.set_exception(addresses)
                found.exception()  # marks it as retrieved, in case every request for it has ended
            else:
                found.set_result(addresses)

        def look_up() -> None:
            addresses = _addresses(*key)
            with suppress(RuntimeError):  # the event loop has ended
                loop.call_soon_threadsafe(finish, addresses)

        threading.Thread(target=look_up, name="name of a receiver", daemon=True).start()
        return found


def _addresses(host: str, port: int, family: int) -> list[ResolveResult] | Exception:
    """The addresses of a name, or the error; blocks."""
    try:
        found = socket.getaddrinfo(host, port, family, socket.SOCK_STREAM, 0, socket.AI_ADDRCONFIG)
    except Exception as error:  # noqa: BLE001 - raised by the future that `resolve` awaits
        return error
    numeric = socket.AI_NUMERICHOST | socket.AI_NUMERICSERV
    return [
        ResolveResult(hostname=host, host=str(target[0]), port=port, family=kind, proto=proto, flags=numeric)
        for kind, _, proto, _, target in found
    ]


def was_forbidden(error: httpx.HTTPError) -> bool:
    """Whether a request failed because no address of its host is allowed."""
    cause = error.__cause__
    return isinstance(cause, aiohttp.ClientConnectorError) and isinstance(cause.os_error, ForbiddenAddress)


class GuardedTransport(httpx.AsyncBaseTransport):
    """A transport that a client does not close. Each request is a span, and continues the current trace.

    Every error it raises is httpx's own, with aiohttp's as `__cause__`.
    """

    def __init__(self, transport: AiohttpTransport) -> None:
        self._transport = transport

    @override
    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        attributes = span_attributes(request.method, URL(str(request.url)))
        with span(request.method, SpanKind.CLIENT, attributes) as sending:
            if traceparent := traceparent_of(sending):
                request.headers[HEADER] = traceparent
            response = await self._send(request)
            sending.set_attributes({"http.response.status_code": response.status_code})
            if response.is_error:
                set_error(sending, str(response.status_code))
            return response

    async def _send(self, request: httpx.Request) -> httpx.Response:
        try:
            return await self._transport.handle_async_request(request)
        except aiohttp.ClientError as error:  # httpx-aiohttp lets some through, such as a response that is not HTTP
            raise httpx.RemoteProtocolError(str(error), request=request) from error

    @override
    async def aclose(self) -> None:
        """Leave the pool open: `open_guarded_transport` closes it."""
