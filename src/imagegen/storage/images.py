"""Pictures in S3: moved there from the provider's media hosts as they arrive, and addressed by URL.

The only file that names aioboto3. Its errors end here, as ObjectStoreUnavailable with a reason free of secrets.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, Generator, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import IO, TYPE_CHECKING, Final, cast
from urllib.parse import SplitResult, quote, unquote, urlsplit

import aioboto3  # pyright: ignore[reportMissingTypeStubs] - only its S3 client has stubs; it is cast to them
import httpx
from aiobotocore.config import AioConfig  # pyright: ignore[reportMissingTypeStubs] - as above
from botocore.exceptions import (  # pyright: ignore[reportMissingTypeStubs] - as above
    BotoCoreError,
    ClientError,
    CredentialRetrievalError,
    NoCredentialsError,
    PartialCredentialsError,
    UnseekableStreamError,
)

from imagegen.errors import ObjectStoreUnavailable, TransferInterrupted
from imagegen.http import is_loopback
from imagegen.jobs import StoredImage
from imagegen.metrics import Metrics
from imagegen.settings import S3Settings, ServiceSettings
from imagegen.storage.image_keys import image_key_stem, input_key, input_key_in
from imagegen.storage.input_pictures import FileBody, InputPicture
from imagegen.storage.picture_download import Download, Media
from imagegen.storage.picture_memory import PictureMemory
from imagegen.storage.picture_uploads import PART_BYTES, Body, MultipartUpload, Part, StreamedBody
from imagegen.storage.pictures import HEAD_BYTES, Picture
from imagegen.storage.s3_measuring import count_requests

if TYPE_CHECKING:
    from types_aiobotocore_s3 import S3Client

__all__ = ["Images", "image_key_stem", "input_key_in", "open_images"]

CACHE_CONTROL: Final = "private, max-age=31536000, immutable"
_LONGEST_TRANSFER: Final = 15 * 60.0
_LONGEST_CHECK: Final = 5.0
_TRUSTED_FOR: Final = 30.0
_FOR_FAL: Final = timedelta(days=1)
_DOUBTED_FOR: Final = 1.0
# Beside the head of a picture, a transfer holds the buffers of its two connections.
_STREAM_BYTES: Final = HEAD_BYTES + 256 * 1024
_NO_SUCH_BUCKET: Final = {"NoSuchBucket", "404"}
_REFUSED: Final = {"AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken", "403"}
_NO_SUCH_KEY: Final = {"NoSuchKey", "404"}
_ALREADY_THERE: Final = {"BucketAlreadyOwnedByYou", "BucketAlreadyExists"}


@asynccontextmanager
async def open_images(
    settings: S3Settings,
    service: ServiceSettings,
    transport: httpx.AsyncBaseTransport,
    media_hosts: frozenset[str],
    metrics: Metrics | None = None,
) -> AsyncGenerator["Images"]:
    """Open the process's S3 clients: one for the data, one more where links are signed for another host.

    Args:
        settings: with a bucket.
        service: for its limits.
        transport: fetches the pictures; it stays open.
        media_hosts: where pictures may be fetched from, in the form that `Media` describes.
        metrics: told of requests to S3 and of bytes.
    """
    metrics = metrics or Metrics()
    async with AsyncExitStack() as stack:
        connections = 2 * service.concurrency + 8
        data = await stack.enter_async_context(_client(settings, settings.endpoint_url, connections))
        count_requests(data, metrics)
        links = data
        if settings.presign_endpoint_url not in {None, settings.endpoint_url}:
            links = await stack.enter_async_context(_client(settings, settings.presign_endpoint_url, connections))
        media = Media(transport, media_hosts, service.max_image_bytes)
        yield Images(settings, data, links, media, PictureMemory(service.transfer_memory), metrics=metrics)


class Images:
    """The bucket. Every method raises ObjectStoreUnavailable where S3 refuses or does not answer."""

    def __init__(
        self,
        settings: S3Settings,
        data: "S3Client",
        links: "S3Client",
        media: Media,
        memory: PictureMemory,
        *,
        metrics: Metrics,
    ) -> None:
        assert settings.bucket is not None
        self._bucket = settings.bucket
        self._settings = settings
        self._data = data
        self._links = links
        self._media = media
        self._memory = memory
        self._metrics = metrics
        self._probing = asyncio.Lock()
        self._answered = False
        self._answered_at = -_TRUSTED_FOR

    async def check(self) -> None:
        """Ask for the bucket, and take no longer than 5 s over it."""
        try:
            async with asyncio.timeout(_LONGEST_CHECK):
                with self._asking():
                    await self._data.head_bucket(Bucket=self._bucket)
        except TimeoutError as error:
            self._note(answered=False)
            raise ObjectStoreUnavailable(f"did not answer within {_LONGEST_CHECK:.0f} s") from error

    async def prove(self, key: str, content: bytes) -> None:
        """Write an object and read it again; it stays until it is discarded."""
        with self._asking():
            await self._data.put_object(Bucket=self._bucket, Key=key, Body=content, ContentType="text/plain")
            answer = await self._data.get_object(Bucket=self._bucket, Key=key)
            if await answer["Body"].read() != content:  # pyright: ignore[reportUnknownMemberType] - its stub leaves the size open
                raise ObjectStoreUnavailable("does not give back what was stored")

    async def ensure_bucket(self) -> None:
        """Make the bucket where there is none: for the local server, whose buckets are nobody else's."""
        with self._asking():
            try:
                await self._data.create_bucket(Bucket=self._bucket)
            except ClientError as error:
                if _code(error) not in _ALREADY_THERE:
                    raise

    async def available(self) -> bool:
        """Whether S3 can be used: true for 30 s after it answered, unless it failed since; otherwise it is asked."""
        async with self._probing:
            age = time.monotonic() - self._answered_at
            if age > (_TRUSTED_FOR if self._answered else _DOUBTED_FOR):
                with contextlib.suppress(ObjectStoreUnavailable):
                    await self.check()
            return self._answered

    async def transfer(self, url: str, key_stem: str, *, metadata: Mapping[str, str]) -> StoredImage:
        """Move one picture to `{key_stem}.{ext}`; memory does not grow with it, and a failure leaves no object.

        Raises:
            ForeignMediaHost: never fetched.
            NotAPicture: the bytes are none.
            PictureTooLarge: more than `IMAGEGEN_MAX_IMAGE_BYTES`.
            TransferInterrupted: broken off, cut off, refused for now, or not done in 15 minutes.
            ObjectStoreUnavailable: S3 did not take it.
        """
        try:
            async with asyncio.timeout(_LONGEST_TRANSFER), self._media.open(url) as download:
                needed = PART_BYTES if download.length is None else min(download.length, _STREAM_BYTES)
                async with self._memory.reserve(needed), self._counted(download):
                    picture = await download.recognise()
                    target = _Target(f"{key_stem}.{picture.extension}", picture, metadata)
                    await self._store(download, target)
        except TimeoutError as error:
            raise TransferInterrupted("moving the picture took longer than 15 minutes") from error
        return StoredImage(
            key=target.key,
            content_type=picture.content_type,
            width=picture.width,
            height=picture.height,
            size_bytes=download.size,
            sha256=download.sha256,
        )

    @asynccontextmanager
    async def _counted(self, download: Download) -> AsyncGenerator[None]:
        """Count the bytes that were read, and those that came to be stored."""
        try:
            yield
            self._metrics.transferred("to_s3", download.size)
        finally:
            self._metrics.transferred("from_fal", download.size)

    async def url(self, key: str) -> str:
        """Link to an object: unsigned under `S3_PUBLIC_URL`, otherwise signed afresh for `S3_PRESIGN_EXPIRES`."""
        if self._settings.public_url is not None:
            return f"{self._settings.public_url}/{quote(key)}"
        return await self._signed(key, self._settings.presign_expires)

    async def url_for_fal(self, key: str) -> str:
        """Link to an object that works for a day at least: a request may wait long in fal's queue."""
        if self._settings.public_url is not None:
            return f"{self._settings.public_url}/{quote(key)}"
        return await self._signed(key, max(_FOR_FAL, self._settings.presign_expires))

    async def download_url(self, key: str, file_name: str) -> str:
        """Link that makes a browser save the object under this name. Always signed: an unsigned link carries none."""
        disposition = f'attachment; filename="{file_name}"'
        return await self._signed(key, self._settings.presign_expires, ResponseContentDisposition=disposition)

    async def _signed(self, key: str, expires: timedelta, **more: str) -> str:
        with self._asking(says_something=False):
            return await self._links.generate_presigned_url(
                "get_object",
                Params={"Bucket": self._bucket, "Key": key, **more},
                ExpiresIn=int(expires.total_seconds()),
            )

    async def keep_input(self, user_id: str, file: IO[bytes], picture: InputPicture) -> str:
        """Store a user's own picture, from where it lies; returns its key."""
        key = input_key(user_id, picture.sha256, picture.extension)
        with self._asking():
            await self._data.put_object(
                Bucket=self._bucket,
                Key=key,
                Body=cast("IO[bytes]", FileBody(file)),
                ContentLength=picture.size_bytes,
                ContentType=picture.content_type,
                CacheControl=CACHE_CONTROL,
            )
        return key

    async def own_input(self, url: str, user_id: str) -> str | None:
        """The key of this user's own picture that a link of ours leads to, expired or not, or None."""
        parts = _split(url)
        key = input_key_in(unquote(parts.path), user_id) if parts else None
        if parts is None or key is None:
            return None
        ours = urlsplit(await self.url(key))
        same = (parts.scheme, parts.netloc, unquote(parts.path)) == (ours.scheme, ours.netloc, unquote(ours.path))
        return key if same else None

    async def has(self, key: str) -> bool:
        """Whether there is such an object."""
        try:
            with self._asking(missing_is_an_answer=True):
                await self._data.head_object(Bucket=self._bucket, Key=key)
        except ClientError:
            return False
        return True

    @asynccontextmanager
    async def content(self, key: str) -> AsyncGenerator[tuple[bytes, str]]:
        """An object's bytes and its type, while the block lasts: they count among the pictures held in memory."""
        with self._asking():
            head = await self._data.head_object(Bucket=self._bucket, Key=key)
        async with self._memory.reserve(head["ContentLength"]):
            with self._asking():
                answer = await self._data.get_object(Bucket=self._bucket, Key=key)
                async with answer["Body"] as stream:
                    content = await stream.read()  # pyright: ignore[reportUnknownMemberType] - its stub leaves the size open
            yield content, head["ContentType"]

    async def delete(self, *keys: str) -> None:
        """Delete these objects; one that is not there is no error."""
        with self._asking():
            for key in keys:
                await self._data.delete_object(Bucket=self._bucket, Key=key)

    async def discard(self, prefix: str, keep: frozenset[str] = frozenset()) -> None:
        """Delete every object whose key begins with the prefix, but for those to keep."""
        while keys := [key for key in await self._keys(prefix) if key not in keep]:
            await self.delete(*keys)

    async def _keys(self, prefix: str) -> list[str]:
        """The first thousand keys that begin with the prefix."""
        with self._asking():
            page = await self._data.list_objects_v2(Bucket=self._bucket, Prefix=prefix)
        return [found.get("Key", "") for found in page.get("Contents", ())]

    async def _store(self, download: Download, target: "_Target") -> None:
        if download.length is not None:
            await self._put(download, target, StreamedBody(download), download.length)
            return
        part = Part()
        await part.fill(download)
        if part.is_full:
            await self._put_in_parts(download, target, part)
        else:
            await self._put(download, target, part, part.size)

    async def _put(self, download: Download, target: "_Target", body: Body, size: int) -> None:
        with self._asking(download):
            await self._data.put_object(
                Bucket=self._bucket,
                Key=target.key,
                Body=cast("IO[bytes]", body),
                ContentLength=size,
                ContentType=target.picture.content_type,
                CacheControl=CACHE_CONTROL,
                Metadata=target.headers,
            )

    async def _put_in_parts(self, download: Download, target: "_Target", part: Part) -> None:
        """Upload the full part, and fill it again, until the download ends."""
        async with self._multipart(target) as upload:
            while part.size:
                await upload.send(part)
                await part.fill(download)

    @asynccontextmanager
    async def _multipart(self, target: "_Target") -> AsyncGenerator["MultipartUpload"]:
        with self._asking():
            begun = await self._data.create_multipart_upload(
                Bucket=self._bucket,
                Key=target.key,
                ContentType=target.picture.content_type,
                CacheControl=CACHE_CONTROL,
                Metadata=target.headers,
            )
        upload = MultipartUpload(self._data, self._bucket, target.key, begun["UploadId"])
        try:
            with self._asking():
                yield upload
                await upload.complete()
        except BaseException:
            with contextlib.suppress(ObjectStoreUnavailable), self._asking():
                await upload.abort()
            raise

    @contextmanager
    def _asking(
        self, download: Download | None = None, *, says_something: bool = True, missing_is_an_answer: bool = False
    ) -> Generator[None]:
        """Translate what aioboto3 raises, and remember how S3 is.

        Args:
            download: streamed by the request; its own failure is what a broken request is about.
            says_something: whether success means that S3 answered.
            missing_is_an_answer: let the error for an object that is not there through as it is.
        """
        try:
            yield
        except (BotoCoreError, ClientError) as error:
            if missing_is_an_answer and _code(error) in _NO_SUCH_KEY:
                self._note(answered=True)
                raise
            if download is not None and download.failure is not None:
                raise download.failure from None
            self._note(answered=False)
            raise ObjectStoreUnavailable(_reason(error, self._bucket)) from error
        if says_something:
            self._note(answered=True)

    def _note(self, *, answered: bool) -> None:
        self._answered = answered
        self._answered_at = time.monotonic()


