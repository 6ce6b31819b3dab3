"""The cost of a job: what the caller is charged and what fal.ai bills. Pure; money is in US dollars."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Final, Self

from imagegen.jobs.size_tariff import SizeTariff

CURRENCY = "USD"
# Units that fal's header counts one by one, at a price for each. fal does not document how the header counts other
# units ("compute seconds", "units", "credits").
_COUNTABLE: Final = frozenset({"image", "images", "megapixel", "megapixels", "generation", "generations"})


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitPrice:
    """fal's price of one endpoint, from its platform API: `GET {FAL_API_URL}/models/pricing`.

    Attributes:
        endpoint: fal's endpoint id.
        price: of one unit, in `currency`.
        unit: fal's free text, such as `images`; None if fal gave none.
        currency: ISO 4217, three letters.
        read_at: when it was read from fal.
    """

    endpoint: str
    price: Decimal
    unit: str | None
    currency: str
    read_at: datetime

    @property
    def obstacle(self) -> str | None:
        """Why this price cannot turn a number of units into money; None if it can."""
        if self.unit is None:
            return f"fal.ai names no unit for the price of {self.endpoint}."
        if self.unit.strip().lower() not in _COUNTABLE:
            return f"fal.ai prices {self.endpoint} by {self.unit!r}, which cannot be turned into money."
        if self.currency.upper() != CURRENCY:
            return f"fal.ai prices {self.endpoint} in {self.currency}, not in {CURRENCY}."
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What the caller is charged, and what fal billed.

    Attributes:
        cost_per_image: US dollars, with the model's price rules applied; of the dearest image if they differ in size.
        num_images: images requested; after the end, how many of them were delivered.
        provider_units: fal's billable units; None until fal reports them.
        provider_cost: US dollars; None while unknown. `provider_note` then says why, once the job has a result or ends.
        source: `billed` once fal reported its figure, `estimated` before.
        provider_unit: what `provider_units` counts, in fal's words.
        provider_unit_price: fal's price of one unit, in US dollars if `provider_cost` is known.
        provider_note: why `provider_cost` is unknown.
        request_cost: US dollars beside the images, charged once if any is delivered.
        max_cost: US dollars that are reserved, and charged at most; None in jobs of an earlier version.
        by_size: the price of each image if its size is known only once it is stored.
        images_cost: US dollars of all delivered images together, if their prices differ.
    """

    cost_per_image: Decimal
    num_images: int
    provider_units: Decimal | None = None
    provider_cost: Decimal | None = None
    source: str = "estimated"
    provider_unit: str | None = None
    provider_unit_price: Decimal | None = None
    provider_note: str | None = None
    request_cost: Decimal = Decimal(0)
    max_cost: Decimal | None = None
    by_size: SizeTariff | None = None
    images_cost: Decimal | None = None

    @property
    def total_cost(self) -> Decimal:
        """The charge in US dollars."""
        of_images = self.cost_per_image * self.num_images
        if not self.num_images:
            return of_images
        return self.request_cost + (of_images if self.images_cost is None else self.images_cost)

    def delivered(self, sizes: Sequence[int | None]) -> Self:
        """The charge for delivered images, from the pixels of each; None for one without, as an SVG."""
        cost = replace(self, num_images=len(sizes))
        if self.by_size is None or not sizes:
            return cost
        prices = [self.by_size.price(pixels) for pixels in sizes]
        differ = len(set(prices)) > 1
        return replace(cost, cost_per_image=max(prices), images_cost=sum(prices, Decimal(0)) if differ else None)

    def billed(self, units: Decimal | None, price: UnitPrice | None) -> Self:
        """Add fal's bill: its units times its price if both are known and the unit can be counted, else why not."""
        known = replace(self, provider_unit=price.unit, provider_unit_price=price.price) if price else self
        if units is None:
            return replace(known, provider_note="fal.ai did not say how many units it billed.")
        known = replace(known, provider_units=units, source="billed")
        obstacle = price.obstacle if price else "fal.ai's unit price of this endpoint is not known."
        if price is None or obstacle:
            return replace(known, provider_note=obstacle)
        return replace(known, provider_cost=units * price.price)

    def unbilled(self) -> Self:
        """The same cost when fal bills nothing."""
        return replace(self, provider_cost=Decimal(0), provider_note=None)
