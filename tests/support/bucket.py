"""What a bucket really has, read with a client of the tests' own."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, cast

from imagegen.settings import S3Settings
from imagegen.storage.images.bucket import new_session
from imagegen.storage.images.store import Images

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager

    from types_aiobotocore_s3 import S3Client
    from types_aiobotocore_s3.type_defs import HeadObjectOutputTypeDef


# Takes the changed settings by name, and `hosts`.
OpenImages = Callable[..., Awaitable[Images]]


class Bucket:
    """What the bucket really has, read with a client of the tests' own."""

    def __init__(self, client: "S3Client", name: str) -> None:
        self._client = client
        self._name = name

    async def bytes_of(self, key: str) -> bytes:
        answer = await self._client.get_object(Bucket=self._name, Key=key)
        return await answer["Body"].read()  # pyright: ignore[reportUnknownMemberType] - its stub leaves the size open

    async def head(self, key: str) -> "HeadObjectOutputTypeDef":
        return await self._client.head_object(Bucket=self._name, Key=key)

    async def make(self) -> None:
        """Create the bucket, unless the local server has created it for its own check."""
        with suppress(self._client.exceptions.BucketAlreadyOwnedByYou):
            await self._client.create_bucket(Bucket=self._name)

    async def keys(self, prefix: str = "") -> list[str]:
        """The keys of all objects that begin with the prefix."""
        keys, more = list[str](), True
        while more:
            after = keys[-1] if keys else ""
            page = await self._client.list_objects_v2(Bucket=self._name, Prefix=prefix, StartAfter=after)
            keys += [found.get("Key", "") for found in page.get("Contents", ())]
            more = page.get("IsTruncated", False)
        return keys

    async def unfinished(self) -> list[str]:
        """The keys of uploads that were neither completed nor aborted."""
        uploads = await self._client.list_multipart_uploads(Bucket=self._name)
        return [found.get("Key", "") for found in uploads.get("Uploads", ())]

    async def left_behind(self, prefix: str) -> list[str]:
        """Everything under the prefix: objects and unfinished uploads."""
        objects = await self._client.list_objects_v2(Bucket=self._name, Prefix=prefix)
        uploads = await self._client.list_multipart_uploads(Bucket=self._name)
        found = [*objects.get("Contents", ()), *uploads.get("Uploads", ())]
        return [each.get("Key", "") for each in found]


@asynccontextmanager
async def open_bucket(settings: S3Settings) -> AsyncGenerator[Bucket]:
    session = await asyncio.to_thread(new_session, settings)
    client = session.client("s3", endpoint_url=settings.endpoint_url)  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType] - no stubs
    async with cast("AbstractAsyncContextManager[S3Client]", client) as opened:
        yield Bucket(opened, settings.bucket or "")
