"""fal's unit prices as they were last read, so that a restart while fal's platform API is down knows them."""

from collections.abc import Iterable, Mapping
from typing import Any

from pymongo import ReplaceOne

from imagegen.costs import UnitPrice
from imagegen.storage.answers import answers
from imagegen.storage.mongodb import Collection


class UnitPrices:
    """One document for each endpoint."""

    def __init__(self, collection: Collection) -> None:
        self._prices = collection

    async def load(self) -> Mapping[str, UnitPrice]:
        """Every price that was ever kept, by endpoint."""
        with answers():
            return {found["_id"]: _price(found) async for found in self._prices.find({})}

    async def keep(self, prices: Iterable[UnitPrice]) -> None:
        """Put these in the place of what was kept for their endpoints."""
        changes = [ReplaceOne({"_id": price.endpoint}, _document(price), upsert=True) for price in prices]
        with answers():
            if changes:
                await self._prices.bulk_write(changes, ordered=False)  # pyright: ignore[reportUnknownMemberType] - stub


def _document(price: UnitPrice) -> dict[str, Any]:
    return {
        "_id": price.endpoint,
        "price": price.price,
        "unit": price.unit,
        "currency": price.currency,
        "readAt": price.read_at,
    }


def _price(document: Mapping[str, Any]) -> UnitPrice:
    return UnitPrice(
        endpoint=document["_id"],
        price=document["price"],
        unit=document["unit"],
        currency=document["currency"],
        read_at=document["readAt"],
    )
