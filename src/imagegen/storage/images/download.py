"""Downloading images from the provider's media hosts: counted, hashed, and checked for completeness."""

import asyncio
import hashlib
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Final

from aiohttp import ClientError, ClientTimeout
from yarl import URL

from imagegen.errors import ForeignMediaHost, ImageTooLarge, MediaGone, TransferError, TransferInterrupted
from imagegen.net.allowed_hosts import host_and_port, is_allowed
from imagegen.net.http import Incoming, Request, Sender, chunks_of
from imagegen.storage.images.end_detection import EndDetector, end_detector_for
from imagegen.storage.images.sniffing import HEAD_BYTES, ImageInfo, identify_head, with_late_exif

_TIMEOUT: Final = ClientTimeout(connect=60, sock_connect=10, sock_read=60)
_HEADERS: Final = {"Accept": "image/*"}
_MOST_REDIRECTS: Final = 3
_REDIRECTS: Final = {301, 302, 303, 307, 308}
_GONE: Final = {HTTPStatus.NOT_FOUND, HTTPStatus.GONE}
Digest = tuple[int, str]


class MediaHosts:
    """Fetches images from the provider's media hosts, and contacts no other host.

    Args:
        sender: sends the requests.
        hosts: in the form that `is_allowed` describes, such as `.fal.media` or `http://127.0.0.1:8000`.
        limit: the size of the largest image, in bytes.
    """

    def __init__(self, sender: Sender, hosts: frozenset[str], limit: int) -> None:
        self.limit = limit
        self._sender, self._hosts = sender, hosts

    @asynccontextmanager
    async def open(self, url: str) -> AsyncGenerator["Download"]:
        """Request an image; its connection is released at the end of the block, however much was read.

        Raises:
            ForeignMediaHost: the URL, or one that it redirects to, is on another host, which was not contacted.
            MediaGone: 404 or 410.
            TransferInterrupted: no connection, or another status than 200.
            ImageTooLarge: by its Content-Length.
        """
        incoming, host = await self._get(url)
        try:
            if incoming.status_code in _GONE:
                raise MediaGone(f"{host} answered {incoming.status_code}")
            if incoming.status_code != HTTPStatus.OK:
                raise TransferInterrupted(f"{host} answered {incoming.status_code}")
            yield Download(incoming, host, self.limit, lambda: self._digest(url))
        finally:
            incoming.release()

    async def _digest(self, url: str) -> Digest | None:
        """Size and SHA-256 of the URL's current content; None if it cannot be fetched."""
        try:
            async with self.open(url) as download:
                return await download.drain()
        except TransferError:
            return None

    async def _get(self, url: str) -> tuple[Incoming, str]:
        """The response, and the host that sent it. Follows redirects within the media hosts."""
        target = self._parse(url)
        for _ in range(1 + _MOST_REDIRECTS):
            incoming = await self._send(target)
            if incoming.status_code not in _REDIRECTS or "Location" not in incoming.headers:
                return incoming, target.raw_host or ""
            incoming.release()
            target = self._redirected(target, incoming.headers["Location"])
        raise TransferInterrupted(f"{target.raw_host} redirects too often")

    async def _send(self, url: URL) -> Incoming:
        try:
            return await self._sender.send(Request(method="GET", url=url, headers=_HEADERS, timeout=_TIMEOUT))
        except (ClientError, OSError) as error:
            raise TransferInterrupted(f"{url.raw_host} cannot be reached ({type(error).__name__})") from error

    def _parse(self, url: str) -> URL:
        try:
            parsed = URL(url)
        except ValueError as error:
            raise ForeignMediaHost("the image's address is not a URL") from error
        self._require_allowed(parsed)
        return parsed

    def _redirected(self, url: URL, location: str) -> URL:
        try:
            target = url.join(URL(location))
        except ValueError as error:
            raise TransferInterrupted(f"{url.raw_host} redirects to what is not a URL") from error
        self._require_allowed(target)
        return target

    def _require_allowed(self, url: URL) -> None:
        if not is_allowed(url, self._hosts):
            raise ForeignMediaHost(f"{url.scheme}://{host_and_port(url)} is not one of the provider's media hosts")


