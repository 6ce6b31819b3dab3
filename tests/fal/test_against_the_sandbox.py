"""Whole generations against a server that speaks fal's queue protocol."""

import asyncio
from decimal import Decimal

import pytest
from dirty_equals import IsPartialDict
from pydantic import SecretStr

from imagegen.errors import ProviderRejected
from imagegen.fal import FalClient, Progress
from imagegen.net.http import Sender
from imagegen.settings import FalSettings, Settings

ENDPOINT = "fal-ai/flux/dev"


def fal_with_key(key: str, stack: Settings, pool: Sender) -> FalClient:
    return FalClient(FalSettings(key=SecretStr(key), queue_url=stack.fal.queue_url), pool)


async def ignore(_: Progress) -> None: ...


async def test_generation_ends_with_images_that_can_be_fetched(stack: Settings, pool: Sender) -> None:
    fal = fal_with_key("room:whole-generation", stack, pool)
    reported: list[Progress] = []

    async def on_progress(progress: Progress) -> None:
        reported.append(progress)

    request = await fal.submit(ENDPOINT, {"prompt": "a fox", "num_images": 2, "image_size": "square"})
    await fal.wait(request, on_progress)
    result = await fal.result(request)

    assert result.payload == IsPartialDict(prompt="a fox")
    assert result.billable_units == Decimal(result.billable_units or 0) > 0
    assert [image.nsfw for image in result.images] == [False, False]
    assert {image.url.partition("/files/")[0] for image in result.images} <= fal.media_hosts
    assert {progress.state for progress in reported} <= {"in_queue", "in_progress"}
    assert reported


async def test_cancelled_request_ends_with_fals_own_error(stack: Settings, pool: Sender) -> None:
    fal = fal_with_key("room:cancelled", stack, pool)
    request = await fal.submit(ENDPOINT, {"prompt": "a fox"})
    await fal.cancel(request)
    await fal.wait(request, ignore)

    with pytest.raises(ProviderRejected) as caught:
        await fal.result(request)
    assert (caught.value.answer.status, caught.value.answer.error_type) == (499, "client_cancelled")


async def test_key_check_passes_free_of_charge(stack: Settings, pool: Sender) -> None:
    await fal_with_key("room:check", stack, pool).check()


async def test_concurrent_generations_keep_apart(stack: Settings, pool: Sender) -> None:
    fal = fal_with_key("room:many", stack, pool)

    async def generate(number: int) -> object:
        request = await fal.submit(ENDPOINT, {"prompt": f"fox {number}", "image_size": "square"})
        await fal.wait(request, ignore)
        return (await fal.result(request)).payload["prompt"]

    assert await asyncio.gather(*map(generate, range(4))) == [f"fox {number}" for number in range(4)]
