"""The price of a request, and its factors."""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from pydantic import JsonValue

from imagegen.jobs.size_tariff import SizeTariff

MOST_SHOWN = 60


class FactorKind(StrEnum):
    """The kind of a factor."""

    COST_PER_IMAGE = "costPerImage"
    COST_PER_REQUEST = "costPerRequest"
    MULTIPLIER = "multiplier"
    MEGAPIXELS = "megapixels"
    IMAGES = "images"
    ADDITION = "addition"


@dataclass(frozen=True, slots=True, kw_only=True)
class Factor:
    """One factor of a price. The total is the product of all values but the additions, and the additions added to it.

    Attributes:
        kind: whether `value` is US dollars for an image or the request, a multiplier, a number of megapixels or
            images, or US dollars that are added.
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
    """The price of a request in US dollars, with the model's price rules applied.

    Attributes:
        cost_per_image: of one image; of the smallest, if its size is not known beforehand.
        num_images: images requested.
        factors: how the price came about.
        request_cost: what is charged once, however many images are delivered.
        by_size: the price of each image, if its size is not known beforehand.
        max_images: how many images there can be; None: `num_images`.
    """

    cost_per_image: Decimal
    num_images: int
    factors: tuple[Factor, ...] = ()
    request_cost: Decimal = Decimal(0)
    by_size: SizeTariff | None = None
    max_images: int | None = None

    @property
    def total(self) -> Decimal:
        """The price of all images in US dollars."""
        return self.request_cost + self.cost_per_image * self.num_images

    @property
    def most(self) -> Decimal:
        """The most that the request can cost, in US dollars."""
        most_of_one = self.by_size.most if self.by_size else self.cost_per_image
        return self.request_cost + most_of_one * self.most_images

    @property
    def most_images(self) -> int:
        """How many images there can be."""
        return self.num_images if self.max_images is None else self.max_images

    @property
    def is_exact(self) -> bool:
        """Whether the request costs `total` if every image is delivered; else it costs `most` at most."""
        return self.most == self.total

    @property
    def explanation(self) -> tuple[str, ...]:
        """The factors, what is not known beforehand, and the total as sentences."""
        sentences = [_sentence(factor) for factor in self.factors]
        if self.by_size is not None:
            sentences.append(_size_sentence(self.by_size))
        if self.most_images > self.num_images:
            sentences.append(f"There can be up to {self.most_images} images, each charged.")
        most = "" if self.is_exact else f", at most ${_dollars(self.most)}"
        return (*sentences, f"Total: ${_dollars(self.total)}{most}.")


def _size_sentence(tariff: SizeTariff) -> str:
    known = "The size of the image is known once it is made"
    if tariff.steps:
        return f"{known}: it costs ${_dollars(tariff.least)} to ${_dollars(tariff.most)}."
    count = tariff.most_megapixels
    return f"{known}: it costs ${_dollars(tariff.most)} if it has {count} megapixel{'' if count == 1 else 's'} or more."


def _sentence(factor: Factor) -> str:
    value = _plain(factor.value)
    with_parameter = f"With {factor.parameter}" + ("" if factor.given is None else f" {_shown(factor.given)}")
    match factor.kind:
        case FactorKind.COST_PER_IMAGE | FactorKind.COST_PER_REQUEST:
            subject = "The model" if factor.parameter is None else f"{with_parameter}, the model"
            unit = "image" if factor.kind is FactorKind.COST_PER_IMAGE else "request"
            return f"{subject} costs ${_dollars(factor.value)} per {unit}."
        case FactorKind.MULTIPLIER:
            return f"{factor.parameter} {_shown(factor.given)} costs {value} times as much."
        case FactorKind.MEGAPIXELS:
            return f"{factor.parameter} {_shown(factor.given)} is {value} megapixels, and costs {value} times as much."
        case FactorKind.ADDITION:
            return f"{with_parameter}, ${_dollars(factor.value)} more."
        case FactorKind.IMAGES:
            images = "1 image" if factor.value == 1 else f"{value} images"
            return f"{images} by default." if factor.given is None else f"{images}."


def _plain(value: Decimal) -> str:
    return f"{value.normalize():f}"


def _dollars(value: Decimal) -> str:
    """All decimals, at least two."""
    whole, _, decimals = _plain(value).partition(".")
    return f"{whole}.{decimals:0<2}"


def _shown(value: JsonValue) -> str:
    text = _text(value)
    return text if len(text) <= MOST_SHOWN else f"{text[: MOST_SHOWN - 1]}…"


def _text(value: JsonValue) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case list():
            return " and ".join(map(_text, value))
        case _:
            return str(value)
