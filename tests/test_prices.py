"""fal's unit prices: a job looks into memory, and a price list that fails neither delays it nor fails it."""

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from time import monotonic
from uuid import uuid4

import httpx
import pytest
from dirty_equals import IsPartialDict, IsStr
from jobs_apart import apart
from pydantic import SecretStr
from service import Sandbox, running

from imagegen.costs import UnitPrice
from imagegen.errors import ProviderAnswer, ProviderUnavailable
from imagegen.fal import Pricing
from imagegen.prices import FRESH, PriceBook, open_prices
from imagegen.settings import Settings
from imagegen.storage.jobs import open_jobs
from imagegen.storage.unit_prices import UnitPrices

AT_ONCE = {"fault": "latency", "queue": 0, "generation": 0}


def price(endpoint: str, amount: str = "0.1", *, age: timedelta = timedelta(0)) -> UnitPrice:
    now = datetime.now(UTC).replace(microsecond=0)
    return UnitPrice(endpoint=endpoint, price=Decimal(amount), unit="images", currency="USD", read_at=now - age)


class FixedPricing(Pricing):
    """A price list that says this, or cannot be asked."""

    def __init__(self, *prices: UnitPrice, fails: bool = False) -> None:
        self.said, self.fails, self.asked = prices, fails, 0

    async def prices(self, endpoints: Sequence[str]) -> Mapping[str, UnitPrice]:
        self.asked += 1
        if self.fails:
            raise ProviderUnavailable(ProviderAnswer(message="no"))
        return {price.endpoint: price for price in self.said if price.endpoint in endpoints}


@pytest.fixture
async def kept(stack: Settings) -> AsyncGenerator[UnitPrices]:
    async with open_jobs(apart(stack).mongodb) as jobs:
        yield jobs.unit_prices


@pytest.fixture
def own(stack: Settings) -> Settings:
    """A database and a key of this test's own, so that prices are asked for and faults are planned for it alone."""
    return apart(stack).model_copy(
        update={"fal": stack.fal.model_copy(update={"key": SecretStr(f"prices-{uuid4().hex}:secret")})}
    )


@pytest.fixture
async def sandbox(own: Settings) -> AsyncGenerator[Sandbox]:
    assert own.fal.key is not None
    async with httpx.AsyncClient(base_url=own.fal.queue_url) as client:
        yield Sandbox(client, own.fal.key.get_secret_value())


async def test_a_first_start_knows_the_prices_and_the_next_one_remembers_them(kept: UnitPrices) -> None:
    async with open_prices(FixedPricing(price("a/b")), kept, ["a/b"]) as book:
        first = book.of("a/b")
    async with open_prices(never_asked := FixedPricing(fails=True), kept, ["a/b"]) as book:
        again = book.of("a/b")

    assert (again, never_asked.asked) == (first, 0)


async def test_an_old_price_stays_in_use_while_fal_cannot_be_asked(kept: UnitPrices) -> None:
    old = price("a/b", age=3 * FRESH)
    await kept.keep([old])

    async with open_prices(pricing := FixedPricing(fails=True), kept, ["a/b"]) as book:
        while not pricing.asked:
            await asyncio.sleep(0)

        assert book.of("a/b") == old


async def test_a_new_price_replaces_an_old_one_here_and_in_mongodb(kept: UnitPrices) -> None:
    await kept.keep([price("a/b", age=3 * FRESH), price("c/d", age=3 * FRESH)])
    book = PriceBook(FixedPricing(new := price("a/b", "0.2")), kept, ["a/b", "c/d"])
    await book.recall()

    await book.refresh()

    assert (book.of("a/b"), (await kept.load())["a/b"], book.is_fresh, book.is_complete) == (new, new, False, True)


async def test_a_price_list_that_hangs_delays_the_first_start_by_two_seconds_and_no_job(
    own: Settings, sandbox: Sandbox
) -> None:
    await sandbox.misbehaves(
        {"fault": "pricing_delay", "seconds": 60}, {"fault": "latency", "queue": 0, "generation": 0}
    )
    began = monotonic()
    async with running(own) as service:
        job = (await service.generate()).json()

    assert monotonic() - began < 8
    assert (job["status"], job["cost"]) == (
        "completed",
        IsPartialDict(providerUnits=1.0, providerCost=None, providerNote=IsStr(regex=".*not known.*")),
    )


@pytest.mark.parametrize(
    ("fault", "unit"),
    [
        ({"fault": "pricing_unit", "unit": "compute seconds"}, "compute seconds"),
        ({"fault": "pricing_unit", "unit": "units"}, "units"),
        ({"fault": "pricing_unit", "unit": None}, None),
        ({"fault": "pricing_fails", "status": 429}, None),
        ({"fault": "billable_units_absent"}, "megapixels"),
    ],
    ids=["compute seconds", "units", "no unit", "no price list", "no units billed"],
)
async def test_what_cannot_be_turned_into_money_is_null_and_says_why(
    own: Settings, sandbox: Sandbox, fault: Mapping[str, object], unit: str | None
) -> None:
    await sandbox.misbehaves(fault, AT_ONCE)
    async with running(own) as service:
        cost = (await service.generate()).json()["cost"]

    assert cost == IsPartialDict(providerCost=None, providerUnit=unit, providerNote=IsStr(regex="fal.ai.*"))
