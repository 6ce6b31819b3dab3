"""The pool of connections of a process to fal and to its media hosts."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from typing import Final
from urllib.request import getproxies, proxy_bypass

import aiohttp
from yarl import URL

from imagegen.net.allowed_hosts import is_loopback
from imagegen.net.content_decoding import encodings_in
from imagegen.net.http import Incoming, Request, span_attributes
from imagegen.net.tls import tls_context
from imagegen.observability.tracing import HEADER, SpanKind, set_error, span, traceparent_of

# A server may close an idle connection at the very moment a POST goes out on it, and it is then unknown whether the
# POST was read. So a connection may idle for less than the shortest keep-alive in use (3 s).
KEEPALIVE_SECONDS: Final = 2.0
_HEADERS: Final = {"Accept-Encoding": "identity"}  # a few compressed bytes could decode to very many
_ERRORS: Final = 400  # the lowest status of an error


@asynccontextmanager
async def open_pool(connections: int) -> AsyncGenerator["Pool"]:
    """Open the pool that all calls of the process share.

    The environment's proxies are used, except for loopback addresses. `.netrc` is not: aiohttp would send a password
    from it to whatever host it names, and refuse requests that carry their own Authorization.

    Args:
        connections: how many may be open at once; further requests wait for a free one.
    """
    connector = aiohttp.TCPConnector(limit=connections, keepalive_timeout=KEEPALIVE_SECONDS, ssl=tls_context())
    proxies = {scheme: _Proxy(url) for scheme, url in getproxies().items() if scheme in {"http", "https"}}
    jar = aiohttp.DummyCookieJar()
    async with aiohttp.ClientSession(connector=connector, cookie_jar=jar, headers=_HEADERS) as session:
        yield Pool(session, proxies)


class _Proxy:
    """A proxy from the environment, with its user and password apart."""

    def __init__(self, address: str) -> None:
        url = URL(address if "://" in address else f"http://{address}")
        self.url = url.with_user(None)  # aiohttp would repeat the password in its errors
        self.headers: dict[str, str] = {}
        if url.user is not None:
            self.headers["Proxy-Authorization"] = aiohttp.encode_basic_auth(url.user, url.password or "")


class Pool:
    """Sends requests over shared connections; each is a span, and continues the current trace."""

    def __init__(self, session: aiohttp.ClientSession, proxies: Mapping[str, _Proxy]) -> None:
        self._session, self._proxies = session, proxies

    async def send(self, request: Request) -> Incoming:
        """Send a request, as `Sender.send` describes."""
        with span(request.method, SpanKind.CLIENT, span_attributes(request.method, request.url)) as sending:
            traceparent = traceparent_of(sending)
            headers = {**request.headers, HEADER: traceparent} if traceparent else request.headers
            response = await self._send(request, headers)
            sending.set_attributes({"http.response.status_code": response.status})
            if response.status >= _ERRORS:
                set_error(sending, str(response.status))
        encodings = encodings_in(response.headers.getall("Content-Encoding", ()))
        return Incoming(response.status, response.headers, encodings, response.content, response.release)

    async def _send(self, request: Request, headers: Mapping[str, str]) -> aiohttp.ClientResponse:
        proxy = self._proxy_for(request.url)
        tunnels = request.url.scheme == "https"
        if proxy is not None and not tunnels:
            headers = {**headers, **proxy.headers}
        return await self._session.request(
            request.method,
            request.url,
            headers=headers,
            data=request.content,
            allow_redirects=False,
            auto_decompress=False,
            timeout=request.timeout,
            proxy=proxy.url if proxy else None,
            proxy_headers=proxy.headers if proxy and tunnels else None,
        )

    def _proxy_for(self, url: URL) -> _Proxy | None:
        proxy = self._proxies.get(url.scheme) if self._proxies else None
        host = url.raw_host or ""
        return None if proxy is None or is_loopback(host) or proxy_bypass(host) else proxy
