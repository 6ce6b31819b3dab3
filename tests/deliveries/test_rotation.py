"""Whose delivery is next: users take turns, each user's receivers take turns, and the oldest of a route is first."""

from collections.abc import AsyncGenerator
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from imagegen.clock import now
from imagegen.engine.webhook_sender.quotas import ReceiverQuotas
from imagegen.engine.webhook_sender.rotation import DeliveryRotation
from imagegen.observability.metrics import Metrics
from imagegen.settings import Settings
from imagegen.storage.stores import open_stores
from imagegen.storage.webhook_deliveries import WebhookDeliveries
from imagegen.webhooks import DeliveryRoute, RetrySchedule
from tests.support.jobs_apart import apart

SCHEDULE = RetrySchedule()


@pytest.fixture
async def deliveries(stack: Settings) -> AsyncGenerator[WebhookDeliveries]:
    async with open_stores(apart(stack).mongodb) as stores:
        yield stores.webhook_deliveries


@pytest.fixture
def quotas() -> ReceiverQuotas:
    return ReceiverQuotas(64, SCHEDULE)


@pytest.fixture
def rotation(deliveries: WebhookDeliveries, quotas: ReceiverQuotas) -> DeliveryRotation:
    return DeliveryRotation(deliveries, Metrics(), quotas, SCHEDULE)


async def record(deliveries: WebhookDeliveries, *routes: tuple[str, str]) -> list[str]:
    """Record a due delivery for each user and receiver; the first is the oldest."""
    began = now() - timedelta(hours=1)
    documents: list[dict[str, Any]] = [
        {
            "_id": uuid4().hex,
            "jobId": "job",
            "event": "job.completed",
            "userId": user_id,
            "receiver": receiver,
            "url": f"https://{receiver}/",
            "endedAt": began,
            "createdAt": began,
            "dueAt": began + timedelta(seconds=number),
            "state": "pending",
            "claims": 0,
            "attempts": [],
        }
        for number, (user_id, receiver) in enumerate(routes)
    ]
    await deliveries._deliveries.insert_many(documents)  # pyright: ignore[reportPrivateUsage] - without a job for each
    return [document["_id"] for document in documents]


async def claimed(rotation: DeliveryRotation, count: int) -> list[DeliveryRoute]:
    found = [await rotation.next() for _ in range(count)]
    return [delivery.route for delivery in found if delivery is not None]


async def test_users_take_turns(deliveries: WebhookDeliveries, rotation: DeliveryRotation) -> None:
    await record(deliveries, *[("ann", "a")] * 10, *[("bob", "a")] * 3, ("cid", "a"))

    users = [route.user_id for route in await claimed(rotation, 9)]

    assert users == ["ann", "bob", "cid", "ann", "bob", "ann", "bob", "ann", "ann"]


async def test_receivers_of_a_user_take_turns(deliveries: WebhookDeliveries, rotation: DeliveryRotation) -> None:
    await record(deliveries, *[("ann", "a")] * 10, *[("ann", "b")] * 2, ("ann", "c"))

    receivers = [route.receiver for route in await claimed(rotation, 7)]

    assert receivers == ["a", "b", "c", "a", "b", "a", "a"]


async def test_oldest_delivery_of_a_route_is_first(deliveries: WebhookDeliveries, rotation: DeliveryRotation) -> None:
    ids = await record(deliveries, *[("ann", "a")] * 3)

    found = [await rotation.next() for _ in range(4)]

    assert [delivery and delivery.id for delivery in found] == [*ids, None]


async def test_user_with_its_share_is_skipped(
    deliveries: WebhookDeliveries, rotation: DeliveryRotation, quotas: ReceiverQuotas
) -> None:
    await record(deliveries, *[("ann", "new")] * 3, ("bob", "new"))
    for number in range(32):
        quotas.take(DeliveryRoute("ann", f"receiver{number}"))

    assert await claimed(rotation, 2) == [DeliveryRoute("bob", "new")]


async def test_receiver_with_its_share_is_skipped(
    deliveries: WebhookDeliveries, rotation: DeliveryRotation, quotas: ReceiverQuotas
) -> None:
    await record(deliveries, ("ann", "full"), ("ann", "new"), ("bob", "full"))
    for number in range(16):
        quotas.take(DeliveryRoute(f"user{number}", "full"))

    assert await claimed(rotation, 2) == [DeliveryRoute("ann", "new")]


async def test_user_with_its_share_of_a_receiver_is_skipped_there(
    deliveries: WebhookDeliveries, rotation: DeliveryRotation, quotas: ReceiverQuotas
) -> None:
    await record(deliveries, *[("ann", "busy")] * 3, ("bob", "busy"))
    for _ in range(8):
        quotas.take(DeliveryRoute("ann", "busy"))

    assert await claimed(rotation, 2) == [DeliveryRoute("bob", "busy")]


async def test_paused_route_is_postponed_and_others_are_not(
    deliveries: WebhookDeliveries, rotation: DeliveryRotation, quotas: ReceiverQuotas
) -> None:
    await record(deliveries, *[("ann", "silent")] * 3, ("ann", "good"), ("bob", "silent"))
    quotas.mark_silent(DeliveryRoute("ann", "silent"), 0.0, 1.0)

    found = await claimed(rotation, 3)

    assert sorted(found, key=str) == [DeliveryRoute("ann", "good"), DeliveryRoute("bob", "silent")]
    log = await deliveries.find_by_job("job")
    due = [delivery.due_at for delivery in log if delivery.route == DeliveryRoute("ann", "silent")]
    assert [moment is not None and moment > now() for moment in due] == [True] * 3
