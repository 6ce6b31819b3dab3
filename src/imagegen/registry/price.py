"""The price of a request, and its factors."""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from pydantic import JsonValue

MOST_SHOWN = 60


class FactorKind(StrEnum):
    """The kind of a factor."""

    COST_PER_IMAGE = "costPerImage"
    MULTIPLIER = "multiplier"
    IMAGES = "images"


@dataclass(frozen=True, slots=True, kw_only=True)
class Factor:
    """One factor of a price. The product of all values is the total.

    Attributes:
        kind: whether `value` is US dollars for an image, a multiplier, or a number of images.
        value: the factor.
        parameter: the parameter that determines it; None if the model does.
        given: the value of that parameter, from the request or the model's defaults; None if there is none.
    """

    kind: FactorKind
    value: Decimal
    parameter: str | None = None
    given: JsonValue = None


@dataclass(frozen=True, slots=True)
class Price:
    """The price of a request in US dollars, with the model's price rules applied."""

    cost_per_image: Decimal
    num_images: int
    factors: tuple[Factor, ...] = ()

    @property
    def total(self) -> Decimal:
        """The price of all images in US dollars."""
        return self.cost_per_image * self.num_images

    @property
    def explanation(self) -> tuple[str, ...]:
        """The factors and the total as sentences."""
        sentences = [_sentence(factor) for factor in self.factors]
        return (*sentences, f"Total: ${_dollars(self.total)}.")


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
            return f"{images} by default." if factor.given is None else f"{images}."


def _plain(value: Decimal) -> str:
    return f"{value.normalize():f}"


def _dollars(value: Decimal) -> str:
    """All decimals, at least two."""
    whole, _, decimals = _plain(value).partition(".")
    return f"{whole}.{decimals:0<2}"


def _shown(value: JsonValue) -> str:
    text = str(value)
    return text if len(text) <= MOST_SHOWN else f"{text[: MOST_SHOWN - 1]}…"
