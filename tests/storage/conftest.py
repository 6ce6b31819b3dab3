"""A bucket on the real S3 server, and pictures on their way into it."""

from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack

import httpx
import pytest
from bucket import Bucket, OpenImages, open_bucket
from media_host import MediaHost
from pydantic import ByteSize

from imagegen.http import open_transport
from imagegen.settings import S3Settings, ServiceSettings, Settings
from imagegen.storage.images import Images, open_images

_LIMITS = ServiceSettings(max_image_bytes=ByteSize(80 * 2**20))


@pytest.fixture(scope="session")
async def media_host() -> AsyncGenerator[MediaHost]:
    async with MediaHost() as host:
        yield host


@pytest.fixture
def media(media_host: MediaHost) -> MediaHost:
    media_host.requests.clear()
    return media_host


@pytest.fixture(scope="session")
async def transport() -> AsyncGenerator[httpx.AsyncBaseTransport]:
    async with open_transport(64) as opened:
        yield opened


@pytest.fixture(scope="session")
def s3_settings(stack: Settings) -> S3Settings:
    return stack.s3


@pytest.fixture(scope="session")
async def bucket(s3_settings: S3Settings, images: Images) -> AsyncGenerator[Bucket]:
    """The bucket that `images` has made."""
    assert await images.bucket.available()
    async with open_bucket(s3_settings) as opened:
        yield opened


@pytest.fixture
async def open_images_with(
    s3_settings: S3Settings, transport: httpx.AsyncBaseTransport, media: MediaHost
) -> AsyncGenerator[OpenImages]:
    """Open the bucket with other settings than usual, named as the fields of S3Settings and ServiceSettings."""
    async with AsyncExitStack() as stack:

        async def opened(*, hosts: frozenset[str] | None = None, **changes: object) -> Images:
            s3 = s3_settings.model_copy(update={k: v for k, v in changes.items() if k in S3Settings.model_fields})
            service = _LIMITS.model_copy(
                update={k: v for k, v in changes.items() if k in {"transfer_memory", "max_image_bytes"}}
            )
            allowed = frozenset({media.address}) if hosts is None else hosts
            return await stack.enter_async_context(open_images(s3, service, transport, allowed))

        yield opened


@pytest.fixture(scope="session")
async def images(
    s3_settings: S3Settings, transport: httpx.AsyncBaseTransport, media_host: MediaHost
) -> AsyncGenerator[Images]:
    async with open_images(s3_settings, _LIMITS, transport, frozenset({media_host.address})) as opened:
        await opened.bucket.ensure()
        yield opened