@dataclass(frozen=True, slots=True)
class _Target:
    """Where a picture goes, and what is kept beside it."""

    key: str
    picture: Picture
    metadata: Mapping[str, str]

    @property
    def headers(self) -> dict[str, str]:
        """The metadata in ASCII, which is all that HTTP headers carry."""
        return {name: quote(value, safe=" !#$&'()*+,/:;=?@[]~") for name, value in self.metadata.items()}


@asynccontextmanager
async def _client(settings: S3Settings, endpoint: str | None, connections: int) -> "AsyncGenerator[S3Client]":
    """Make a client in a thread: botocore reads configuration and megabytes of JSON. It connects when first used."""
    context = await asyncio.to_thread(_new_client, settings, endpoint, connections)
    client = await asyncio.to_thread(asyncio.run, context.__aenter__())
    try:
        yield client
    finally:
        await context.__aexit__(None, None, None)


def _new_client(
    settings: S3Settings, endpoint: str | None, connections: int
) -> "AbstractAsyncContextManager[S3Client]":
    """Make a client; where no keys are set, AWS's own chain finds them (profile, container, instance)."""
    key, secret = settings.access_key_id, settings.secret_access_key
    session = aioboto3.Session(
        aws_access_key_id=key.get_secret_value() if key else None,
        aws_secret_access_key=secret.get_secret_value() if secret else None,
        region_name=settings.region,
    )
    config = AioConfig(
        signature_version="s3v4",
        # A checksum in advance would need the whole picture; one behind it is not understood by every store.
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
        s3={"payload_signing_enabled": False, "addressing_style": "path" if endpoint else "auto"},
        retries={"mode": "standard", "total_max_attempts": 2},
        connect_timeout=10,
        read_timeout=60,
        max_pool_connections=connections,
        proxies={} if endpoint and is_loopback(urlsplit(endpoint).hostname or "") else None,
    )
    client = session.client("s3", endpoint_url=endpoint, config=config)  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType] - no stubs
    return cast("AbstractAsyncContextManager[S3Client]", client)


def _split(url: str) -> SplitResult | None:
    try:
        return urlsplit(url)
    except ValueError:
        return None


def _code(error: BaseException | None) -> str:
    if not isinstance(error, ClientError):
        return ""
    answer = cast("dict[str, dict[str, str]]", error.response)  # pyright: ignore[reportUnknownMemberType] - no stubs
    return answer.get("Error", {}).get("Code", "")


def _reason(error: BotoCoreError | ClientError, bucket: str) -> str:
    """Say what is wrong, in words that hold no address, key or signature."""
    code = _code(error)
    if code in _NO_SUCH_BUCKET:
        return f"has no bucket {bucket!r}"
    if code in _REFUSED:
        return f"refuses access to bucket {bucket!r} ({code})"
    if code:
        return f"answered with an error ({code})"
    if isinstance(error, NoCredentialsError | PartialCredentialsError | CredentialRetrievalError):
        return "cannot be used: there are no AWS credentials"
    if isinstance(error, UnseekableStreamError):
        return "broke off in the middle of an upload"
    return f"cannot be reached ({type(error).__name__})"
