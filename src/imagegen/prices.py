"""fal's unit prices as a process knows them: read from memory, refreshed daily, kept in MongoDB.

A job only ever looks into memory. Whether fal can be asked delays no job and fails none.
"""

import asyncio
import logging
import random
from collections.abc import AsyncGenerator, Iterable, Mapping
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import Final

from imagegen.costs import UnitPrice
from imagegen.errors import DatabaseUnavailable, ProviderUnavailable
from imagegen.fal import Pricing
from imagegen.storage.unit_prices import UnitPrices

FRESH: Final = timedelta(days=1)
_AGAIN_AFTER_FAILING: Final = timedelta(minutes=10)
_FIRST_START: Final = timedelta(seconds=2)
_log = logging.getLogger("imagegen.prices")


class PriceBook:
    """The prices of the catalog's endpoints."""

    def __init__(self, pricing: Pricing, kept: UnitPrices, endpoints: Iterable[str]) -> None:
        self._pricing, self._kept = pricing, kept
        self._endpoints = tuple(sorted(set(endpoints)))
        self._prices: Mapping[str, UnitPrice] = {}

    def of(self, endpoint: str) -> UnitPrice | None:
        """The last known price of an endpoint, however old; None if fal never told one."""
        return self._prices.get(endpoint)

    @property
    def is_fresh(self) -> bool:
        """Whether each price is known and was read within a day."""
        oldest = datetime.now(UTC) - FRESH
        known = [self._prices.get(endpoint) for endpoint in self._endpoints]
        return all(price is not None and price.read_at > oldest for price in known)

    @property
    def is_complete(self) -> bool:
        """Whether each price is known, however old."""
        return all(endpoint in self._prices for endpoint in self._endpoints)

    async def recall(self) -> None:
        """Take up what was last known; prices that are known already stay."""
        try:
            self._prices = {**await self._kept.load(), **self._prices}
        except DatabaseUnavailable as error:
            _log.warning("the unit prices that were last known cannot be read: %s", error)

    async def refresh(self) -> bool:
        """Ask fal, and keep what it said; returns whether it could be asked."""
        try:
            found = await self._pricing.prices(self._endpoints)
        except ProviderUnavailable as error:
            _log.warning("%s The prices that were last known stay in use", error)
            return False
        self._prices = {**self._prices, **found}
        for price in found.values():
            if price.obstacle:
                _log.info("%s The provider's cost of its jobs is unknown", price.obstacle)
        try:
            await self._kept.keep(found.values())
        except DatabaseUnavailable as error:
            _log.warning("the unit prices are not kept: %s", error)
        return True

    async def keep_fresh(self, asked: asyncio.Event) -> None:
        """Refresh at once unless all is fresh, then once a day, sooner after a failure; until cancelled.

        `asked` is set as soon as the first answer, or none, is there.
        """
        could_ask = self.is_fresh or await self.refresh()
        asked.set()
        while True:
            pause = FRESH if could_ask else _AGAIN_AFTER_FAILING
            await asyncio.sleep(pause.total_seconds() * random.uniform(0.8, 1.0))  # noqa: S311 - jitter
            could_ask = await self.refresh()


@asynccontextmanager
async def open_prices(pricing: Pricing, kept: UnitPrices, endpoints: Iterable[str]) -> AsyncGenerator[PriceBook]:
    """Keep a price book fresh beside the body.

    Only where a price was never known, at a first start, it waits for fal's answer, and for two seconds at most.
    """
    book = PriceBook(pricing, kept, endpoints)
    await book.recall()
    asked = asyncio.Event()
    task = asyncio.create_task(book.keep_fresh(asked), name="unit prices")
    if not book.is_complete:
        with suppress(TimeoutError):
            async with asyncio.timeout(_FIRST_START.total_seconds()):
                await asked.wait()
    try:
        yield book
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
