"""Whose job is next, from the request to the queue: each decision of record 14, seen where it matters.

The jobs are accepted by a service without a runner; the order in which the queue gives them out is what is looked at.
"""

from collections.abc import AsyncGenerator, Sequence
from datetime import timedelta

import nats  # noqa: TID251 - loses the stream behind the queue's back
import pytest
from jobs_apart import a_job, apart
from service import FLUX, ITEM, Json, Service, running

from imagegen.queue.newcomers import Newcomers
from imagegen.queue_lanes import FEW, LOW_TURN
from imagegen.settings import Settings
from imagegen.worker import audit

MANY = 30
SOON = 2 * FEW + 3  # a hog's first jobs, as many of its others, and the first lane's turn


@pytest.fixture
def settings(stack: Settings) -> Settings:
    return apart(stack)


@pytest.fixture
async def idle(settings: Settings) -> AsyncGenerator[Service]:
    """A service in which jobs only wait."""
    async with running(settings, with_runner=False) as service:
        yield service


async def accepted(service: Service, user_id: str, count: int = 1) -> list[str]:
    return [await service.accept({**FLUX, "userId": user_id}) for _ in range(count)]


async def batched(service: Service, user_id: str, count: int = 1) -> list[str]:
    batch = (await service.batch(*[ITEM] * count, user_id=user_id)).json()["batchId"]
    return list((await service.services.jobs.batches.get(batch)).job_ids)


async def taken(service: Service, count: int) -> list[str]:
    """The jobs as a runner gets them."""
    ids = list[str]()
    for _ in range(count):
        delivery = await service.services.queue.take(timedelta(seconds=10))
        assert delivery is not None
        await delivery.acknowledge()
        delivery.settled()
        ids.append(delivery.job_id)
    return ids


def place_of(ids: Sequence[str], order: Sequence[str]) -> int:
    """How many jobs were taken, up to the first of these."""
    return 1 + min(order.index(job_id) for job_id in ids)


async def test_a_request_is_not_behind_the_many_of_another_user(idle: Service) -> None:
    await accepted(idle, "hog", MANY)
    late = await accepted(idle, "late")

    assert place_of(late, await taken(idle, MANY + 1)) <= SOON


async def test_a_batch_is_not_behind_the_large_one_of_another_user(idle: Service) -> None:
    await batched(idle, "hog", MANY)
    late = await batched(idle, "late")

    assert place_of(late, await taken(idle, MANY + 1)) <= SOON


async def test_a_batch_is_not_behind_the_many_small_ones_of_another_user(idle: Service) -> None:
    for _ in range(MANY // 3):
        await batched(idle, "hog", 3)
    late = await batched(idle, "late")

    assert place_of(late, await taken(idle, MANY + 1)) <= SOON + 4  # the second batch may go whole to the first lane


async def test_many_users_with_a_request_each_are_not_behind_the_many_of_one(idle: Service) -> None:
    await accepted(idle, "hog", MANY)
    late = [job_id for number in range(5) for job_id in await accepted(idle, f"late{number}")]

    order = await taken(idle, MANY + 5)

    assert 1 + max(order.index(job_id) for job_id in late) <= FEW + 2 * 5 + 6


async def test_a_user_with_many_goes_on_beside_a_stream_of_others(idle: Service) -> None:
    hog = await accepted(idle, "hog", MANY)
    for number in range(MANY):
        await accepted(idle, f"other{number}")

    order = await taken(idle, MANY)

    assert len([job_id for job_id in order if job_id in hog]) >= MANY // 2


async def test_a_request_overtakes_the_batch_of_any_user(idle: Service) -> None:
    await batched(idle, "someone", MANY)
    late = [*await accepted(idle, "someone"), *await accepted(idle, "someone else")]

    assert set((await taken(idle, MANY + 2))[:3]) > set(late)


async def test_a_batch_is_not_left_standing_by_requests(idle: Service) -> None:
    batch = await batched(idle, "patient", 2)
    for number in range(2 * LOW_TURN):
        await accepted(idle, f"user{number}")

    order = await taken(idle, 2 * LOW_TURN + 2)

    assert [order.index(job_id) < (turn + 1) * LOW_TURN for turn, job_id in enumerate(batch)] == [True, True]


async def test_users_stay_apart_when_a_lost_queue_is_filled_again(idle: Service, settings: Settings) -> None:
    await accepted(idle, "hog", MANY)
    late = await accepted(idle, "late")
    await accepted(idle, "hog", MANY)
    assert settings.nats.url is not None
    client = await nats.connect(settings.nats.url.get_secret_value())  # pyright: ignore[reportUnknownMemberType] - its **options
    await client.jetstream().delete_stream(settings.nats.stream)  # pyright: ignore[reportUnknownMemberType] - its **options
    await client.close()

    assert await audit(idle.services, timedelta(0)) == 2 * MANY + 1
    assert place_of(late, await taken(idle, 2 * MANY + 1)) <= 3


async def test_another_processes_jobs_count_too(idle: Service, settings: Settings) -> None:
    await accepted(idle, "hog", MANY)
    async with running(settings, with_runner=False) as other:
        await accepted(other, "hog", MANY)
        late = await accepted(other, "late")

        assert place_of(late, await taken(other, 2 * MANY + 1)) <= SOON + 2 * FEW


async def test_jobs_of_batches_are_sent_to_fal_behind_its_other_requests(service: Service) -> None:
    low: Json = {**ITEM, "inputs": {"prompt": "a low one"}}
    batch = (await service.batch(low, user_id="user123")).json()["batchId"]
    for job_id in (await service.services.jobs.batches.get(batch)).job_ids:
        await service.ended(job_id)
    await service.generate({**FLUX, "inputs": {"prompt": "a normal one"}})

    sent = {each["body"].get("prompt"): each["headers"] for each in await service.sandbox.requests()}
    priorities = [sent[prompt].get("x-fal-queue-priority") for prompt in ("a low one", "a normal one")]
    assert priorities == ["low", None]


def test_newcomers_are_counted_by_user_and_priority_until_they_are_begun_with() -> None:
    newcomers, job, other = Newcomers(), a_job(user_id="one"), a_job(user_id="another")
    counts = [newcomers.count(job.user_id, job.priority)]
    for each in (job, other):
        newcomers.came(each)
        counts.append(newcomers.count(job.user_id, job.priority))
    newcomers.went(job.id)
    newcomers.went("never heard of")
    counts.append(newcomers.count(job.user_id, job.priority))

    assert (counts, newcomers.count(other.user_id, other.priority)) == ([0, 1, 1, 0], 1)
