"""Writing images to the bucket: as one object, or in parts while a download of unknown length arrives."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import IO, Final, cast
from urllib.parse import quote

from imagegen.errors import ObjectStoreUnavailable
from imagegen.storage.images.bucket import Bucket
from imagegen.storage.images.download import Download
from imagegen.storage.images.multipart import (
    WHOLE_BYTES,
    Body,
    FileBody,
    MultipartUpload,
    Part,
    StreamedBody,
    WholeBody,
)
from imagegen.storage.images.sniffing import is_safe_inline

_CACHE_CONTROL: Final = "private, max-age=31536000, immutable"


@dataclass(frozen=True, slots=True)
class UploadTarget:
    """The object to write: its key, its media type, and the metadata to store with it."""

    key: str
    content_type: str
    metadata: Mapping[str, str] = field(default_factory=dict[str, str])

    @property
    def content_disposition(self) -> str:
        """The Content-Disposition that S3, and a CDN in front of it, send with the object."""
        return "inline" if is_safe_inline(self.content_type) else "attachment"

    @property
    def headers(self) -> dict[str, str]:
        """The metadata percent-encoded to ASCII, because HTTP headers carry nothing else."""
        return {name: quote(value, safe=" !#$&'()*+,/:;=?@[]~") for name, value in self.metadata.items()}


async def upload(bucket: Bucket, download: Download, target: UploadTarget) -> None:
    """Upload a download: at once if it is small, else as it arrives, in parts if its length is unknown."""
    if download.length is not None and download.length > WHOLE_BYTES:
        await _put(bucket, download, target, StreamedBody(download), download.length)
        return
    part = Part()
    await part.fill(download)
    if part.is_full:
        await _put_in_parts(bucket, download, target, part)
    else:
        await _put(bucket, download, target, part.whole() if part.size <= WHOLE_BYTES else part, part.size)


async def upload_file(bucket: Bucket, file: IO[bytes], size: int, target: UploadTarget) -> None:
    """Upload a file of `size` bytes: at once if it is small, else piece by piece."""
    body = WholeBody(await asyncio.to_thread(_content, file)) if size <= WHOLE_BYTES else FileBody(file)
    await _put(bucket, None, target, body, size)


def _content(file: IO[bytes]) -> bytes:
    file.seek(0)
    return file.read()


async def _put(bucket: Bucket, download: Download | None, target: UploadTarget, body: Body, size: int) -> None:
    with bucket.translate_errors(download):
        await bucket.client.put_object(
            Bucket=bucket.name,
            Key=target.key,
            Body=cast("IO[bytes]", body),
            ContentLength=size,
            ContentType=target.content_type,
            CacheControl=_CACHE_CONTROL,
            ContentDisposition=target.content_disposition,
            Metadata=target.headers,
        )


async def _put_in_parts(bucket: Bucket, download: Download, target: UploadTarget, part: Part) -> None:
    """Upload the full part and refill it until the download ends."""
    async with _multipart(bucket, target) as upload:
        while part.size:
            await upload.send(part)
            await part.fill(download)


@asynccontextmanager
async def _multipart(bucket: Bucket, target: UploadTarget) -> AsyncGenerator[MultipartUpload]:
    with bucket.translate_errors():
        response = await bucket.client.create_multipart_upload(
            Bucket=bucket.name,
            Key=target.key,
            ContentType=target.content_type,
            CacheControl=_CACHE_CONTROL,
            ContentDisposition=target.content_disposition,
            Metadata=target.headers,
        )
    upload = MultipartUpload(bucket.client, bucket.name, target.key, response["UploadId"])
    try:
        with bucket.translate_errors():
            yield upload
            await upload.complete()
    except BaseException:
        with contextlib.suppress(ObjectStoreUnavailable), bucket.translate_errors():
            await upload.abort()
        raise
