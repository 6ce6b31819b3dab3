"""One MongoDB has one queue: a process with a second one does not start."""

import asyncio
from collections.abc import AsyncGenerator
from pathlib import Path

import nats  # noqa: TID251 - loses the stream behind the queue's back
import pytest

from imagegen.engine.worker import reconcile
from imagegen.errors import StartupError
from imagegen.local import local_stack
from imagegen.queue import open_queue
from imagegen.registry import Registry, load_registry
from imagegen.services import Services, open_services
from imagegen.settings import NatsSettings, ServiceSettings, Settings
from tests.support.jobs_apart import apart


@pytest.fixture(scope="module")
async def registry() -> Registry:
    return await asyncio.to_thread(load_registry)


@pytest.fixture
def settings(stack: Settings) -> Settings:
    return apart(stack)


@pytest.fixture
async def first(settings: Settings, registry: Registry) -> AsyncGenerator[Services]:
    async with open_services(settings, registry) as services:
        yield services


@pytest.fixture
async def elsewhere(settings: Settings, tmp_path: Path) -> AsyncGenerator[Settings]:
    """The same MongoDB, with a NATS of its own."""
    alone = settings.model_copy(update={"nats": NatsSettings(), "service": ServiceSettings(data_dir=tmp_path)})
    async with local_stack(alone) as complete:
        yield complete


async def delete_stream(settings: Settings) -> None:
    assert settings.nats.url is not None
    client = await nats.connect(settings.nats.url.get_secret_value())  # pyright: ignore[reportUnknownMemberType] - its **options
    await client.jetstream().delete_stream(settings.nats.stream)  # pyright: ignore[reportUnknownMemberType] - its **options
    await client.close()


@pytest.mark.usefixtures("first")
async def test_second_nats_with_the_same_mongodb_is_refused_with_advice(
    elsewhere: Settings, registry: Registry
) -> None:
    with pytest.raises(StartupError, match=r"NATS_URL.*to the same for all"):
        async with open_services(elsewhere, registry):
            pass


async def test_another_nats_may_take_over_when_the_others_have_left(
    settings: Settings, elsewhere: Settings, registry: Registry
) -> None:
    async with open_services(settings, registry):
        pass
    async with open_services(elsewhere, registry) as services:
        await services.queue.stream.check()


async def test_processes_that_start_at_once_on_a_new_nats_agree(settings: Settings, registry: Registry) -> None:
    async def identity() -> str:
        async with open_services(settings, registry) as services:
            await asyncio.sleep(1)
            return services.queue.stream.identity_in_use

    assert len(set(await asyncio.gather(*(identity() for _ in range(4))))) == 1


async def test_lost_stream_is_created_again_as_the_same_queue(
    first: Services, settings: Settings, registry: Registry
) -> None:
    await delete_stream(settings)
    async with open_services(settings, registry) as second:
        identities = [await second.queue.stream.identity()]
        await delete_stream(settings)
        await reconcile(first)
        identities.append(await second.queue.stream.identity())

    assert identities == [first.queue.stream.identity_in_use] * 2


async def test_replaced_stream_gets_the_identity_in_use(first: Services, settings: Settings) -> None:
    await delete_stream(settings)
    async with open_queue(settings.nats, settings.service.lease) as other:
        before = await other.stream.identity()
        await reconcile(first)

        in_use = first.queue.stream.identity_in_use
        assert (await other.stream.identity(), before != in_use) == (in_use, True)
