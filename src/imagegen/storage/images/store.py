"""Images in S3: transferred from the provider's media hosts as they arrive, and addressed by URL."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from functools import partial
from typing import IO, Final
from urllib.parse import SplitResult, quote, unquote, urlsplit

from imagegen.jobs.image_keys import input_key, input_key_in
from imagegen.net.http import Sender
from imagegen.observability.metrics import Metrics
from imagegen.settings import LimitSettings, S3Settings, ServiceSettings
from imagegen.storage.images.bucket import Bucket, new_session, open_client
from imagegen.storage.images.download import MediaHosts
from imagegen.storage.images.inputs import InputImage
from imagegen.storage.images.memory import ImageMemory
from imagegen.storage.images.object_writer import UploadTarget, upload_file
from imagegen.storage.images.presign import UrlSigner
from imagegen.storage.images.reader import ImageReader
from imagegen.storage.images.transfer import Transfers

__all__ = ["Images", "open_images"]

_FAL_URL_EXPIRES: Final = timedelta(days=1)
_DOWNLOADS: Final = LimitSettings().max_downloads


@asynccontextmanager
async def open_images(
    settings: S3Settings,
    service: ServiceSettings,
    sender: Sender,
    media_hosts: frozenset[str],
    metrics: Metrics | None = None,
    *,
    downloads: int = _DOWNLOADS,
) -> AsyncGenerator["Images"]:
    """Open the process's S3 clients: for transfers, and if URLs are signed for a different host, for these.

    A third one, for readers, is opened when the first of them comes.

    Args:
        settings: with a bucket.
        service: for its limits.
        sender: fetches the images.
        media_hosts: hosts that images may be fetched from, in the form that `is_allowed` describes.
        metrics: records requests to S3 and transferred bytes.
        downloads: how many images are read for callers at once.
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
        links = UrlSigner(signing, session, settings.bucket)
        media = MediaHosts(sender, media_hosts, service.max_image_bytes)
        bucket, memory = Bucket(data, settings.bucket), ImageMemory(service.transfer_memory)
        open_own = partial(open_client, session, settings.endpoint_url, downloads, metrics)
        reader = await stack.enter_async_context(ImageReader(bucket, open_own).closing())
        yield Images(
            settings,
            bucket=bucket,
            links=links,
            transfers=Transfers(bucket, media, memory, metrics),
            memory=memory,
            reader=reader,
        )


class Images:
    """The images in a bucket. Every method raises ObjectStoreUnavailable if S3 refuses or does not respond."""

    def __init__(
        self,
        settings: S3Settings,
        *,
        bucket: Bucket,
        links: UrlSigner,
        transfers: Transfers,
        memory: ImageMemory,
        reader: ImageReader,
    ) -> None:
        self.bucket = bucket
        self.transfer = transfers.transfer
        self.open = reader.open
        self._settings = settings
        self._links = links
        self._memory = memory

    async def url(self, key: str) -> str:
        """The URL of an object: unsigned under `S3_PUBLIC_URL`, otherwise newly signed for `S3_PRESIGN_EXPIRES`."""
        if self._settings.public_url is not None:
            return f"{self._settings.public_url}/{quote(key)}"
        return await self._signed(key, self._settings.presign_expires)

    async def url_for_fal(self, key: str) -> str:
        """The URL of an object that works for at least a day, because a request may wait long in fal's queue."""
        if self._settings.public_url is not None:
            return f"{self._settings.public_url}/{quote(key)}"
        return await self._signed(key, max(_FAL_URL_EXPIRES, self._settings.presign_expires))

    async def download_url(self, key: str, file_name: str) -> str:
        """The URL that makes a browser save an object under this name; always signed, because S3 requires that."""
        disposition = f'attachment; filename="{file_name}"'
        return await self._signed(key, self._settings.presign_expires, disposition)

    async def inline_url(self, key: str, content_type: str, file_name: str, at_most: timedelta | None) -> str:
        """The URL of an image that a browser shows, as no other type than this one.

        Unsigned under `S3_PUBLIC_URL`, where the object's own headers count. Otherwise it works for
        `S3_PRESIGN_EXPIRES`, and not longer than `at_most`.
        """
        if self._settings.public_url is not None:
            return f"{self._settings.public_url}/{quote(key)}"
        usual = self._settings.presign_expires
        expires = usual if at_most is None else max(timedelta(seconds=1), min(usual, at_most))
        return await self._signed(key, expires, f'inline; filename="{file_name}"', content_type)

    async def _signed(self, key: str, expires: timedelta, disposition: str = "", content_type: str = "") -> str:
        with self.bucket.translate_errors(proves_available=False):
            return await self._links.sign(key, expires, disposition, content_type)

    async def store_input(self, user_id: str, file: IO[bytes], image: InputImage, key: str | None = None) -> str:
        """Store a user's input image from a file; returns its key, which follows from its bytes unless it is given."""
        key = key or input_key(user_id, image.sha256, image.extension)
        await upload_file(self.bucket, file, image.size_bytes, UploadTarget(key, image.content_type))
        return key

    async def find_own_input(self, url: str, user_id: str) -> str | None:
        """The key of this user's input image that a URL of this bucket, expired or not, names; else None."""
        parts = _split(url)
        key = input_key_in(unquote(parts.path), user_id) if parts else None
        if parts is None or key is None:
            return None
        own = urlsplit(await self.url(key))
        same = (parts.scheme, parts.netloc, unquote(parts.path)) == (own.scheme, own.netloc, unquote(own.path))
        return key if same else None

    @asynccontextmanager
    async def read_content(self, key: str) -> AsyncGenerator[tuple[bytes, str]]:
        """An object's bytes and media type. Inside the block they count towards the memory of images."""
        with self.bucket.translate_errors():
            head = await self.bucket.client.head_object(Bucket=self.bucket.name, Key=key)
        async with self._memory.reserve(head["ContentLength"]):
            with self.bucket.translate_errors():
                response = await self.bucket.client.get_object(Bucket=self.bucket.name, Key=key)
                async with response["Body"] as stream:
                    content = await stream.read()  # pyright: ignore[reportUnknownMemberType] - its stub leaves the size open
            yield content, head["ContentType"]

    async def delete(self, *keys: str) -> None:
        """Delete these objects; a missing one is not an error."""
        with self.bucket.translate_errors():
            for key in keys:
                await self.bucket.client.delete_object(Bucket=self.bucket.name, Key=key)

    async def delete_prefix(self, prefix: str, keep: frozenset[str] = frozenset()) -> None:
        """Delete every object whose key begins with the prefix, except those to keep."""
        while keys := [key for key in await self._keys(prefix) if key not in keep]:
            await self.delete(*keys)

    async def _keys(self, prefix: str) -> list[str]:
        """The first thousand keys that begin with the prefix."""
        with self.bucket.translate_errors():
            page = await self.bucket.client.list_objects_v2(Bucket=self.bucket.name, Prefix=prefix)
        return [found.get("Key", "") for found in page.get("Contents", ())]


def _split(url: str) -> SplitResult | None:
    try:
        return urlsplit(url)
    except ValueError:
        return None
