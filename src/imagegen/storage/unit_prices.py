"""fal's unit prices as last read, so that a process that starts while fal's platform API is down has them."""

from collections.abc import Iterable, Mapping
from typing import Any

from pymongo import ReplaceOne

from imagegen.jobs.cost import UnitPrice
from imagegen.storage.errors import mongo_errors
from imagegen.storage.mongodb import Collection


class UnitPrices:
    """One document for each endpoint."""

    def __init__(self, collection: Collection) -> None:
        self._prices = collection

    async def load(self) -> Mapping[str, UnitPrice]:
        """Every stored price, by endpoint."""
        with mongo_errors():
            return {found["_id"]: _price(found) async for found in self._prices.find({})}

    async def save(self, prices: Iterable[UnitPrice]) -> None:
        """Store these prices, each in place of its endpoint's earlier one."""
        changes = [ReplaceOne({"_id": price.endpoint}, _document(price), upsert=True) for price in prices]
        with mongo_errors():
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
