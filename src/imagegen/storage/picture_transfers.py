"""One picture's way from the provider into the bucket: streamed where its head says what it is, else through a file.

A file of any other kind can only be recognised as a whole, so it lies on disk meanwhile, within a budget of its own.
"""

import asyncio
import hashlib
import io
import tempfile
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from typing import IO, Final

from imagegen.data_uris import MalformedDataUri, is_data_uri, read_data_uri
from imagegen.errors import NotAPicture, PictureTooLarge, TransferInterrupted
from imagegen.jobs import StoredImage
from imagegen.metrics import Metrics
from imagegen.storage.picture_download import Download, Media
from imagegen.storage.picture_ends import watch_file
from imagegen.storage.picture_memory import PictureMemory
from imagegen.storage.picture_storing import Target, store, store_file
from imagegen.storage.picture_uploads import PART_BYTES
from imagegen.storage.pictures import HEAD_BYTES, UNKNOWN, Picture, recognise
from imagegen.storage.s3 import Bucket

_LONGEST_TRANSFER: Final = 15 * 60.0
# Beside the head of a picture, a transfer holds the buffers of its two connections.
_STREAM_BYTES: Final = HEAD_BYTES + 256 * 1024
_FILES_AT_ONCE: Final = 4  # of the largest size


class Transfers:
    """Moves pictures.

    Args:
        bucket: where to.
        media: where from.
        memory: what all transfers may hold in memory.
        metrics: told of the bytes.
    """

    def __init__(self, bucket: Bucket, media: Media, memory: PictureMemory, metrics: Metrics) -> None:
        self._bucket, self._media, self._memory, self._metrics = bucket, media, memory, metrics
        self._disk = PictureMemory(_FILES_AT_ONCE * media.limit)

    async def transfer(
        self, url: str, key_stem: str, *, metadata: Mapping[str, str], keep_unknown: bool = True
    ) -> StoredImage:
        """Move one picture to `{key_stem}.{ext}`; memory does not grow with it, and a failure leaves no object.

        Args:
            url: at a media host, or a data URI.
            key_stem: of the object's key.
            metadata: kept beside it.
            keep_unknown: store also what no decoder opens, as `application/octet-stream`.

        Raises:
            ForeignMediaHost: never fetched.
            NotAPicture: no bytes at all, or of no known kind.
            PictureTooLarge: more than `IMAGEGEN_MAX_IMAGE_BYTES`.
            MediaGone: the media host says 404 or 410.
            TransferInterrupted: broken off, refused for now, or not done in 15 minutes.
            ObjectStoreUnavailable: S3 did not take it.
        """
        move = _Move(key_stem, metadata, keep_unknown=keep_unknown)
        try:
            async with asyncio.timeout(_LONGEST_TRANSFER):
                if is_data_uri(url):
                    return await self._keep_inline(url, move)
                async with self._media.open(url) as download, self._counted(download):
                    return await self._fetch(download, move)
        except TimeoutError as error:
            raise TransferInterrupted("moving the picture took longer than 15 minutes") from error

    async def _fetch(self, download: Download, move: "_Move") -> StoredImage:
        needed = PART_BYTES if download.length is None else min(download.length, _STREAM_BYTES)
        async with self._memory.reserve(needed):
            picture = await download.recognise()
            if picture is not None:
                target = move.target(picture)
                await store(self._bucket, download, target)
                return _stored(target.key, download.described(picture), download)
        async with self._disk.reserve(download.length or self._media.limit):
            return await self._through_a_file(download, move)

    async def _through_a_file(self, download: Download, move: "_Move") -> StoredImage:
        with await asyncio.to_thread(tempfile.TemporaryFile) as file:
            async with self._memory.reserve(_STREAM_BYTES):
                while chunk := await download.read():
                    await asyncio.to_thread(file.write, chunk)
            async with self._memory.reserve(download.size):
                picture, ends_well = await asyncio.to_thread(_examined, file)
                if not ends_well or (picture is UNKNOWN and download.ends_by_closing):
                    await download.confirm()
                return await self._keep_file(file, picture, download, move)

    async def _keep_inline(self, uri: str, move: "_Move") -> StoredImage:
        if len(uri) > 4 * self._media.limit:
            raise PictureTooLarge("the picture's data URI is too large (IMAGEGEN_MAX_IMAGE_BYTES)")
        async with self._memory.reserve(2 * len(uri)):
            inline = await asyncio.to_thread(_Inline, uri)
            if inline.size > self._media.limit:
                raise PictureTooLarge(f"the picture has more than {self._media.limit} bytes (IMAGEGEN_MAX_IMAGE_BYTES)")
            picture = await asyncio.to_thread(recognise, inline.file)
            return await self._keep_file(inline.file, picture, inline, move)

    async def _keep_file(
        self, file: IO[bytes], picture: Picture, origin: "Download | _Inline", move: "_Move"
    ) -> StoredImage:
        if origin.size == 0:
            raise NotAPicture("the picture is empty: it has no bytes")
        if picture is UNKNOWN and not move.keep_unknown:
            raise NotAPicture("no decoder opens the bytes that were delivered")
        target = move.target(picture)
        await store_file(self._bucket, file, origin.size, target)
        return _stored(target.key, picture, origin)

    @asynccontextmanager
    async def _counted(self, download: Download) -> AsyncGenerator[None]:
        """Count the bytes that were read, and those that came to be stored."""
        try:
            yield
            self._metrics.transferred("to_s3", download.size)
        finally:
            self._metrics.transferred("from_fal", download.size)


class _Move:
    """Where one picture goes."""

    def __init__(self, key_stem: str, metadata: Mapping[str, str], *, keep_unknown: bool) -> None:
        self.keep_unknown = keep_unknown
        self._stem, self._metadata = key_stem, metadata

    def target(self, picture: Picture) -> Target:
        return Target(f"{self._stem}.{picture.extension}", picture, self._metadata)


class _Inline:
    """A picture whose bytes stand in its address. Decoding blocks."""

    def __init__(self, uri: str) -> None:
        try:
            content = read_data_uri(uri)
        except MalformedDataUri as error:
            raise NotAPicture(f"the picture's data URI cannot be read: {error}") from error
        self.size, self.sha256 = len(content), hashlib.sha256(content).hexdigest()
        self.file = io.BytesIO(content)


def _examined(file: IO[bytes]) -> tuple[Picture, bool]:
    """What a whole file is, and whether it ends as its kind does."""
    picture = recognise(file)
    return picture, watch_file(file, picture.content_type, picture.pixels_at).reached


def _stored(key: str, picture: Picture, origin: "Download | _Inline") -> StoredImage:
    return StoredImage(
        key=key,
        content_type=picture.content_type,
        width=picture.width,
        height=picture.height,
        size_bytes=origin.size,
        sha256=origin.sha256,
    )
