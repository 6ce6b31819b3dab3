"""Bodies and multipart uploads for S3 that never hold a large image in memory."""

import asyncio
import io
import time
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator
from typing import IO, TYPE_CHECKING, Final, cast

from imagegen.storage.images.download import Download

if TYPE_CHECKING:
    from types_aiobotocore_s3 import S3Client

# S3 requires parts of at least 5 MiB; some other stores require all but the last to have one size.
PART_BYTES: Final = 8 * 2**20
# The largest body that is sent from memory. aiohttp warns of a larger one, because writing it blocks the event loop.
WHOLE_BYTES: Final = 2**20
_PIECE: Final = 256 * 1024


class Body:
    """The body of an upload: aioboto3 requires a `read` method, rewinds with `seek`, and iterates."""

    def read(self, _size: int = -1) -> bytes:
        """Never called: aioboto3 checks that it exists, and aiohttp sends the body by iterating over it."""
        raise io.UnsupportedOperation("iterate")


class StreamedBody(Body):
    """A download that is uploaded as it arrives; it can be sent once."""

    def __init__(self, download: Download) -> None:
        self._download = download
        self._is_started = False

    def seek(self, _offset: int) -> None:
        """Rewind for another attempt, which is possible until the first bytes are read."""
        if self._is_started:
            raise io.UnsupportedOperation("a download cannot be rewound")

    def __aiter__(self) -> AsyncIterator[bytes]:
        self.seek(0)
        return self

    async def __anext__(self) -> bytes:
        self._is_started = True
        if chunk := await self._download.read():
            return chunk
        raise StopAsyncIteration


class WholeBody(Body):
    """An image that is held in memory; it can be sent more than once.

    Attributes:
        content: its bytes.
        began_at: when its upload began, by `time.perf_counter`.
        first_attempt: the response or the error that aioboto3 takes as the outcome of its first attempt.
        sent: the request that aioboto3 sent last.
    """

    def __init__(self, content: bytes) -> None:
        self.content = content
        self.began_at = time.perf_counter()
        self.first_attempt: object | None = None
        self.sent: object | None = None

    def seek(self, _offset: int) -> None:
        """Rewind for another attempt: every iteration starts at the beginning."""

    async def __aiter__(self) -> AsyncGenerator[bytes]:
        yield self.content


class FileBody(Body):
    """A file as the body of an upload: read piece by piece in a thread; it can be sent more than once."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file

    def seek(self, _offset: int) -> None:
        """Rewind: every iteration starts at the beginning."""

    async def __aiter__(self) -> AsyncGenerator[bytes]:
        await asyncio.to_thread(self._file.seek, 0)
        while piece := await asyncio.to_thread(self._file.read, _PIECE):
            yield piece


class Part(Body):
    """One part of a download of unknown length, refilled for each part; it can be sent more than once."""

    def __init__(self) -> None:
        self.size = 0
        self._chunks: deque[bytes] = deque()
        self._left_over = b""

    @property
    def is_full(self) -> bool:
        """Whether it has its full size, so that more bytes may follow."""
        return self.size == PART_BYTES

    async def fill(self, download: Download) -> None:
        """Replace its content by the next 8 MiB of the download; less, or nothing, at the end."""
        self._chunks.clear()
        self.size = 0
        while not self.is_full and (chunk := self._left_over or await download.read()):
            taken, self._left_over = chunk[: PART_BYTES - self.size], chunk[PART_BYTES - self.size :]
            self._chunks.append(taken)
            self.size += len(taken)

    def whole(self) -> WholeBody:
        """Its content in one piece."""
        return WholeBody(b"".join(self._chunks))

    def seek(self, _offset: int) -> None:
        """Rewind for another attempt: every iteration starts at the beginning."""

    async def __aiter__(self) -> AsyncGenerator[bytes]:
        for chunk in self._chunks:
            yield chunk


class MultipartUpload:
    """A multipart upload that is open at S3. Its methods raise aioboto3's errors."""

    def __init__(self, client: "S3Client", bucket: str, key: str, upload_id: str) -> None:
        self._client = client
        self._bucket, self._key, self._id = bucket, key, upload_id
        self._tags: list[str] = []

    async def send(self, part: Part) -> None:
        """Upload the next part."""
        response = await self._client.upload_part(
            Bucket=self._bucket,
            Key=self._key,
            UploadId=self._id,
            PartNumber=len(self._tags) + 1,
            Body=cast("IO[bytes]", part),
            ContentLength=part.size,
        )
        self._tags.append(response["ETag"])

    async def complete(self) -> None:
        """Create the object from the parts that were sent."""
        await self._client.complete_multipart_upload(
            Bucket=self._bucket,
            Key=self._key,
            UploadId=self._id,
            MultipartUpload={"Parts": [{"PartNumber": n, "ETag": tag} for n, tag in enumerate(self._tags, start=1)]},
        )

    async def abort(self) -> None:
        """Delete the parts that were sent."""
        await self._client.abort_multipart_upload(Bucket=self._bucket, Key=self._key, UploadId=self._id)
