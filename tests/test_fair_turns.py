"""Which job is next, from the request to the queue: each decision of record 14, in a running service.

A service without a runner accepts the jobs; the tests check the order in which the queue delivers them.
"""

from collections.abc import AsyncGenerator, Sequence
from datetime import timedelta

import nats  # noqa: TID251 - loses the stream behind the queue's back
import pytest

from imagegen.engine.worker import reconcile
from imagegen.queue.lanes import FIRST_LANE_LIMIT, LOW_EVERY
from imagegen.settings import Settings
from tests.support.jobs_apart import apart
from tests.support.service import FLUX, ITEM, Json, Service, running

MANY = 30
SOON = 2 * FIRST_LANE_LIMIT + 3  # a hog's first jobs, as many of its other jobs, and the turn of the first lane


@pytest.fixture
def settings(stack: Settings) -> Settings:
    return apart(stack)


@pytest.fixture
async def idle(settings: Settings) -> AsyncGenerator[Service]:
    """A service that runs no jobs."""
    async with running(settings, with_runner=False) as service:
        yield service


async def accepted(service: Service, user_id: str, count: int = 1) -> list[str]:
    return [await service.accept({**FLUX, "userId": user_id}) for _ in range(count)]


async def batched(service: Service, user_id: str, count: int = 1) -> list[str]:
    batch = (await service.batch(*[ITEM] * count, user_id=user_id)).json()["batchId"]
    return list((await service.services.batches.get(batch)).job_ids)


async def taken(service: Service, count: int) -> list[str]:
    """The ids of the next jobs of the queue."""
    ids = list[str]()
    for _ in range(count):
        message = await service.services.queue.take(timedelta(seconds=10))
        assert message is not None
        await message.acknowledge()
        message.release_priority()
        ids.append(message.job_id)
    return ids


def place_of(ids: Sequence[str], order: Sequence[str]) -> int:
    """The position of the first of these jobs in the order."""
    return 1 + min(order.index(job_id) for job_id in ids)


async def test_request_does_not_wait_behind_many_of_another_user(idle: Service) -> None:
    await accepted(idle, "hog", MANY)
    late = await accepted(idle, "late")

    assert place_of(late, await taken(idle, MANY + 1)) <= SOON


async def test_batch_does_not_wait_behind_a_large_batch_of_another_user(idle: Service) -> None:
    await batched(idle, "hog", MANY)
    late = await batched(idle, "late")

    assert place_of(late, await taken(idle, MANY + 1)) <= SOON


async def test_batch_does_not_wait_behind_many_small_batches_of_another_user(idle: Service) -> None:
    for _ in range(MANY // 3):
        await batched(idle, "hog", 3)
    late = await batched(idle, "late")

    assert place_of(late, await taken(idle, MANY + 1)) <= SOON + 4  # the second batch may be in the first lane entirely


async def test_many_users_with_one_request_do_not_wait_behind_one_with_many(idle: Service) -> None:
    await accepted(idle, "hog", MANY)
    late = [job_id for number in range(5) for job_id in await accepted(idle, f"late{number}")]

    order = await taken(idle, MANY + 5)

    assert 1 + max(order.index(job_id) for job_id in late) <= FIRST_LANE_LIMIT + 2 * 5 + 6


async def test_crowded_user_advances_beside_a_stream_of_others(idle: Service) -> None:
    hog = await accepted(idle, "hog", MANY)
    for number in range(MANY):
        await accepted(idle, f"other{number}")

    order = await taken(idle, MANY)

    assert len([job_id for job_id in order if job_id in hog]) >= MANY // 2


async def test_request_overtakes_the_batch_of_any_user(idle: Service) -> None:
    await batched(idle, "someone", MANY)
    late = [*await accepted(idle, "someone"), *await accepted(idle, "someone else")]

    assert set((await taken(idle, MANY + 2))[:3]) > set(late)


async def test_batch_advances_beside_requests(idle: Service) -> None:
    batch = await batched(idle, "patient", 2)
    for number in range(2 * LOW_EVERY):
        await accepted(idle, f"user{number}")

    order = await taken(idle, 2 * LOW_EVERY + 2)

    assert [order.index(job_id) < (turn + 1) * LOW_EVERY for turn, job_id in enumerate(batch)] == [True, True]


async def test_users_keep_their_lanes_when_a_lost_queue_is_filled_again(idle: Service, settings: Settings) -> None:
    await accepted(idle, "hog", MANY)
    late = await accepted(idle, "late")
    await accepted(idle, "hog", MANY)
    assert settings.nats.url is not None
    client = await nats.connect(settings.nats.url.get_secret_value())  # pyright: ignore[reportUnknownMemberType] - its **options
    await client.jetstream().delete_stream(settings.nats.stream)  # pyright: ignore[reportUnknownMemberType] - its **options
    await client.close()

    assert await reconcile(idle.services, timedelta(0)) == 2 * MANY + 1
    assert place_of(late, await taken(idle, 2 * MANY + 1)) <= 3


async def test_jobs_of_other_processes_count_as_waiting(idle: Service, settings: Settings) -> None:
    await accepted(idle, "hog", MANY)
    async with running(settings, with_runner=False) as other:
        await accepted(other, "hog", MANY)
        late = await accepted(other, "late")

        assert place_of(late, await taken(other, 2 * MANY + 1)) <= SOON + 2 * FIRST_LANE_LIMIT


async def test_jobs_of_batches_have_low_priority_at_fal(service: Service) -> None:
    low: Json = {**ITEM, "inputs": {"prompt": "a low one"}}
    batch = (await service.batch(low, user_id="user123")).json()["batchId"]
    for job_id in (await service.services.batches.get(batch)).job_ids:
        await service.ended(job_id)
    await service.generate({**FLUX, "inputs": {"prompt": "a normal one"}})

    sent = {each["body"].get("prompt"): each["headers"] for each in await service.sandbox.requests()}
    priorities = [sent[prompt].get("x-fal-queue-priority") for prompt in ("a low one", "a normal one")]
    assert priorities == ["low", None]
