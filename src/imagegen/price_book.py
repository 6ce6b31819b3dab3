"""fal's unit prices in the memory of a process: refreshed daily, and stored in MongoDB.

A job reads only the memory, so a fal that does not answer neither delays nor fails a job.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator, Iterable, Mapping
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import Final

from imagegen.clock import jitter, wait_any
from imagegen.errors import DatabaseUnavailable, ProviderUnavailable
from imagegen.fal import Pricing
from imagegen.jobs.cost import UnitPrice
from imagegen.storage.unit_prices import UnitPrices

FRESH: Final = timedelta(days=1)
_REFRESH_EVERY: Final = 0.9 * FRESH  # so that prices stay fresh with the jitter
_RETRY_AFTER: Final = timedelta(minutes=10)
_FIRST_START: Final = timedelta(seconds=2)
_log = logging.getLogger("imagegen.prices")


class PriceBook:
    """The prices of the catalog's endpoints."""

    def __init__(self, pricing: Pricing, stored: UnitPrices, endpoints: Iterable[str]) -> None:
        self._pricing, self._stored = pricing, stored
        self._endpoints = tuple(sorted(set(endpoints)))
        self._prices: Mapping[str, UnitPrice] = {}
        self._has_new = asyncio.Event()

    def of(self, endpoint: str) -> UnitPrice | None:
        """The last known price of an endpoint, however old; None if fal never gave one."""
        return self._prices.get(endpoint)

    @property
    def is_fresh(self) -> bool:
        """Whether every price is known and was read within a day."""
        oldest = datetime.now(UTC) - FRESH
        known = [self._prices.get(endpoint) for endpoint in self._endpoints]
        return all(price is not None and price.read_at > oldest for price in known)

    @property
    def is_complete(self) -> bool:
        """Whether every price is known, however old."""
        return all(endpoint in self._prices for endpoint in self._endpoints)

    def use_endpoints(self, endpoints: Iterable[str]) -> None:
        """Follow a changed catalog. The prices of new endpoints are read at once; those of removed ones stay known."""
        self._endpoints = tuple(sorted(set(endpoints)))
        if not self.is_complete:
            self._has_new.set()

    async def load_stored(self) -> None:
        """Load the stored prices; prices that are known already stay."""
        try:
            self._prices = {**await self._stored.load(), **self._prices}
        except DatabaseUnavailable as error:
            _log.warning("the stored unit prices cannot be read: %s", error)

    async def refresh(self) -> bool:
        """Read the prices from fal and store them; returns whether fal answered."""
        try:
            found = await self._pricing.prices(self._endpoints)
        except ProviderUnavailable as error:
            _log.warning("%s The last known prices stay in use", error)
            return False
        self._prices = {**self._prices, **found}
        for price in found.values():
            if price.obstacle:
                _log.info("%s The provider's cost of its jobs is unknown", price.obstacle)
        try:
            await self._stored.save(found.values())
        except DatabaseUnavailable as error:
            _log.warning("the unit prices are not stored: %s", error)
        return True

    async def keep_fresh(self, first_tried: asyncio.Event) -> None:
        """Refresh at once unless all prices are fresh, then daily, sooner after a failure or with new endpoints.

        Until cancelled.

        `first_tried` is set when the first refresh has succeeded or failed.
        """
        succeeded = self.is_fresh or await self.refresh()
        first_tried.set()
        while True:
            pause = _REFRESH_EVERY if succeeded else _RETRY_AFTER
            await wait_any(self._has_new, at_most=pause * jitter(0.1))
            self._has_new.clear()
            succeeded = await self.refresh()


@asynccontextmanager
async def open_prices(pricing: Pricing, stored: UnitPrices, endpoints: Iterable[str]) -> AsyncGenerator[PriceBook]:
    """Keep a price book fresh beside the body.

    Waits up to two seconds for fal's answer only if a price was never known, as at a first start.
    """
    book = PriceBook(pricing, stored, endpoints)
    await book.load_stored()
    first_tried = asyncio.Event()
    task = asyncio.create_task(book.keep_fresh(first_tried), name="unit prices")
    if not book.is_complete:
        with suppress(TimeoutError):
            async with asyncio.timeout(_FIRST_START.total_seconds()):
                await first_tried.wait()
    try:
        yield book
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
