"""HTTP requests to fal and to its media hosts, over aiohttp itself.

httpx over the same connections costs two to four times as much CPU per request, and every job makes four.
Redirects are not followed, cookies are not kept, and only `chunks_of` decompresses.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import timedelta
from functools import lru_cache
from typing import Final, Protocol

from aiohttp import ClientTimeout
from yarl import URL

from imagegen.net.content_decoding import decoded_chunks
from imagegen.observability.tracing import Attributes

MAX_ERROR_BYTES: Final = 2**20
_CONNECT: Final = timedelta(seconds=5)  # as fal-client allows for fal's own domains
_PIECE: Final = 64 * 1024
_PORTS: Final = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A request that is to be sent.

    Attributes:
        method: such as GET.
        url: parsed once, so that the host which is checked is the host which is called.
        timeout: see `client_timeout`.
        headers: all but Host and those of the body's framing.
        content: the body.
    """

    method: str
    url: URL
    timeout: ClientTimeout
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    content: bytes | None = None


class Body(Protocol):
    """A body that is arriving; aiohttp's StreamReader is one."""

    async def read(self, n: int = -1, /) -> bytes:
        """Up to `n` of the bytes that have arrived, at least one; empty at the end."""
        ...


class _Statuses:
    """What a status means."""

    __slots__ = ()
    status_code: int

    @property
    def is_success(self) -> bool:
        """Whether the status is 2xx."""
        return 200 <= self.status_code < 300  # noqa: PLR2004 - by definition

    @property
    def is_client_error(self) -> bool:
        """Whether the status is 4xx."""
        return 400 <= self.status_code < 500  # noqa: PLR2004 - by definition


@dataclass(frozen=True, slots=True)
class Incoming(_Statuses):
    """The head of a response, with its body still to be read.

    Attributes:
        status_code: as sent.
        headers: their names in any case.
        encodings: of the body, as `encodings_in` returns them.
        body: as sent, compressed or not.
        release: gives the connection back, or closes it if the body was not read to its end.
    """

    status_code: int
    headers: Mapping[str, str]
    encodings: tuple[str, ...]
    body: Body
    release: Callable[[], object]


@dataclass(frozen=True, slots=True)
class Response(_Statuses):
    """A response with its body, decompressed.

    Attributes:
        status_code: as sent.
        headers: their names in any case.
        content: the body.
        is_truncated: the body was longer than the reader allowed; `content` is its beginning.
    """

    status_code: int
    headers: Mapping[str, str]
    content: bytes = b""
    is_truncated: bool = False


class Sender(Protocol):
    """Sends requests: a pool of connections, or what wraps one."""

    async def send(self, request: Request) -> Incoming:
        """Send a request and return the head of its response; the caller must call `Incoming.release`.

        Raises:
            aiohttp.ClientError: there is no response.
            OSError: the same.
        """
        ...


@lru_cache(maxsize=64)
def client_timeout(limit: timedelta) -> ClientTimeout:
    """Timeouts of a request that may take `limit` in all.

    Getting a connection may take a third of it, because only a request without a connection certainly was not sent:
    so there is time for a second try, on fal's other domain, and for the response to that.
    """
    seconds = limit.total_seconds()
    connect = seconds / 3
    return ClientTimeout(connect=connect, sock_connect=min(_CONNECT.total_seconds(), connect), sock_read=seconds)


async def fetch(sender: Sender, request: Request, limit: timedelta, most: int) -> Response:
    """Send a request and read its whole response within `limit`.

    At most `most` bytes of a success are read, and `MAX_ERROR_BYTES` of any other response.

    Raises:
        aiohttp.ClientError: there is no whole response.
        OSError: the same; TimeoutError is one.
    """
    async with asyncio.timeout(limit.total_seconds()):
        incoming = await sender.send(request)
        try:
            return await read_response(incoming, most if incoming.is_success else MAX_ERROR_BYTES)
        finally:
            incoming.release()


async def read_response(incoming: Incoming, most: int) -> Response:
    """The response with the first `most` bytes of its decompressed body; the rest is left unread."""
    content = bytearray()
    async with aclosing(chunks_of(incoming)) as chunks:
        async for chunk in chunks:
            content += chunk[: most - len(content)]
            if len(content) == most:
                break
    return Response(incoming.status_code, incoming.headers, bytes(content), is_truncated=len(content) == most)


def chunks_of(incoming: Incoming, *, strict: bool = False) -> AsyncGenerator[bytes]:
    """The body as it arrives, in decompressed pieces of at most 64 KiB.

    The iterator raises `DamagedBody`, a ClientPayloadError, as `decoded_chunks` describes.
    """
    raw = _raw_chunks(incoming.body)
    return decoded_chunks(raw, incoming.encodings, strict=strict) if incoming.encodings else raw


async def _raw_chunks(body: Body) -> AsyncGenerator[bytes]:
    while chunk := await body.read(_PIECE):
        yield chunk


def span_attributes(method: str, url: URL) -> Attributes:
    """OpenTelemetry's attributes of a request, without `url.full`: the paths of images and receivers are secrets."""
    return {
        "http.request.method": method,
        "server.address": url.host or "",
        "server.port": url.port or _PORTS.get(url.scheme, 0),
        "url.scheme": url.scheme,
    }
