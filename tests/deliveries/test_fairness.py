"""No user's receivers can delay the deliveries of another user, however they behave."""

import asyncio
import socket
import time
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta

import pytest

from imagegen.engine.webhook_sender import sending_webhooks
from imagegen.net.guarded_transport import open_guarded_transport
from imagegen.services import RECEIVERS_AT_ONCE, Services
from imagegen.webhooks import AttemptOutcome, RetrySchedule
from tests.support.bad_receivers import BAD, HangingNames, Loopback, behaving
from tests.support.receiver import Receiver
from tests.support.recorded_deliveries import record_deliveries
from tests.support.service import Service

MANY = 1_200


@pytest.fixture(autouse=True)
async def no_deliveries_left(service: Service) -> AsyncGenerator[None]:
    yield
    await service.services.webhook_deliveries._deliveries.delete_many({})  # pyright: ignore[reportPrivateUsage] - as an older version stored it


async def states(service: Service, job_id: str) -> list[str]:
    return [delivery.state.value for delivery in await service.services.webhook_deliveries.find_by_job(job_id)]


async def seconds_until_delivered(service: Service, receiver: Receiver, services: Services | None = None) -> float:
    """How long another user's delivery to a good receiver takes beside the pending ones."""
    async with sending_webhooks(services or service.services):
        await asyncio.sleep(1.5)
        await record_deliveries(service, [receiver.url], "user123")
        began = time.monotonic()
        await receiver.times(1, within=30)
        return time.monotonic() - began


@pytest.mark.parametrize("kind", BAD)
async def test_bad_receiver_of_another_user_costs_no_time(service: Service, receiver: Receiver, kind: str) -> None:
    async with behaving(BAD[kind]) as port:
        await record_deliveries(service, [f"http://127.0.0.1:{port}/{number}" for number in range(MANY)])

        assert await seconds_until_delivered(service, receiver) < 3


async def test_tls_that_never_completes_costs_no_time(service: Service, receiver: Receiver) -> None:
    async with behaving(BAD["silent"]) as port:
        await record_deliveries(service, [f"https://127.0.0.1:{port}/{number}" for number in range(MANY)])

        assert await seconds_until_delivered(service, receiver) < 3


@pytest.mark.slow
async def test_many_users_with_a_silent_receiver_cost_no_time(service: Service, receiver: Receiver) -> None:
    async with behaving(BAD["silent"]) as port:
        for number in range(30):
            await record_deliveries(service, [f"http://127.0.0.1:{port}/{number}"] * 40, f"hog{number}")

        assert await seconds_until_delivered(service, receiver) < 3


@asynccontextmanager
async def all_names_are_local(service: Service) -> AsyncGenerator[Services]:
    async with open_guarded_transport(RECEIVERS_AT_ONCE, lambda _: True, Loopback()) as receivers:
        yield replace(service.services, receivers=receivers)


async def test_many_names_of_a_silent_address_cost_no_time(service: Service, receiver: Receiver) -> None:
    async with behaving(BAD["silent"]) as port, all_names_are_local(service) as services:
        await record_deliveries(service, [f"http://a{number}.example:{port}/" for number in range(MANY)])

        assert await seconds_until_delivered(service, receiver, services) < 3


async def test_silent_receiver_does_not_delay_another_of_the_same_user(service: Service, receiver: Receiver) -> None:
    async with behaving(BAD["silent"]) as port:
        await record_deliveries(service, [f"http://127.0.0.1:{port}/{number}" for number in range(MANY)], "user123")

        assert await seconds_until_delivered(service, receiver) < 3


async def test_names_that_never_resolve_cost_no_time(
    service: Service, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = HangingNames()
    monkeypatch.setattr(socket, "getaddrinfo", names)
    await record_deliveries(service, [f"http://a{number}.hangs.example/" for number in range(MANY)])
    try:
        named = replace(receiver, url=receiver.url.replace("127.0.0.1", "good.example"))
        seconds, in_a_thread = await asyncio.gather(
            seconds_until_delivered(service, named), asyncio.to_thread(time.monotonic)
        )
    finally:
        names.end.set()

    assert (seconds < 3, in_a_thread > 0) == (True, True)


@pytest.mark.slow
async def test_receiver_that_responds_again_gets_all_its_deliveries(service: Service, receiver: Receiver) -> None:
    schedule = RetrySchedule(
        answer_timeout=timedelta(seconds=0.3),
        poll_interval=timedelta(seconds=0.1),
        first_pause=timedelta(seconds=0.5),
        longest_route_pause=timedelta(seconds=1),
    )
    receiver.delay = 60
    job_id = await record_deliveries(service, [receiver.url] * 200)
    async with sending_webhooks(service.services, schedule):
        await receiver.times(20)
        tried = len(receiver.received)
        receiver.delay = 0
        async with asyncio.timeout(40):
            while set(await states(service, job_id)) != {"delivered"}:
                await asyncio.sleep(0.1)

    assert (len(receiver.received) >= tried + 200, tried < 60) == (True, True)


async def test_silent_receiver_gets_one_attempt_at_a_time(service: Service, receiver: Receiver) -> None:
    schedule = RetrySchedule(
        answer_timeout=timedelta(seconds=0.3),
        poll_interval=timedelta(seconds=0.1),
        first_pause=timedelta(seconds=0.3),
        longest_route_pause=timedelta(seconds=0.3),
    )
    receiver.delay = 60
    await record_deliveries(service, [receiver.url] * 200)
    async with sending_webhooks(service.services, schedule):
        await receiver.times(RECEIVERS_AT_ONCE // 8)
        await asyncio.sleep(0.5)
        first = len(receiver.received)
        await asyncio.sleep(3)

    later = [each.at for each in receiver.received[first:]]
    assert (first <= RECEIVERS_AT_ONCE // 8 + 2, 2 <= len(later) <= 6) == (True, True)


async def test_deliveries_to_a_silent_receiver_are_given_up_at_the_horizon(
    service: Service, receiver: Receiver
) -> None:
    schedule = RetrySchedule(
        answer_timeout=timedelta(seconds=0.3),
        poll_interval=timedelta(seconds=0.1),
        first_pause=timedelta(seconds=0.3),
        longest_route_pause=timedelta(seconds=0.5),
        horizon=timedelta(seconds=2),
    )
    receiver.delay = 60
    job_id = await record_deliveries(service, [receiver.url] * 100)
    async with sending_webhooks(service.services, schedule), asyncio.timeout(30):
        while (counted := Counter(await states(service, job_id))) != {"failed": 100}:
            await asyncio.sleep(0.1)

    log = await service.services.webhook_deliveries.find_by_job(job_id)
    last = Counter(delivery.attempts[-1].outcome for delivery in log)
    assert counted.keys() == {"failed"}
    assert (last.keys(), last[AttemptOutcome.POSTPONED] > 50) == (
        {AttemptOutcome.TIMED_OUT, AttemptOutcome.POSTPONED},
        True,
    )