class Download:
    """One image that is being downloaded.

    Attributes:
        length: its size in bytes as the host declares it, although fewer may arrive; None if it declares none.
        size: bytes returned by `read` so far.
        failure: the error that `read` raised, for the caller whose upload it breaks.
    """

    def __init__(
        self, incoming: Incoming, host: str, limit: int, refetch: Callable[[], Awaitable[Digest | None]]
    ) -> None:
        self.length = _declared_length(incoming)
        self.size = 0
        self.failure: TransferError | None = None
        self._has_framing = "Content-Length" in incoming.headers or "Transfer-Encoding" in incoming.headers
        self._host = host
        self._chunks = chunks_of(incoming, strict=True)
        self._limit, self._refetch = limit, refetch
        self._head: deque[bytes] = deque()
        self._held = b""
        self._received = 0
        self._is_over = False
        self._sha256 = hashlib.sha256()
        self._end: EndDetector | None = None
        if self.length is not None:
            self._require_size(self.length)

    @property
    def ends_by_closing(self) -> bool:
        """Whether only the end of the connection marks the end of the bytes."""
        return not self._has_framing

    @property
    def sha256(self) -> str:
        """Hexadecimal digest of the bytes returned so far."""
        return self._sha256.hexdigest()

    async def identify(self) -> ImageInfo | None:
        """Read up to 256 KiB ahead and identify the image; None if that takes the whole file.

        Raises:
            TransferInterrupted: the bytes broke off.
        """
        arrived = 0
        while arrived < HEAD_BYTES and (chunk := await self._receive()):
            self._head.append(chunk)
            arrived += len(chunk)
        info = await asyncio.to_thread(identify_head, b"".join(self._head))
        self._end = end_detector_for(info.content_type, info.pixels_at) if info else None
        return info

    def with_late_metadata(self, info: ImageInfo) -> ImageInfo:
        """The image with the metadata that were found at the end of its bytes."""
        return with_late_exif(info, self._end) if self._end else info

    async def read(self) -> bytes:
        """Return the next bytes, empty at the end.

        The last bytes are held back until the image is known to be complete: S3 refuses an upload of a declared length
        that lacks them, so no incomplete image is ever stored.

        Raises:
            TransferInterrupted: the bytes broke off, or differed when they were fetched again.
            ImageTooLarge: more bytes arrived than allowed.
        """
        try:
            chunk = b""
            while not chunk and not self._is_over:
                chunk, self._held = self._held, await self._next()
                if not self._held:
                    await self._require_complete(chunk)
                    self._is_over = True
        except TransferError as error:
            self.failure = error
            raise
        self.size += len(chunk)
        self._sha256.update(chunk)
        return chunk

    async def drain(self) -> Digest:
        """Read and discard everything; returns the number of bytes and their digest."""
        while chunk := await self._next():
            self.size += len(chunk)
            self._sha256.update(chunk)
        return self.size, self.sha256

    async def confirm_by_refetch(self) -> None:
        """Fetch the image again, because it ends unexpectedly: if the bytes are the same, it counts as complete.

        Raises:
            TransferInterrupted: the second download differed, or failed although HTTP does not mark the end either.
        """
        await self._confirm((self.size, self.sha256))

    async def _confirm(self, digest: Digest) -> None:
        second = await self._refetch()
        if second != digest and (second is not None or not self._has_framing):
            raise TransferInterrupted(f"{self._host} sent {digest[0]} bytes, and the image's end is missing")

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
        except (ClientError, OSError) as error:
            raise TransferInterrupted(f"{self._host} broke off ({type(error).__name__})") from error

    def _require_size(self, size: int) -> None:
        if size > self._limit:
            raise ImageTooLarge(f"the image has more than {self._limit} bytes (IMAGEGEN_MAX_IMAGE_BYTES)")

    async def _require_complete(self, last: bytes) -> None:
        """Check the end that HTTP declares; if the image itself seems not to end there, it is fetched again."""
        if self._received == 0 and not self._has_framing:
            raise TransferInterrupted(f"{self._host} sent nothing")
        if self.length not in {None, self._received}:
            raise TransferInterrupted(f"{self._host} sent {self._received} of {self.length} bytes")
        if self._end is not None and not self._end.has_ended:
            complete = self._sha256.copy()
            complete.update(last)
            await self._confirm((self._received, complete.hexdigest()))


def _declared_length(incoming: Incoming) -> int | None:
    """The image's size in bytes; None if the host does not declare it, or declares that of an encoded body."""
    length = incoming.headers.get("Content-Length", "")
    return int(length) if length.isdecimal() and not incoming.encodings else None
