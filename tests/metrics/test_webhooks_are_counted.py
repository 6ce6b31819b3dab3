"""Each way that an attempt at a caller's webhook can go is counted under its own word."""

import asyncio
import base64
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import pytest
from aiohttp.web import Response
from owed import owe
from pydantic import SecretStr
from receiver import Receiver, receiving
from scraped import scrape
from service import FLUX, Service, running

from imagegen.deliveries import delivering
from imagegen.settings import Settings, WebhookSettings
from imagegen.webhooks import Outcome, Pace

SECRET: Final = "whsec_" + base64.b64encode(bytes(32)).decode()
ONCE: Final = Pace(answer_within=timedelta(seconds=1), horizon=timedelta(0), look_again=timedelta(seconds=0.1))
NOWHERE: Final = "http://127.0.0.1:9/hook"


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """What the receiver does. `becomes_private`: its address is forbidden by the time of the attempt."""

    answer: int = 204
    delay: float = 0
    url: str | None = None
    becomes_private: bool = False


CASES: Final[Mapping[Outcome, Case]] = {
    Outcome.DELIVERED: Case(),
    Outcome.REFUSED: Case(answer=500),
    Outcome.GONE: Case(answer=410),
    Outcome.REDIRECTED: Case(answer=302),
    Outcome.TIMED_OUT: Case(delay=3),
    Outcome.UNREACHABLE: Case(url=NOWHERE),
    Outcome.FORBIDDEN_ADDRESS: Case(becomes_private=True),
}


@pytest.fixture
async def receiver() -> AsyncGenerator[Receiver]:
    async with receiving() as opened:
        yield opened


def told_of(own: Settings, *, private: bool) -> Settings:
    webhooks = WebhookSettings(secrets=SecretStr(SECRET), allow_private=private)
    return own.model_copy(update={"webhooks": webhooks})


async def job_with_a_webhook(house: Service, url: str) -> None:
    await house.generate({**FLUX, "webhookUrl": url})


async def attempted(house: Service) -> None:
    """Wait until there was an attempt."""
    async with asyncio.timeout(10):
        while not (await scrape(house.client)).series("webhook_deliveries_total"):
            await asyncio.sleep(0.05)


@pytest.mark.parametrize("outcome", [each for each in Outcome if each is not Outcome.POSTPONED])
async def test_an_attempt_is_counted_by_its_outcome(own: Settings, receiver: Receiver, outcome: Outcome) -> None:
    case = CASES[outcome]
    receiver.answers, receiver.delay = [Response(status=case.answer)], case.delay
    async with running(told_of(own, private=True)) as house:
        await job_with_a_webhook(house, case.url or receiver.url)
    async with (
        running(told_of(own, private=not case.becomes_private), with_runner=False) as house,
        delivering(house.services, ONCE),
    ):
        await attempted(house)

        scraped = await scrape(house.client)
    assert scraped.series("webhook_deliveries_total") == {(outcome.value,): 1}
    assert scraped.value("webhook_deliveries_given_up_total") == (outcome is not Outcome.DELIVERED)
    assert scraped.series("retries_total") == {}


async def test_what_is_given_up_behind_a_silent_receiver_is_counted(own: Settings, receiver: Receiver) -> None:
    receiver.delay = 60
    async with running(told_of(own, private=True)) as house:
        await owe(house, [receiver.url] * 100)
        async with delivering(house.services, ONCE), asyncio.timeout(15):
            while (scraped := await scrape(house.client)).value("webhook_deliveries_given_up_total") != 100:
                await asyncio.sleep(0.1)

    series = scraped.series("webhook_deliveries_total")
    assert (sum(series.values()), series.keys()) == (100, {("timed_out",), ("postponed",)})
