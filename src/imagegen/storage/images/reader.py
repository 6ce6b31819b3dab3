"""Reads stored images in pieces, over connections of its own, so that no reader holds up a transfer."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, aclosing, asynccontextmanager
from typing import TYPE_CHECKING, Final

from aiohttp import ClientPayloadError

from imagegen.errors import ObjectStoreUnavailable
from imagegen.storage.images.bucket import Bucket

if TYPE_CHECKING:
    from aiobotocore.response import StreamingBody  # pyright: ignore[reportMissingTypeStubs] - as in bucket.py
    from types_aiobotocore_s3 import S3Client

PIECE: Final = 64 * 1024


class ImageReader:
    """Reads objects of the bucket.

    Args:
        bucket: which they are in.
        open_own: opens the client that reads them. That takes time and memory, so the first read does it.
    """

    def __init__(self, bucket: Bucket, open_own: "Callable[[], AbstractAsyncContextManager[S3Client]]") -> None:
        self._bucket, self._open_own = bucket, open_own
        self._client: S3Client | None = None
        self._opening, self._stack = asyncio.Lock(), AsyncExitStack()

    @asynccontextmanager
    async def closing(self) -> "AsyncGenerator[ImageReader]":
        """Close the client at the end, if there is one."""
        async with self._stack:
            yield self

    @asynccontextmanager
    async def open(self, key: str, first: int, last: int) -> AsyncGenerator[AsyncIterator[bytes]]:
        """Read the bytes `first` to `last` of an object, in pieces of at most 64 KiB. S3 has answered in the block.

        Raises:
            ImageGone: there is no such object.
            ObjectStoreUnavailable: at the start, or in the middle of the object.
        """
        client = await self._own_client()
        body = await self._bucket.open_object(client, key, first, last)
        async with body, aclosing(self._pieces(body)) as pieces:
            yield pieces

    async def _pieces(self, body: "StreamingBody") -> AsyncGenerator[bytes]:
        try:
            with self._bucket.translate_errors():
                while piece := await body.read(PIECE):  # pyright: ignore[reportUnknownMemberType] - its stub leaves the size open
                    yield piece
        except ClientPayloadError as error:
            raise ObjectStoreUnavailable("broke off in the middle of an image") from error

    async def _own_client(self) -> "S3Client":
        async with self._opening:
            if self._client is None:
                self._client = await self._stack.enter_async_context(self._open_own())
        return self._client
