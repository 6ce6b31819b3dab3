"""Transferring an image from the provider to the bucket: streamed if its first bytes identify it, else through a file.

A file of any other type can only be identified as a whole, so it is kept on disk meanwhile, within a budget of its own.
"""

import asyncio
import hashlib
import io
import tempfile
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from typing import IO, Final

from imagegen.data_uris import MalformedDataUri, is_data_uri, read_data_uri
from imagegen.errors import ImageTooLarge, NotAnImage, TransferInterrupted
from imagegen.jobs import StoredImage
from imagegen.observability.metrics import Metrics
from imagegen.storage.images.bucket import Bucket
from imagegen.storage.images.download import Download, MediaHosts
from imagegen.storage.images.end_detection import detect_end
from imagegen.storage.images.memory import ImageMemory
from imagegen.storage.images.multipart import PART_BYTES, WHOLE_BYTES
from imagegen.storage.images.object_writer import UploadTarget, upload, upload_file
from imagegen.storage.images.sniffing import HEAD_BYTES, UNKNOWN, ImageInfo, identify

_LONGEST_TRANSFER: Final = 15 * 60.0
# Besides the head of an image, a transfer holds the buffers of its two connections.
_STREAM_BYTES: Final = HEAD_BYTES + 256 * 1024
_MAX_FILES: Final = 4  # of the largest size


class Transfers:
    """Transfers images.

    Args:
        bucket: the destination.
        media: the source.
        memory: the budget of all transfers.
        metrics: counts the bytes.
    """

    def __init__(self, bucket: Bucket, media: MediaHosts, memory: ImageMemory, metrics: Metrics) -> None:
        self._bucket, self._media, self._memory, self._metrics = bucket, media, memory, metrics
        self._disk = ImageMemory(_MAX_FILES * media.limit)

    async def transfer(
        self, url: str, key_stem: str, *, metadata: Mapping[str, str], keep_unknown: bool = True
    ) -> StoredImage:
        """Transfer one image to `{key_stem}.{ext}`. Memory does not grow with its size, and a failure leaves no object.

        Args:
            url: at a media host, or a data URI.
            key_stem: the object's key without the extension.
            metadata: stored with the object.
            keep_unknown: also store bytes that no decoder opens, as `application/octet-stream`.

        Raises:
            ForeignMediaHost: the URL is on another host; it was not fetched.
            NotAnImage: there are no bytes, or no decoder opens them.
            ImageTooLarge: it has more than `IMAGEGEN_MAX_IMAGE_BYTES`.
            MediaGone: the media host responded with 404 or 410.
            TransferInterrupted: it broke off, was refused for now, or took longer than 15 minutes.
            ObjectStoreUnavailable: S3 did not accept it.
        """
        request = _TransferRequest(key_stem, metadata, keep_unknown=keep_unknown)
        try:
            async with asyncio.timeout(_LONGEST_TRANSFER):
                if is_data_uri(url):
                    return await self._store_inline(url, request)
                async with self._media.open(url) as download, self._counted(download):
                    return await self._store_download(download, request)
        except TimeoutError as error:
            raise TransferInterrupted("transferring the image took longer than 15 minutes") from error

    async def _store_download(self, download: Download, request: "_TransferRequest") -> StoredImage:
        async with self._memory.reserve(_memory_for(download.length)):
            info = await download.identify()
            if info is not None:
                target = request.target(info)
                await upload(self._bucket, download, target)
                return _stored(target.key, download.with_late_metadata(info), download)
        async with self._disk.reserve(download.length or self._media.limit):
            return await self._store_through_file(download, request)

    async def _store_through_file(self, download: Download, request: "_TransferRequest") -> StoredImage:
        with await asyncio.to_thread(tempfile.TemporaryFile) as file:
            async with self._memory.reserve(_STREAM_BYTES):
                while chunk := await download.read():
                    await asyncio.to_thread(file.write, chunk)
            async with self._memory.reserve(download.size):
                info, has_ended = await asyncio.to_thread(_examine, file)
                if not has_ended or (info is UNKNOWN and download.ends_by_closing):
                    await download.confirm_by_refetch()
                return await self._store_file(file, info, download, request)

    async def _store_inline(self, uri: str, request: "_TransferRequest") -> StoredImage:
        if len(uri) > 4 * self._media.limit:
            raise ImageTooLarge("the image's data URI is too large (IMAGEGEN_MAX_IMAGE_BYTES)")
        async with self._memory.reserve(2 * len(uri)):
            inline = await asyncio.to_thread(_InlineImage, uri)
            if inline.size > self._media.limit:
                raise ImageTooLarge(f"the image has more than {self._media.limit} bytes (IMAGEGEN_MAX_IMAGE_BYTES)")
            info = await asyncio.to_thread(identify, inline.file)
            return await self._store_file(inline.file, info, inline, request)

    async def _store_file(
        self, file: IO[bytes], info: ImageInfo, origin: "Download | _InlineImage", request: "_TransferRequest"
    ) -> StoredImage:
        if origin.size == 0:
            raise NotAnImage("the image is empty: it has no bytes")
        if info is UNKNOWN and not request.keep_unknown:
            raise NotAnImage("no decoder opens the bytes that were delivered")
        target = request.target(info)
        await upload_file(self._bucket, file, origin.size, target)
        return _stored(target.key, info, origin)

    @asynccontextmanager
    async def _counted(self, download: Download) -> AsyncGenerator[None]:
        """Count the bytes that were read, and those that were stored."""
        try:
            yield
            self._metrics.add_transferred_bytes("to_s3", download.size)
        finally:
            self._metrics.add_transferred_bytes("from_fal", download.size)


class _TransferRequest:
    """The destination of one transfer."""

    def __init__(self, key_stem: str, metadata: Mapping[str, str], *, keep_unknown: bool) -> None:
        self.keep_unknown = keep_unknown
        self._stem, self._metadata = key_stem, metadata

    def target(self, info: ImageInfo) -> UploadTarget:
        return UploadTarget(f"{self._stem}.{info.extension}", info.content_type, self._metadata)


class _InlineImage:
    """An image in a data URI. Decoding blocks."""

    def __init__(self, uri: str) -> None:
        try:
            content = read_data_uri(uri)
        except MalformedDataUri as error:
            raise NotAnImage(f"the image's data URI cannot be read: {error}") from error
        self.size, self.sha256 = len(content), hashlib.sha256(content).hexdigest()
        self.file = io.BytesIO(content)


def _memory_for(length: int | None) -> int:
    """The bytes that a download of this length holds in memory while it is uploaded."""
    if length is None:
        return PART_BYTES
    return 2 * length if length <= WHOLE_BYTES else _STREAM_BYTES


def _examine(file: IO[bytes]) -> tuple[ImageInfo, bool]:
    """Identify a whole file, and whether it ends as its format prescribes."""
    info = identify(file)
    return info, detect_end(file, info.content_type, info.pixels_at).has_ended


def _stored(key: str, info: ImageInfo, origin: "Download | _InlineImage") -> StoredImage:
    return StoredImage(
        key=key,
        content_type=info.content_type,
        width=info.width,
        height=info.height,
        size_bytes=origin.size,
        sha256=origin.sha256,
    )
