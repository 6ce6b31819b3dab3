"""A delivery that cannot be sent ends all the same, is logged, and delays no other."""

import asyncio
import logging
from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx
import pytest
from typing_extensions import override

from imagegen.engine.webhook_sender import sending_webhooks
from imagegen.webhooks import RetrySchedule
from tests.support.receiver import Receiver
from tests.support.recorded_deliveries import record_deliveries
from tests.support.service import Json, Service

QUICK = RetrySchedule(
    answer_timeout=timedelta(seconds=1),
    lease=timedelta(seconds=2),
    poll_interval=timedelta(seconds=0.1),
    first_pause=timedelta(seconds=0.1),
    longest_pause=timedelta(seconds=0.3),
    horizon=timedelta(seconds=1),
)
POISON = [
    "http://256.256.256.256/x",
    "https://999.1.1.1",
    "http://1.2.3.04",
    "http://xn--a/",
    "http://a.xn--a.example/",
    "http://2130706433/",
    "http://a:0/",
    "http://a:99999/",
    "http://user@a/",
    "http://[::1%25lo]/",
    "http://[",
    "http://[v1.x]/",
    "http://a b/",
    f"http://{'a' * 300}.example/",
    f"http://{'a.' * 500}example/",
    "gopher://a/",
    "//",
    "",
    "\x00",
    "http://\ud7ff/",
    "http://:80/",
]


async def settled_deliveries(service: Service, job_id: str) -> list[dict[str, Any]]:
    """The stored deliveries of a job, once none is pending."""
    stored = service.services.webhook_deliveries._deliveries  # pyright: ignore[reportPrivateUsage] - as an older version stored it
    async with asyncio.timeout(40):
        while await stored.count_documents({"jobId": job_id, "state": "pending"}):
            await asyncio.sleep(0.05)
    return [found async for found in stored.find({"jobId": job_id})]


async def test_unusable_stored_url_ends_with_one_attempt(
    service: Service, receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    job_id = await record_deliveries(service, POISON)
    good = await record_deliveries(service, [receiver.url])
    async with sending_webhooks(service.services, QUICK):
        await receiver.times(1)
        found, sent = [await settled_deliveries(service, each) for each in (job_id, good)]

    assert [(each["state"], [attempt["outcome"] for attempt in each["attempts"]]) for each in found] == [
        ("failed", ["forbidden_address"])
    ] * len(POISON)
    assert [each["state"] for each in sent] == ["delivered"]
    assert [record for record in caplog.records if record.exc_info] == []
    log = await service.client.get(f"/api/jobs/{job_id}/deliveries")
    assert (log.status_code, len(log.json()["deliveries"])) == (200, len(POISON))


class _Defective(httpx.AsyncBaseTransport):
    """A transport that raises an error other than httpx's."""

    @override
    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        raise UnicodeError("label too long")


async def test_unexpected_error_counts_as_an_attempt(
    service: Service, receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    job_id = await record_deliveries(service, [receiver.url])
    async with sending_webhooks(replace(service.services, receivers=_Defective()), QUICK):
        (delivery,) = await settled_deliveries(service, job_id)

    outcomes = {(attempt["outcome"], attempt["status"]) for attempt in delivery["attempts"]}
    assert (delivery["state"], outcomes, len(delivery["attempts"]) > 1) == ("failed", {("unreachable", None)}, True)
    assert len([record for record in caplog.records if record.exc_info]) == len(delivery["attempts"])


async def test_unreadable_job_counts_as_an_attempt(
    service: Service, receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL)
    job_id = await record_deliveries(service, [receiver.url])
    good = await record_deliveries(service, [receiver.url])
    await service.services.jobs._jobs.update_one({"_id": job_id}, {"$set": {"status": "of the future"}})  # pyright: ignore[reportPrivateUsage] - as an older version stored it
    async with sending_webhooks(service.services, QUICK):
        (delivery,) = await settled_deliveries(service, job_id)
        await receiver.times(1)
        sent = await settled_deliveries(service, good)

    assert (delivery["state"], {attempt["outcome"] for attempt in delivery["attempts"]}) == ("failed", {"unreachable"})
    assert [each["state"] for each in sent] == ["delivered"]


@pytest.mark.parametrize(
    "members", [{"url": 7}, {"attempts": [{"outcome": "of the future"}]}, {"attempts": None}, {"createdAt": None}]
)
async def test_unreadable_delivery_is_given_up(
    service: Service, receiver: Receiver, members: Json, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL)
    job_id = await record_deliveries(service, [receiver.url], **members)
    good = await record_deliveries(service, [receiver.url])
    async with sending_webhooks(service.services, QUICK):
        (delivery,) = await settled_deliveries(service, job_id)
        await receiver.times(1)
        sent = await settled_deliveries(service, good)

    assert delivery["state"] == "failed"
    assert [each["state"] for each in sent] == ["delivered"]


async def test_delivery_recorded_by_version_0_1_0_is_sent(service: Service, receiver: Receiver) -> None:
    job_id = await record_deliveries(service, [receiver.url] * 3)
    stored = service.services.webhook_deliveries._deliveries  # pyright: ignore[reportPrivateUsage] - as an older version stored it
    await stored.update_many({"jobId": job_id}, {"$unset": {"userId": "", "receiver": ""}})
    async with sending_webhooks(service.services, QUICK):
        found = await settled_deliveries(service, job_id)

    assert [each["state"] for each in found] == ["delivered"] * 3
