"""Pictures as they arrive from the provider's media hosts: counted, hashed, and checked to their end."""

import asyncio
import hashlib
from collections import deque
from collections.abc import AsyncGenerator
from contextlib import aclosing, asynccontextmanager
from http import HTTPStatus
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Final

import httpx

from imagegen.errors import ForeignMediaHost, PictureTooLarge, TransferError, TransferInterrupted
from imagegen.storage.pictures import HEAD_BYTES, EndWatch, Picture, recognise

_TIMEOUT: Final = httpx.Timeout(60, connect=10)
_MOST_REDIRECTS: Final = 3


class Media:
    """The provider's media hosts; nothing else is ever contacted.

    Args:
        transport: shared; it is not closed here.
        hosts: `v3.fal.media` or `127.0.0.1:8000` exactly as the URL has it, `.fal.media` for every host below it; over
            https, or over plain http where the entry says so: `http://127.0.0.1:8000`.
        limit: bytes of the largest picture.
    """

    def __init__(self, transport: httpx.AsyncBaseTransport, hosts: frozenset[str], limit: int) -> None:
        self._hosts = hosts
        self._limit = limit
        self._client = httpx.AsyncClient(
            transport=transport,
            timeout=_TIMEOUT,
            headers={"Accept": "image/*", "Accept-Encoding": "identity"},
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
        )

    @asynccontextmanager
    async def open(self, url: str) -> AsyncGenerator["Download"]:
        """Ask for a picture, and give its connection back at the end, however much was read.

        Raises:
            ForeignMediaHost: the URL, or one that it redirects to, leads elsewhere; that host was not contacted.
            TransferInterrupted: no connection, or an answer other than 200.
            PictureTooLarge: by its Content-Length.
        """
        async with aclosing(await self._answer(url)) as response:
            if response.status_code != HTTPStatus.OK:
                raise TransferInterrupted(f"{response.url.host} answered {response.status_code}")
            yield Download(response, self._limit)

    async def _answer(self, url: str) -> httpx.Response:
        target = self._checked(url)
        for _ in range(1 + _MOST_REDIRECTS):
            # Built anew at each hop: httpx's own `next_request` has a stream, which this transport sends as a body.
            response = await self._send(self._client.build_request("GET", target))
            if response.next_request is None:
                return response
            await response.aclose()
            target = response.next_request.url
            self._check(target)
        raise TransferInterrupted(f"{target.host} redirects too often")

    async def _send(self, request: httpx.Request) -> httpx.Response:
        try:
            return await self._client.send(request, stream=True)
        except httpx.HTTPError as error:
            raise TransferInterrupted(f"{request.url.host} cannot be reached ({type(error).__name__})") from error

    def _checked(self, url: str) -> httpx.URL:
        """Parse with the parser that the request is made with: two of them may disagree about the host."""
        try:
            parsed = httpx.URL(url)
        except httpx.InvalidURL as error:
            raise ForeignMediaHost("the picture's address is not a URL") from error
        self._check(parsed)
        return parsed

    def _check(self, url: httpx.URL) -> None:
        host = url.netloc.decode("ascii")
        names = {host, *(host[at:] for at, character in enumerate(host) if at and character == ".")}
        prefix = {"https": "", "http": "http://"}.get(url.scheme)
        if url.userinfo or prefix is None or self._hosts.isdisjoint(prefix + name for name in names):
            raise ForeignMediaHost(f"{url.scheme}://{host} is not one of the provider's media hosts")


class Download:
    """One picture on its way.

    Attributes:
        length: bytes to come, where the host says so; they may still end early.
        size: bytes given out by `read` so far.
        failure: what `read` raised, for whoever finds the reading end broken.
    """

    def __init__(self, response: httpx.Response, limit: int) -> None:
        self.length = _declared_length(response)
        self.size = 0
        self.failure: TransferError | None = None
        self._host = response.url.host
        self._chunks = response.aiter_bytes()
        self._limit = limit
        self._head: deque[bytes] = deque()
        self._held = b""
        self._sha256 = hashlib.sha256()
        self._end: EndWatch | None = None
        if self.length is not None:
            self._require_size(self.length)

    @property
    def sha256(self) -> str:
        """Hexadecimal digest of the bytes given out so far."""
        return self._sha256.hexdigest()

    async def recognise(self) -> Picture:
        """Read up to 256 KiB ahead and say what picture this is.

        Raises:
            NotAPicture: the bytes are none.
            TransferInterrupted: they broke off.
        """
        arrived = 0
        while arrived < HEAD_BYTES and (chunk := await self._receive()):
            self._head.append(chunk)
            arrived += len(chunk)
        if arrived == 0 and self.length is None:
            raise TransferInterrupted(f"{self._host} sent nothing")
        head = b"".join(self._head)
        picture = await asyncio.to_thread(recognise, head, whole=arrived < HEAD_BYTES)
        self._end = EndWatch(picture.end)
        return picture

    async def read(self) -> bytes:
        """Give out the next bytes, nothing at the end.

        The last bytes are held back until the picture is known to be whole: an upload of a declared length that lacks
        them is refused by S3, so that no broken picture is ever stored.

        Raises:
            TransferInterrupted: the bytes broke off, or their end is missing.
            PictureTooLarge: more came than allowed.
        """
        try:
            given = b""
            while not given:
                given, self._held = self._held, await self._next()
                if not self._held:
                    self._require_whole()
                    break
        except TransferError as error:
            self.failure = error
            raise
        self.size += len(given)
        self._sha256.update(given)
        return given

    async def _next(self) -> bytes:
        chunk = self._head.popleft() if self._head else await self._receive()
        assert self._end is not None, "a picture is recognised before it is read"
        self._end.feed(chunk)
        self._require_size(self._end.size)
        return chunk

    async def _receive(self) -> bytes:
        try:
            return await anext(self._chunks, b"")
        except httpx.HTTPError as error:
            raise TransferInterrupted(f"{self._host} broke off ({type(error).__name__})") from error

    def _require_size(self, size: int) -> None:
        if size > self._limit:
            raise PictureTooLarge(f"the picture has more than {self._limit} bytes (IMAGEGEN_MAX_IMAGE_BYTES)")

    def _require_whole(self) -> None:
        assert self._end is not None
        if not self._end.reached or self.length not in {None, self._end.size}:
            raise TransferInterrupted(f"{self._host} sent {self._end.size} bytes, and the picture's end is missing")


def _declared_length(response: httpx.Response) -> int | None:
    """The picture's length, None where the host does not say; of an encoded body it says something else."""
    length = response.headers.get("Content-Length", "")
    if response.headers.get("Content-Encoding", "identity") != "identity" or not length.isdecimal():
        return None
    return int(length)
