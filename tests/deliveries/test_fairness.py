"""No user's receivers can hold up the deliveries of another user, however they behave."""

import asyncio
import base64
import socket
import time
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta

import pytest
from bad_receivers import BAD, HangingNames, Loopback, behaving
from jobs_apart import apart
from owed import owe
from pydantic import SecretStr
from receiver import Receiver, receiving
from service import Service, running

from imagegen.deliveries import delivering
from imagegen.http import open_guarded_transport
from imagegen.settings import Settings, WebhookSettings
from imagegen.webhooks import Outcome, Pace
from imagegen.wiring import RECEIVERS_AT_ONCE, Services

SECRET = "whsec_" + base64.b64encode(bytes(32)).decode()
MANY = 1_200


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


@pytest.fixture(autouse=True)
async def nothing_is_owed(house: Service) -> AsyncGenerator[None]:
    yield
    await house.services.jobs.deliveries._deliveries.delete_many({})  # pyright: ignore[reportPrivateUsage] - as an older version stored it


async def states(house: Service, job_id: str) -> list[str]:
    return [delivery.state.value for delivery in await house.services.jobs.deliveries.of_job(job_id)]


async def takes(house: Service, receiver: Receiver, services: Services | None = None) -> float:
    """How long another user's delivery to a good receiver takes, beside what is owed already."""
    async with delivering(services or house.services):
        await asyncio.sleep(1.5)
        await owe(house, [receiver.url], "user123")
        began = time.monotonic()
        await receiver.times(1, within=30)
        return time.monotonic() - began


@pytest.mark.parametrize("kind", BAD)
async def test_a_bad_receiver_of_another_user_costs_no_time(house: Service, receiver: Receiver, kind: str) -> None:
    async with behaving(BAD[kind]) as port:
        await owe(house, [f"http://127.0.0.1:{port}/{number}" for number in range(MANY)])

        assert await takes(house, receiver) < 3


async def test_tls_that_never_completes_costs_no_time(house: Service, receiver: Receiver) -> None:
    async with behaving(BAD["silent"]) as port:
        await owe(house, [f"https://127.0.0.1:{port}/{number}" for number in range(MANY)])

        assert await takes(house, receiver) < 3


async def test_many_users_with_a_silent_receiver_cost_no_time(house: Service, receiver: Receiver) -> None:
    async with behaving(BAD["silent"]) as port:
        for number in range(30):
            await owe(house, [f"http://127.0.0.1:{port}/{number}"] * 40, f"hog{number}")

        assert await takes(house, receiver) < 3


@asynccontextmanager
async def any_name_is_here(house: Service) -> AsyncGenerator[Services]:
    async with open_guarded_transport(RECEIVERS_AT_ONCE, lambda _: True, Loopback()) as receivers:
        yield replace(house.services, receivers=receivers)


async def test_many_names_of_a_silent_address_cost_no_time(house: Service, receiver: Receiver) -> None:
    async with behaving(BAD["silent"]) as port, any_name_is_here(house) as services:
        await owe(house, [f"http://a{number}.example:{port}/" for number in range(MANY)])

        assert await takes(house, receiver, services) < 3


async def test_a_silent_receiver_does_not_hold_up_another_of_the_same_user(house: Service, receiver: Receiver) -> None:
    async with behaving(BAD["silent"]) as port:
        await owe(house, [f"http://127.0.0.1:{port}/{number}" for number in range(MANY)], "user123")

        assert await takes(house, receiver) < 3


async def test_names_that_hang_cost_no_time(
    house: Service, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = HangingNames()
    monkeypatch.setattr(socket, "getaddrinfo", names)
    await owe(house, [f"http://a{number}.hangs.example/" for number in range(MANY)])
    try:
        named = replace(receiver, url=receiver.url.replace("127.0.0.1", "good.example"))
        seconds, in_a_thread = await asyncio.gather(takes(house, named), asyncio.to_thread(time.monotonic))
    finally:
        names.end.set()

    assert (seconds < 3, in_a_thread > 0) == (True, True)


async def test_a_receiver_that_answers_again_gets_all_that_is_owed(house: Service, receiver: Receiver) -> None:
    pace = Pace(
        answer_within=timedelta(seconds=0.3),
        look_again=timedelta(seconds=0.1),
        first_pause=timedelta(seconds=0.5),
        longest_silence=timedelta(seconds=1),
    )
    receiver.delay = 60
    job_id = await owe(house, [receiver.url] * 200)
    async with delivering(house.services, pace):
        await receiver.times(20)
        tried = len(receiver.received)
        receiver.delay = 0
        await receiver.times(tried + 200)

    counted = Counter(await states(house, job_id))
    assert (counted["delivered"] >= 190, tried < 60) == (True, True)


async def test_while_a_receiver_is_silent_it_gets_one_attempt_at_a_time(house: Service, receiver: Receiver) -> None:
    pace = Pace(
        answer_within=timedelta(seconds=0.3),
        look_again=timedelta(seconds=0.1),
        first_pause=timedelta(seconds=0.3),
        longest_silence=timedelta(seconds=0.3),
    )
    receiver.delay = 60
    await owe(house, [receiver.url] * 200)
    async with delivering(house.services, pace):
        await receiver.times(RECEIVERS_AT_ONCE // 8)
        await asyncio.sleep(0.5)
        first = len(receiver.received)
        await asyncio.sleep(3)

    later = [each.at for each in receiver.received[first:]]
    assert (first <= RECEIVERS_AT_ONCE // 8 + 2, 2 <= len(later) <= 6) == (True, True)


async def test_what_waits_for_a_silent_receiver_is_given_up_in_the_end(house: Service, receiver: Receiver) -> None:
    pace = Pace(
        answer_within=timedelta(seconds=0.3),
        look_again=timedelta(seconds=0.1),
        first_pause=timedelta(seconds=0.3),
        longest_silence=timedelta(seconds=0.5),
        horizon=timedelta(seconds=2),
    )
    receiver.delay = 60
    job_id = await owe(house, [receiver.url] * 100)
    async with delivering(house.services, pace), asyncio.timeout(15):
        while (counted := Counter(await states(house, job_id))) != {"failed": 100}:
            await asyncio.sleep(0.1)

    log = await house.services.jobs.deliveries.of_job(job_id)
    last = Counter(delivery.attempts[-1].outcome for delivery in log)
    assert counted.keys() == {"failed"}
    assert (last.keys(), last[Outcome.POSTPONED] > 50) == ({Outcome.TIMED_OUT, Outcome.POSTPONED}, True)
