"""fal's unit prices: a job reads them from memory, and a failing price list neither delays nor fails it."""

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from time import monotonic

import pytest
from dirty_equals import IsPartialDict, IsStr

from imagegen.errors import ProviderAnswer, ProviderUnavailable
from imagegen.fal import Pricing
from imagegen.jobs.cost import UnitPrice
from imagegen.price_book import FRESH, PriceBook, open_prices
from imagegen.settings import Settings
from imagegen.storage.stores import open_stores
from imagegen.storage.unit_prices import UnitPrices
from tests.support.jobs_apart import apart
from tests.support.service import Sandbox, running

AT_ONCE = {"fault": "latency", "queue": 0, "generation": 0}


def price(endpoint: str, amount: str = "0.1", *, age: timedelta = timedelta(0)) -> UnitPrice:
    now = datetime.now(UTC).replace(microsecond=0)
    return UnitPrice(endpoint=endpoint, price=Decimal(amount), unit="images", currency="USD", read_at=now - age)


class FixedPricing(Pricing):
    """A price list with these prices, or one that fails."""

    def __init__(self, *prices: UnitPrice, fails: bool = False) -> None:
        self.said, self.fails, self.asked = prices, fails, 0

    async def prices(self, endpoints: Sequence[str]) -> Mapping[str, UnitPrice]:
        self.asked += 1
        if self.fails:
            raise ProviderUnavailable(ProviderAnswer(message="no"))
        return {price.endpoint: price for price in self.said if price.endpoint in endpoints}


@pytest.fixture
async def kept(stack: Settings) -> AsyncGenerator[UnitPrices]:
    async with open_stores(apart(stack).mongodb) as stores:
        yield stores.unit_prices


async def test_prices_are_read_at_the_first_start_and_remembered_at_the_next(kept: UnitPrices) -> None:
    async with open_prices(FixedPricing(price("a/b")), kept, ["a/b"]) as book:
        first = book.of("a/b")
    async with open_prices(never_asked := FixedPricing(fails=True), kept, ["a/b"]) as book:
        again = book.of("a/b")

    assert (again, never_asked.asked) == (first, 0)


async def test_old_price_stays_in_use_while_fal_does_not_answer(kept: UnitPrices) -> None:
    old = price("a/b", age=3 * FRESH)
    await kept.save([old])

    async with open_prices(pricing := FixedPricing(fails=True), kept, ["a/b"]) as book:
        while not pricing.asked:
            await asyncio.sleep(0)

        assert book.of("a/b") == old


async def test_new_price_replaces_the_old_one_in_memory_and_mongodb(kept: UnitPrices) -> None:
    await kept.save([price("a/b", age=3 * FRESH), price("c/d", age=3 * FRESH)])
    book = PriceBook(FixedPricing(new := price("a/b", "0.2")), kept, ["a/b", "c/d"])
    await book.load_stored()

    await book.refresh()

    assert (book.of("a/b"), (await kept.load())["a/b"], book.is_fresh, book.is_complete) == (new, new, False, True)


async def test_prices_of_new_endpoints_are_read_at_once_and_those_of_removed_ones_stay_known(kept: UnitPrices) -> None:
    pricing = FixedPricing(price("a/b"), price("c/d"))
    async with open_prices(pricing, kept, ["a/b"]) as book:
        book.use_endpoints(["a/b"])  # none is new
        await asyncio.sleep(0.1)
        asked = pricing.asked
        book.use_endpoints(["c/d"])
        async with asyncio.timeout(20):
            while book.of("c/d") is None:
                await asyncio.sleep(0.01)

        assert (asked, pricing.asked, book.of("a/b"), book.is_complete) == (1, 2, pricing.said[0], True)


async def test_hanging_price_list_delays_the_first_start_by_two_seconds_and_no_job(
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
async def test_unknown_provider_cost_is_null_with_a_reason(
    own: Settings, sandbox: Sandbox, fault: Mapping[str, object], unit: str | None
) -> None:
    await sandbox.misbehaves(fault, AT_ONCE)
    async with running(own) as service:
        cost = (await service.generate()).json()["cost"]

    assert cost == IsPartialDict(providerCost=None, providerUnit=unit, providerNote=IsStr(regex="fal.ai.*"))
