"""A bucket on the real S3 server, and a media host that serves images for it."""

from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack

import pytest
from pydantic import ByteSize

from imagegen.net.http import Sender
from imagegen.net.pool import open_pool
from imagegen.settings import S3Settings, ServiceSettings, Settings
from imagegen.storage.images.store import Images, open_images
from imagegen.storage.jobs.store import Jobs
from imagegen.storage.stores import Stores, open_stores
from tests.support.bucket import Bucket, OpenImages, open_bucket
from tests.support.jobs_apart import apart
from tests.support.media_host import MediaHost

_LIMITS = ServiceSettings(max_image_bytes=ByteSize(80 * 2**20))


@pytest.fixture(scope="module")
def own(stack: Settings) -> Settings:
    """The servers, with a database of this module's own."""
    return apart(stack)


@pytest.fixture(scope="module")
async def stores(own: Settings) -> AsyncGenerator[Stores]:
    async with open_stores(own.mongodb) as opened:
        yield opened


@pytest.fixture(scope="module")
def jobs(stores: Stores) -> Jobs:
    return stores.jobs


@pytest.fixture(scope="session")
async def media_host() -> AsyncGenerator[MediaHost]:
    async with MediaHost() as host:
        yield host


@pytest.fixture
def media(media_host: MediaHost) -> MediaHost:
    media_host.requests.clear()
    return media_host


@pytest.fixture(scope="session")
async def pool() -> AsyncGenerator[Sender]:
    async with open_pool(64) as opened:
        yield opened


@pytest.fixture(scope="session")
def s3_settings(stack: Settings) -> S3Settings:
    return stack.s3


@pytest.fixture(scope="session")
async def bucket(s3_settings: S3Settings, images: Images) -> AsyncGenerator[Bucket]:
    """The bucket that `images` created."""
    assert await images.bucket.is_available()
    async with open_bucket(s3_settings) as opened:
        yield opened


@pytest.fixture
async def open_images_with(s3_settings: S3Settings, pool: Sender, media: MediaHost) -> AsyncGenerator[OpenImages]:
    """Open the bucket with changed settings, named as the fields of S3Settings and ServiceSettings."""
    async with AsyncExitStack() as stack:

        async def opened(*, hosts: frozenset[str] | None = None, **changes: object) -> Images:
            s3 = s3_settings.model_copy(update={k: v for k, v in changes.items() if k in S3Settings.model_fields})
            service = _LIMITS.model_copy(
                update={k: v for k, v in changes.items() if k in {"transfer_memory", "max_image_bytes"}}
            )
            allowed = frozenset({media.address}) if hosts is None else hosts
            return await stack.enter_async_context(open_images(s3, service, pool, allowed))

        yield opened


@pytest.fixture(scope="session")
async def images(s3_settings: S3Settings, pool: Sender, media_host: MediaHost) -> AsyncGenerator[Images]:
    async with open_images(s3_settings, _LIMITS, pool, frozenset({media_host.address})) as opened:
        await opened.bucket.create_if_missing()
        yield opened
