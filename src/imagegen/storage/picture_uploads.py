"""Uploads to S3 that never hold a whole picture."""

import asyncio
import io
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator
from typing import IO, TYPE_CHECKING, Final, cast

from imagegen.storage.picture_download import Download

if TYPE_CHECKING:
    from types_aiobotocore_s3 import S3Client

# S3 takes parts of 5 MiB and more; some stores want all but the last to be of one size.
PART_BYTES: Final = 8 * 2**20
_PIECE: Final = 256 * 1024


class Body:
    """What aioboto3 takes as a body: it asks for `read`, goes back with `seek`, and iterates."""

    def read(self, _size: int = -1) -> bytes:
        """Only its presence is asked for: aiohttp sends the body by iterating over it."""
        raise io.UnsupportedOperation("iterate")


class StreamedBody(Body):
    """A download that is uploaded as it arrives; it can be sent once."""

    def __init__(self, download: Download) -> None:
        self._download = download
        self._begun = False

    def seek(self, _offset: int) -> None:
        """Go back to the beginning, for another attempt: possible while nothing was read."""
        if self._begun:
            raise io.UnsupportedOperation("a download cannot be rewound")

    def __aiter__(self) -> AsyncIterator[bytes]:
        self.seek(0)
        return self

    async def __anext__(self) -> bytes:
        self._begun = True
        if chunk := await self._download.read():
            return chunk
        raise StopAsyncIteration


class FileBody(Body):
    """A file as an upload's body: read piece by piece in a thread, as often as it has to be sent."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file

    def seek(self, _offset: int) -> None:
        """Go back to the beginning; every iteration begins there."""

    async def __aiter__(self) -> AsyncGenerator[bytes]:
        await asyncio.to_thread(self._file.seek, 0)
        while piece := await asyncio.to_thread(self._file.read, _PIECE):
            yield piece


class Part(Body):
    """A few MiB of a download of unknown length, filled again and again; it can be sent more than once."""

    def __init__(self) -> None:
        self.size = 0
        self._chunks: deque[bytes] = deque()
        self._left_over = b""

    @property
    def is_full(self) -> bool:
        """Whether more may follow."""
        return self.size == PART_BYTES

    async def fill(self, download: Download) -> None:
        """Let go of what is in it and take the next 8 MiB; less, or nothing, at the end."""
        self._chunks.clear()
        self.size = 0
        while not self.is_full and (chunk := self._left_over or await download.read()):
            taken, self._left_over = chunk[: PART_BYTES - self.size], chunk[PART_BYTES - self.size :]
            self._chunks.append(taken)
            self.size += len(taken)

    def seek(self, _offset: int) -> None:
        """Go back to the beginning, for another attempt; every iteration begins there."""

    async def __aiter__(self) -> AsyncGenerator[bytes]:
        for chunk in self._chunks:
            yield chunk


class MultipartUpload:
    """An upload in parts that S3 has begun. Its methods raise aioboto3's errors."""

    def __init__(self, client: "S3Client", bucket: str, key: str, upload_id: str) -> None:
        self._client = client
        self._bucket, self._key, self._id = bucket, key, upload_id
        self._tags: list[str] = []

    async def send(self, part: Part) -> None:
        """Upload the next part."""
        answer = await self._client.upload_part(
            Bucket=self._bucket,
            Key=self._key,
            UploadId=self._id,
            PartNumber=len(self._tags) + 1,
            Body=cast("IO[bytes]", part),
            ContentLength=part.size,
        )
        self._tags.append(answer["ETag"])

    async def complete(self) -> None:
        """Make the object of the parts sent."""
        await self._client.complete_multipart_upload(
            Bucket=self._bucket,
            Key=self._key,
            UploadId=self._id,
            MultipartUpload={"Parts": [{"PartNumber": n, "ETag": tag} for n, tag in enumerate(self._tags, start=1)]},
        )

    async def abort(self) -> None:
        """Let S3 forget the parts."""
        await self._client.abort_multipart_upload(Bucket=self._bucket, Key=self._key, UploadId=self._id)
