"""Pictures as they arrive from the provider's media hosts: counted, hashed, and checked to their end."""

import asyncio
import hashlib
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager
from http import HTTPStatus
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Final

import httpx

from imagegen.errors import ForeignMediaHost, MediaGone, PictureTooLarge, TransferError, TransferInterrupted
from imagegen.storage.content_decoding import decoded_chunks
from imagegen.storage.picture_ends import EndWatch, watch
from imagegen.storage.pictures import HEAD_BYTES, Picture, recognise_head, with_late_exif

_TIMEOUT: Final = httpx.Timeout(60, connect=10)
_MOST_REDIRECTS: Final = 3
_GONE: Final = {HTTPStatus.NOT_FOUND, HTTPStatus.GONE}
Digest = tuple[int, str]


class Media:
    """The provider's media hosts; nothing else is ever contacted.

    Args:
        transport: shared; it is not closed here.
        hosts: `v3.fal.media` or `127.0.0.1:8000` exactly as the URL has it, `.fal.media` for every host below it; over
            https, or over plain http where the entry says so: `http://127.0.0.1:8000`.
        limit: bytes of the largest picture.
    """

    def __init__(self, transport: httpx.AsyncBaseTransport, hosts: frozenset[str], limit: int) -> None:
        self.limit = limit
        self._hosts = hosts
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
            MediaGone: 404 or 410.
            TransferInterrupted: no connection, or another answer than 200.
            PictureTooLarge: by its Content-Length.
        """
        async with aclosing(await self._answer(url)) as response:
            status, host = response.status_code, response.url.host
            if status in _GONE:
                raise MediaGone(f"{host} answered {status}")
            if status != HTTPStatus.OK:
                raise TransferInterrupted(f"{host} answered {status}")
            yield Download(response, self.limit, lambda: self._digest(url))

    async def _digest(self, url: str) -> Digest | None:
        """Size and SHA-256 of what the URL leads to now, None if it cannot be fetched."""
        try:
            async with self.open(url) as download:
                return await download.drain()
        except TransferError:
            return None

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
        failure: what `read` raised, for the reader that finds the upload broken.
    """

    def __init__(self, response: httpx.Response, limit: int, again: Callable[[], Awaitable[Digest | None]]) -> None:
        self.length = _declared_length(response)
        self.size = 0
        self.failure: TransferError | None = None
        self._has_framing = "Content-Length" in response.headers or "Transfer-Encoding" in response.headers
        self._host = response.url.host
        self._chunks = decoded_chunks(response)
        self._limit, self._again = limit, again
        self._head: deque[bytes] = deque()
        self._held = b""
        self._received = 0
        self._is_over = False
        self._sha256 = hashlib.sha256()
        self._end: EndWatch | None = None
        if self.length is not None:
            self._require_size(self.length)

    @property
    def ends_by_closing(self) -> bool:
        """Whether only the end of the connection tells the end of the bytes."""
        return not self._has_framing

    @property
    def sha256(self) -> str:
        """Hexadecimal digest of the bytes given out so far."""
        return self._sha256.hexdigest()

    async def recognise(self) -> Picture | None:
        """Read up to 256 KiB ahead and say what picture this is; None if that takes the whole file.

        Raises:
            TransferInterrupted: the bytes broke off.
        """
        arrived = 0
        while arrived < HEAD_BYTES and (chunk := await self._receive()):
            self._head.append(chunk)
            arrived += len(chunk)
        picture = await asyncio.to_thread(recognise_head, b"".join(self._head))
        self._end = watch(picture.content_type, picture.pixels_at) if picture else None
        return picture

    def described(self, picture: Picture) -> Picture:
        """What is known of the picture at the end of its bytes."""
        return with_late_exif(picture, self._end) if self._end else picture

    async def read(self) -> bytes:
        """Give out the next bytes, nothing at the end.

        The last bytes are held back until the picture is known to be whole: an upload of a declared length that lacks
        them is refused by S3, so that no broken picture is ever stored.

        Raises:
            TransferInterrupted: the bytes broke off, or others came when they were fetched again.
            PictureTooLarge: more came than allowed.
        """
        try:
            given = b""
            while not given and not self._is_over:
                given, self._held = self._held, await self._next()
                if not self._held:
                    await self._require_whole(given)
                    self._is_over = True
        except TransferError as error:
            self.failure = error
            raise
        self.size += len(given)
        self._sha256.update(given)
        return given

    async def drain(self) -> Digest:
        """Read everything and keep nothing; how many bytes it was, and their digest."""
        while chunk := await self._next():
            self.size += len(chunk)
            self._sha256.update(chunk)
        return self.size, self.sha256

    async def confirm(self) -> None:
        """Fetch the picture once more, because it ends oddly: the same bytes are what there is.

        Raises:
            TransferInterrupted: the second time other bytes came, or none where HTTP does not tell the end either.
        """
        await self._confirm((self.size, self.sha256))

    async def _confirm(self, digest: Digest) -> None:
        again = await self._again()
        if again != digest and (again is not None or not self._has_framing):
            raise TransferInterrupted(f"{self._host} sent {digest[0]} bytes, and the picture's end is missing")

    async def _next(self) -> bytes:
        chunk = self._head.popleft() if self._head else await self._receive()
        self._received += len(chunk)
        self._require_size(self._received)
        if self._end is not None:
            self._end.feed(chunk)
        return chunk

    async def _receive(self) -> bytes:
        try:
            return await anext(self._chunks, b"")
        except httpx.HTTPError as error:
            raise TransferInterrupted(f"{self._host} broke off ({type(error).__name__})") from error

    def _require_size(self, size: int) -> None:
        if size > self._limit:
            raise PictureTooLarge(f"the picture has more than {self._limit} bytes (IMAGEGEN_MAX_IMAGE_BYTES)")

    async def _require_whole(self, last: bytes) -> None:
        """HTTP tells where the bytes end; where the picture itself says otherwise, they are fetched again."""
        if self._received == 0 and not self._has_framing:
            raise TransferInterrupted(f"{self._host} sent nothing")
        if self.length not in {None, self._received}:
            raise TransferInterrupted(f"{self._host} sent {self._received} of {self.length} bytes")
        if self._end is not None and not self._end.reached:
            whole = self._sha256.copy()
            whole.update(last)
            await self._confirm((self._received, whole.hexdigest()))


def _declared_length(response: httpx.Response) -> int | None:
    """The picture's length, None where the host does not say; of an encoded body it says something else."""
    length = response.headers.get("Content-Length", "")
    if response.headers.get("Content-Encoding", "identity") != "identity" or not length.isdecimal():
        return None
    return int(length)
