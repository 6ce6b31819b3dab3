"""Each outcome of an attempt to deliver a webhook has a label value of its own."""

import asyncio
import base64
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import pytest
from aiohttp.web import Response
from pydantic import SecretStr

from imagegen.engine.webhook_sender import sending_webhooks
from imagegen.settings import Settings, WebhookSettings
from imagegen.webhooks import AttemptOutcome, RetrySchedule
from tests.support.receiver import Receiver
from tests.support.recorded_deliveries import record_deliveries
from tests.support.scraped import scrape
from tests.support.service import FLUX, Service, running

SECRET: Final = "whsec_" + base64.b64encode(bytes(32)).decode()
ONCE: Final = RetrySchedule(
    answer_timeout=timedelta(seconds=1), horizon=timedelta(0), poll_interval=timedelta(seconds=0.1)
)
NOWHERE: Final = "http://127.0.0.1:9/hook"


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """What the receiver does. `becomes_private`: its address is forbidden by the time of the attempt."""

    answer: int = 204
    delay: float = 0
    url: str | None = None
    becomes_private: bool = False


CASES: Final[Mapping[AttemptOutcome, Case]] = {
    AttemptOutcome.DELIVERED: Case(),
    AttemptOutcome.REFUSED: Case(answer=500),
    AttemptOutcome.GONE: Case(answer=410),
    AttemptOutcome.REDIRECTED: Case(answer=302),
    AttemptOutcome.TIMED_OUT: Case(delay=3),
    AttemptOutcome.UNREACHABLE: Case(url=NOWHERE),
    AttemptOutcome.FORBIDDEN_ADDRESS: Case(becomes_private=True),
}


def told_of(own: Settings, *, private: bool) -> Settings:
    webhooks = WebhookSettings(secrets=SecretStr(SECRET), allow_private=private)
    return own.model_copy(update={"webhooks": webhooks})


async def job_with_a_webhook(house: Service, url: str) -> None:
    await house.generate({**FLUX, "webhookUrl": url})


async def attempted(house: Service) -> None:
    """Wait until there was an attempt."""
    async with asyncio.timeout(30):
        while not (await scrape(house.client)).series("webhook_deliveries_total"):
            await asyncio.sleep(0.05)


@pytest.mark.parametrize("outcome", [each for each in AttemptOutcome if each is not AttemptOutcome.POSTPONED])
async def test_an_attempt_is_counted_by_its_outcome(own: Settings, receiver: Receiver, outcome: AttemptOutcome) -> None:
    case = CASES[outcome]
    receiver.answers, receiver.delay = [Response(status=case.answer)], case.delay
    async with running(told_of(own, private=True)) as house:
        await job_with_a_webhook(house, case.url or receiver.url)
    async with (
        running(told_of(own, private=not case.becomes_private), with_runner=False) as house,
        sending_webhooks(house.services, ONCE),
    ):
        await attempted(house)

        scraped = await scrape(house.client)
    assert scraped.series("webhook_deliveries_total") == {(outcome.value,): 1}
    assert scraped.value("webhook_deliveries_given_up_total") == (outcome is not AttemptOutcome.DELIVERED)
    assert scraped.series("retries_total") == {}


async def test_deliveries_given_up_on_a_silent_receiver_are_counted(own: Settings, receiver: Receiver) -> None:
    receiver.delay = 60
    async with running(told_of(own, private=True)) as house:
        await record_deliveries(house, [receiver.url] * 100)
        async with sending_webhooks(house.services, ONCE), asyncio.timeout(30):
            while (scraped := await scrape(house.client)).value("webhook_deliveries_given_up_total") != 100:
                await asyncio.sleep(0.1)

    series = scraped.series("webhook_deliveries_total")
    assert (sum(series.values()), series.keys()) == (100, {("timed_out",), ("postponed",)})
