"""What an image costs by its size. Pure; money is in US dollars."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Final

MEGAPIXEL: Final = 1_048_576
"""Pixels: 1024 x 1024, as fal counts them."""


def megapixels(pixels: int) -> int:
    """The megapixels that fal bills for one image: rounded up, at least one."""
    return max(1, -(-pixels // MEGAPIXEL))


@dataclass(frozen=True, slots=True, kw_only=True)
class SizeStep:
    """The price of an image of up to `pixels`, in US dollars."""

    pixels: int
    price: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class SizeTariff:
    """The price of one image by its size, with the multipliers and sums of its request.

    Attributes:
        first: US dollars for the first megapixel.
        further: US dollars for each further one.
        most_megapixels: how many of them are charged at most.
        steps: in place of the megapixels, the prices by pixels, ascending; a larger image costs the last one.
    """

    first: Decimal = Decimal(0)
    further: Decimal = Decimal(0)
    most_megapixels: int = 1
    steps: tuple[SizeStep, ...] = ()

    def price(self, pixels: int | None) -> Decimal:
        """The price of an image in US dollars: the highest one if it has no pixels, as an SVG."""
        if pixels is None:
            return self.most
        if self.steps:
            return next((step.price for step in self.steps if pixels <= step.pixels), self.steps[-1].price)
        return self._of_megapixels(min(megapixels(pixels), self.most_megapixels))

    @property
    def least(self) -> Decimal:
        """The price of the smallest image in US dollars."""
        return self.steps[0].price if self.steps else self.first

    @property
    def most(self) -> Decimal:
        """The highest price of an image in US dollars."""
        if self.steps:
            return max(step.price for step in self.steps)
        return self._of_megapixels(self.most_megapixels)

    def _of_megapixels(self, count: int) -> Decimal:
        return self.first + self.further * (count - 1)
