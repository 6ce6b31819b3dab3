"""What a job costs: what the caller is charged, and beside it what fal.ai bills. Pure; money is US dollars."""

from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Final, Self

CURRENCY = "USD"
# Units whose number fal's result states, and whose price is a price for each. Others ("compute seconds", "units",
# "credits") are free text of which nobody outside fal can say how the header counts them.
_COUNTABLE: Final = frozenset({"image", "images", "megapixel", "megapixels", "generation", "generations"})


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitPrice:
    """fal's price of one endpoint, as its platform API states it: `GET {FAL_API_URL}/models/pricing`.

    Attributes:
        endpoint: fal's endpoint id.
        price: for one unit, in `currency`.
        unit: fal's free text, such as `images`; None where fal gave none.
        currency: three letters.
        read_at: when fal said so.
    """

    endpoint: str
    price: Decimal
    unit: str | None
    currency: str
    read_at: datetime

    @property
    def obstacle(self) -> str | None:
        """Why a number of units cannot be turned into money by this price; None where it can."""
        if self.unit is None:
            return f"fal.ai names no unit for the price of {self.endpoint}."
        if self.unit.strip().lower() not in _COUNTABLE:
            return f"fal.ai prices {self.endpoint} by {self.unit!r}, which cannot be turned into money."
        if self.currency.upper() != CURRENCY:
            return f"fal.ai prices {self.endpoint} in {self.currency}, not in {CURRENCY}."
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What the caller is charged, and beside it what fal billed.

    Attributes:
        cost_per_image: US dollars, with the rules of the model already applied.
        num_images: images asked for; in the end, those of them that were delivered.
        provider_units: fal's billable units, None until fal says.
        provider_cost: US dollars, None while unknown; `provider_note` then says why, once the job has a result or ends.
        source: `billed` when fal gave its figure, `estimated` before.
        provider_unit: what `provider_units` counts, in fal's words.
        provider_unit_price: fal's price for one of them, US dollars where `provider_cost` is known.
        provider_note: why `provider_cost` is unknown.
    """

    cost_per_image: Decimal
    num_images: int
    provider_units: Decimal | None = None
    provider_cost: Decimal | None = None
    source: str = "estimated"
    provider_unit: str | None = None
    provider_unit_price: Decimal | None = None
    provider_note: str | None = None

    @property
    def total_cost(self) -> Decimal:
        """The charge in US dollars."""
        return self.cost_per_image * self.num_images

    def billed(self, units: Decimal | None, price: UnitPrice | None) -> Self:
        """With what fal billed: its units times its price, where both are known and go together."""
        known = replace(self, provider_unit=price.unit, provider_unit_price=price.price) if price else self
        if units is None:
            return replace(known, provider_note="fal.ai did not say how many units it billed.")
        known = replace(known, provider_units=units, source="billed")
        obstacle = price.obstacle if price else "fal.ai's unit price of this endpoint is not known."
        if price is None or obstacle:
            return replace(known, provider_note=obstacle)
        return replace(known, provider_cost=units * price.price)

    def unbilled(self) -> Self:
        """fal bills nothing."""
        return replace(self, provider_cost=Decimal(0), provider_note=None)
