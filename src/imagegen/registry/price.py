"""What a request costs, and how that came about."""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from pydantic import JsonValue

MOST_SHOWN = 60


class FactorKind(StrEnum):
    """What a factor of a price is."""

    COST_PER_IMAGE = "costPerImage"
    MULTIPLIER = "multiplier"
    IMAGES = "images"


@dataclass(frozen=True, slots=True, kw_only=True)
class Factor:
    """One step of a price: the factors' values, multiplied, are the total.

    Attributes:
        kind: what `value` is: US dollars for a picture, times as much, or a number of pictures.
        value: the factor itself.
        parameter: the parameter that decided it; None where the model did.
        given: that parameter's value, in the request or by the model's default; None where there is none.
    """

    kind: FactorKind
    value: Decimal
    parameter: str | None = None
    given: JsonValue = None


@dataclass(frozen=True, slots=True)
class Price:
    """What a request costs, in US dollars, with the model's price rules applied."""

    cost_per_image: Decimal
    num_images: int
    factors: tuple[Factor, ...] = ()

    @property
    def total(self) -> Decimal:
        """For all pictures, in US dollars."""
        return self.cost_per_image * self.num_images

    @property
    def explanation(self) -> tuple[str, ...]:
        """The factors as sentences, and what they come to."""
        said = [_sentence(factor) for factor in self.factors]
        return (*said, f"Together ${_dollars(self.total)}.")


def _sentence(factor: Factor) -> str:
    match factor.kind:
        case FactorKind.COST_PER_IMAGE if factor.parameter is None:
            return f"The model costs ${_dollars(factor.value)} per image."
        case FactorKind.COST_PER_IMAGE:
            return f"With {factor.parameter}, the model costs ${_dollars(factor.value)} per image."
        case FactorKind.MULTIPLIER:
            return f"{factor.parameter} {_shown(factor.given)} costs {_plain(factor.value)} times as much."
        case FactorKind.IMAGES:
            images = "1 image" if factor.value == 1 else f"{_plain(factor.value)} images"
            return f"{images}, if nothing else is asked for." if factor.given is None else f"{images}."


def _plain(value: Decimal) -> str:
    return f"{value.normalize():f}"


def _dollars(value: Decimal) -> str:
    """At least two decimals, and as many as there are."""
    whole, _, decimals = _plain(value).partition(".")
    return f"{whole}.{decimals:0<2}"


def _shown(value: JsonValue) -> str:
    text = str(value)
    return text if len(text) <= MOST_SHOWN else f"{text[: MOST_SHOWN - 1]}…"
