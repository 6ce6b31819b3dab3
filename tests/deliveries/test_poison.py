"""A delivery that cannot be made ends all the same, with a record of it, and holds up no other."""

import asyncio
import base64
import logging
from collections.abc import AsyncGenerator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx
import pytest
from jobs_apart import apart
from owed import owe
from pydantic import SecretStr
from receiver import Receiver, receiving
from service import Json, Service, running
from typing_extensions import override

from imagegen.deliveries import delivering
from imagegen.settings import Settings, WebhookSettings
from imagegen.webhooks import Pace

SECRET = "whsec_" + base64.b64encode(bytes(32)).decode()
QUICK = Pace(
    answer_within=timedelta(seconds=1),
    lease=timedelta(seconds=2),
    look_again=timedelta(seconds=0.1),
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


@pytest.fixture(scope="module")
def settings(stack: Settings) -> Settings:
    webhooks = WebhookSettings(secrets=SecretStr(SECRET), allow_private=True)
    return apart(stack).model_copy(update={"webhooks": webhooks})


@pytest.fixture(scope="module")
async def house(settings: Settings) -> AsyncGenerator[Service]:
    async with running(settings) as service:
        yield service


@pytest.fixture
async def receiver() -> AsyncGenerator[Receiver]:
    async with receiving() as opened:
        yield opened


async def ended(house: Service, job_id: str) -> list[dict[str, Any]]:
    """The stored deliveries of a job, once nothing more is sent of it."""
    stored = house.services.jobs.deliveries._deliveries  # pyright: ignore[reportPrivateUsage] - as an older version stored it
    async with asyncio.timeout(15):
        while await stored.count_documents({"jobId": job_id, "state": "pending"}):
            await asyncio.sleep(0.05)
    return [found async for found in stored.find({"jobId": job_id})]


async def test_a_stored_url_that_cannot_be_sent_to_ends_with_an_attempt(
    house: Service, receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    job_id = await owe(house, POISON)
    good = await owe(house, [receiver.url])
    async with delivering(house.services, QUICK):
        await receiver.times(1)
        found = await ended(house, job_id)

    assert [(each["state"], [made["outcome"] for made in each["attempts"]]) for each in found] == [
        ("failed", ["forbidden_address"])
    ] * len(POISON)
    assert [each["state"] for each in await ended(house, good)] == ["delivered"]
    assert [record for record in caplog.records if record.exc_info] == []
    log = await house.client.get(f"/api/jobs/{job_id}/deliveries")
    assert (log.status_code, len(log.json()["deliveries"])) == (200, len(POISON))


class _Defective(httpx.AsyncBaseTransport):
    """A transport that fails as no transport should."""

    @override
    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        raise UnicodeError("label too long")


async def test_a_defect_is_an_attempt_and_comes_to_an_end(
    house: Service, receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    job_id = await owe(house, [receiver.url])
    async with delivering(replace(house.services, receivers=_Defective()), QUICK):
        (delivery,) = await ended(house, job_id)

    outcomes = {(made["outcome"], made["status"]) for made in delivery["attempts"]}
    assert (delivery["state"], outcomes, len(delivery["attempts"]) > 1) == ("failed", {("unreachable", None)}, True)
    assert len([record for record in caplog.records if record.exc_info]) == len(delivery["attempts"])


async def test_a_job_that_cannot_be_read_is_an_attempt_and_comes_to_an_end(
    house: Service, receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL)
    job_id = await owe(house, [receiver.url])
    good = await owe(house, [receiver.url])
    await house.services.jobs._jobs.update_one({"_id": job_id}, {"$set": {"status": "of the future"}})  # pyright: ignore[reportPrivateUsage] - as an older version stored it
    async with delivering(house.services, QUICK):
        (delivery,) = await ended(house, job_id)
        await receiver.times(1)

    assert (delivery["state"], {made["outcome"] for made in delivery["attempts"]}) == ("failed", {"unreachable"})
    assert [each["state"] for each in await ended(house, good)] == ["delivered"]


@pytest.mark.parametrize(
    "members", [{"url": 7}, {"attempts": [{"outcome": "of the future"}]}, {"attempts": None}, {"createdAt": None}]
)
async def test_a_record_that_cannot_be_read_is_given_up(
    house: Service, receiver: Receiver, members: Json, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL)
    job_id = await owe(house, [receiver.url], **members)
    good = await owe(house, [receiver.url])
    async with delivering(house.services, QUICK):
        (delivery,) = await ended(house, job_id)
        await receiver.times(1)

    assert delivery["state"] == "failed"
    assert [each["state"] for each in await ended(house, good)] == ["delivered"]


async def test_what_version_0_1_0_recorded_is_sent(house: Service, receiver: Receiver) -> None:
    job_id = await owe(house, [receiver.url] * 3)
    stored = house.services.jobs.deliveries._deliveries  # pyright: ignore[reportPrivateUsage] - as an older version stored it
    await stored.update_many({"jobId": job_id}, {"$unset": {"userId": "", "receiver": ""}})
    async with delivering(house.services, QUICK):
        found = await ended(house, job_id)

    assert [each["state"] for each in found] == ["delivered"] * 3
