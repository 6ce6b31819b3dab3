"""Pictures in S3: moved there from the provider's media hosts as they arrive, and addressed by URL."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from typing import IO, TYPE_CHECKING, Final, cast
from urllib.parse import SplitResult, quote, unquote, urlsplit

import httpx

from imagegen.metrics import Metrics
from imagegen.settings import S3Settings, ServiceSettings
from imagegen.storage.image_keys import image_key_stem, input_key, input_key_in
from imagegen.storage.input_pictures import InputPicture
from imagegen.storage.links import Links
from imagegen.storage.picture_download import Media
from imagegen.storage.picture_memory import PictureMemory
from imagegen.storage.picture_storing import CACHE_CONTROL, disposition
from imagegen.storage.picture_transfers import Transfers
from imagegen.storage.picture_uploads import FileBody
from imagegen.storage.s3 import Bucket, new_session, open_client

if TYPE_CHECKING:
    from aiobotocore.response import StreamingBody  # pyright: ignore[reportMissingTypeStubs] - as in s3.py

__all__ = ["Images", "image_key_stem", "input_key_in", "open_images"]

_FOR_FAL: Final = timedelta(days=1)
_PIECE: Final = 64 * 1024


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
    assert settings.bucket is not None
    metrics = metrics or Metrics()
    async with AsyncExitStack() as stack:
        connections = 2 * service.concurrency + 8
        session = await asyncio.to_thread(new_session, settings)
        data = await stack.enter_async_context(open_client(session, settings.endpoint_url, connections, metrics))
        signing = data
        if settings.presign_endpoint_url not in {None, settings.endpoint_url}:
            signing = await stack.enter_async_context(open_client(session, settings.presign_endpoint_url, connections))
        links = Links(signing, session, settings.bucket)
        media = Media(transport, media_hosts, service.max_image_bytes)
        bucket, memory = Bucket(data, settings.bucket), PictureMemory(service.transfer_memory)
        yield Images(settings, bucket, links, Transfers(bucket, media, memory, metrics), memory)


class Images:
    """The pictures in a bucket. Every method raises ObjectStoreUnavailable where S3 refuses or does not answer."""

    def __init__(
        self,
        settings: S3Settings,
        bucket: Bucket,
        links: Links,
        transfers: Transfers,
        memory: PictureMemory,
    ) -> None:
        self.bucket = bucket
        self.transfer = transfers.transfer
        self._settings = settings
        self._links = links
        self._memory = memory

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
        return await self._signed(key, self._settings.presign_expires, disposition)

    async def _signed(self, key: str, expires: timedelta, disposition: str = "") -> str:
        with self.bucket.asking(says_something=False):
            return await self._links.signed(key, expires, disposition)

    async def keep_input(self, user_id: str, file: IO[bytes], picture: InputPicture) -> str:
        """Store a user's own picture, from where it lies; returns its key."""
        key = input_key(user_id, picture.sha256, picture.extension)
        with self.bucket.asking():
            await self.bucket.client.put_object(
                Bucket=self.bucket.name,
                Key=key,
                Body=cast("IO[bytes]", FileBody(file)),
                ContentLength=picture.size_bytes,
                ContentType=picture.content_type,
                CacheControl=CACHE_CONTROL,
                ContentDisposition=disposition(picture.content_type),
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

    @asynccontextmanager
    async def content(self, key: str) -> AsyncGenerator[tuple[bytes, str]]:
        """An object's bytes and its type, while the block lasts: they count among the pictures held in memory."""
        with self.bucket.asking():
            head = await self.bucket.client.head_object(Bucket=self.bucket.name, Key=key)
        async with self._memory.reserve(head["ContentLength"]):
            with self.bucket.asking():
                answer = await self.bucket.client.get_object(Bucket=self.bucket.name, Key=key)
                async with answer["Body"] as stream:
                    content = await stream.read()  # pyright: ignore[reportUnknownMemberType] - its stub leaves the size open
            yield content, head["ContentType"]

    async def open(self, key: str) -> AsyncGenerator[bytes]:
        """An object's bytes in pieces, asked for before this returns; read them to their end, or close them."""
        with self.bucket.asking():
            answer = await self.bucket.client.get_object(Bucket=self.bucket.name, Key=key)
        return _pieces(answer["Body"])

    async def delete(self, *keys: str) -> None:
        """Delete these objects; one that is not there is no error."""
        with self.bucket.asking():
            for key in keys:
                await self.bucket.client.delete_object(Bucket=self.bucket.name, Key=key)

    async def discard(self, prefix: str, keep: frozenset[str] = frozenset()) -> None:
        """Delete every object whose key begins with the prefix, but for those to keep."""
        while keys := [key for key in await self._keys(prefix) if key not in keep]:
            await self.delete(*keys)

    async def _keys(self, prefix: str) -> list[str]:
        """The first thousand keys that begin with the prefix."""
        with self.bucket.asking():
            page = await self.bucket.client.list_objects_v2(Bucket=self.bucket.name, Prefix=prefix)
        return [found.get("Key", "") for found in page.get("Contents", ())]


async def _pieces(body: "StreamingBody") -> AsyncGenerator[bytes]:
    async with body:
        async for piece in body.iter_chunks(_PIECE):
            yield piece


def _split(url: str) -> SplitResult | None:
    try:
        return urlsplit(url)
    except ValueError:
        return None
