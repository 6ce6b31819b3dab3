"""How a picture that is being downloaded gets into the bucket."""

import contextlib
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import IO, Final, cast
from urllib.parse import quote

from imagegen.errors import ObjectStoreUnavailable
from imagegen.storage.picture_download import Download
from imagegen.storage.picture_uploads import Body, FileBody, MultipartUpload, Part, StreamedBody
from imagegen.storage.pictures import Picture, is_safe_inline
from imagegen.storage.s3 import Bucket

CACHE_CONTROL: Final = "private, max-age=31536000, immutable"


def disposition(content_type: str) -> str:
    """The Content-Disposition that an object is stored with: S3, and a CDN before it, answer with it."""
    return "inline" if is_safe_inline(content_type) else "attachment"


@dataclass(frozen=True, slots=True)
class Target:
    """Where a picture goes, and what is kept beside it."""

    key: str
    picture: Picture
    metadata: Mapping[str, str]

    @property
    def headers(self) -> dict[str, str]:
        """The metadata in ASCII, which is all that HTTP headers carry."""
        return {name: quote(value, safe=" !#$&'()*+,/:;=?@[]~") for name, value in self.metadata.items()}


async def store(bucket: Bucket, download: Download, target: Target) -> None:
    """Put a download there as it arrives: at once where its length is known, in parts where it is long."""
    if download.length is not None:
        await _put(bucket, download, target, StreamedBody(download), download.length)
        return
    part = Part()
    await part.fill(download)
    if part.is_full:
        await _put_in_parts(bucket, download, target, part)
    else:
        await _put(bucket, download, target, part, part.size)


async def store_file(bucket: Bucket, file: IO[bytes], size: int, target: Target) -> None:
    """Put a file of this many bytes there, piece by piece."""
    await _put(bucket, None, target, FileBody(file), size)


async def _put(bucket: Bucket, download: Download | None, target: Target, body: Body, size: int) -> None:
    with bucket.asking(download):
        await bucket.client.put_object(
            Bucket=bucket.name,
            Key=target.key,
            Body=cast("IO[bytes]", body),
            ContentLength=size,
            ContentType=target.picture.content_type,
            CacheControl=CACHE_CONTROL,
            ContentDisposition=disposition(target.picture.content_type),
            Metadata=target.headers,
        )


async def _put_in_parts(bucket: Bucket, download: Download, target: Target, part: Part) -> None:
    """Upload the full part, and fill it again, until the download ends."""
    async with _multipart(bucket, target) as upload:
        while part.size:
            await upload.send(part)
            await part.fill(download)


@asynccontextmanager
async def _multipart(bucket: Bucket, target: Target) -> AsyncGenerator[MultipartUpload]:
    with bucket.asking():
        begun = await bucket.client.create_multipart_upload(
            Bucket=bucket.name,
            Key=target.key,
            ContentType=target.picture.content_type,
            CacheControl=CACHE_CONTROL,
            ContentDisposition=disposition(target.picture.content_type),
            Metadata=target.headers,
        )
    upload = MultipartUpload(bucket.client, bucket.name, target.key, begun["UploadId"])
    try:
        with bucket.asking():
            yield upload
            await upload.complete()
    except BaseException:
        with contextlib.suppress(ObjectStoreUnavailable), bucket.asking():
            await upload.abort()
        raise
