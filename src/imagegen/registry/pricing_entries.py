"""The form of `pricing` in a catalog entry, as written (docs/decisions/0041-catalog-language.md)."""

from collections.abc import Mapping
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Final

from pydantic import Field, JsonValue, StrictInt, TypeAdapter

from imagegen.registry.documents import Place
from imagegen.registry.image_sizes import PixelSize, StepSize
from imagegen.registry.written import Money, Name, Written

MOST_MEGAPIXELS: Final = 1024
PositiveCount = Annotated[StrictInt, Field(ge=1, le=MOST_MEGAPIXELS)]
MONEY: Final = TypeAdapter[Decimal](Money)


class Unit(StrEnum):
    """What `costPerImage` is the price of."""

    IMAGE = "image"
    MEGAPIXEL = "megapixel"
    REQUEST = "request"


class Per(StrEnum):
    """How often a sum is added."""

    IMAGE = "image"
    REQUEST = "request"


class InputUnit(StrEnum):
    """What the price of input images is for."""

    IMAGE = "image"
    MEGAPIXEL = "megapixel"


class SizePrice(Written):
    """The price of an image of up to this size."""

    up_to: StepSize
    price: Money


class PriceTable(Written):
    """The price of an image by the values of one or two parameters. `price_table` reads the prices."""

    options: Annotated[tuple[Name, ...], Field(min_length=1, max_length=2)]
    prices: Annotated[Mapping[str, JsonValue], Field(min_length=1)]


class AddOn(Written):
    """A request whose parameter `option` has this value, or any value that has an effect, costs `add` more."""

    option: Name
    value: JsonValue = None
    add: Money
    per: Per = Per.IMAGE


class InputImages(Written):
    """Each image in these parameters costs `price`, after the first `free`."""

    inputs: Annotated[tuple[Name, ...], Field(min_length=1)]
    price: Money
    free: Annotated[StrictInt, Field(ge=0)] = 0
    unit: InputUnit = InputUnit.IMAGE
    max_megapixels: PositiveCount = 1
    per: Per = Per.REQUEST


class WrittenPricing(Written):
    """How the price of a request depends on it."""

    unit: Unit = Unit.IMAGE
    further: Money | None = None
    max_megapixels: PositiveCount | None = None
    sizes: Mapping[str, PixelSize] = Field(default_factory=dict[str, PixelSize])
    steps: tuple[SizePrice, ...] = ()
    table: PriceTable | None = None
    add_ons: tuple[AddOn, ...] = ()
    input_images: InputImages | None = None
    max_images: Name | None = None


PARTS: Final[Mapping[str, type[Written]]] = {
    "steps": SizePrice,
    "table": PriceTable,
    "addOns": AddOn,
    "inputImages": InputImages,
}
"""The keys of `pricing` that have keys of their own."""


def is_price(place: Place) -> bool:
    """Whether the value at this place below `pricing` is an amount of money."""
    match place:
        case ("further",) | ("inputImages", "price") | ("addOns", _, "add") | ("steps", _, "price"):
            return True
        case ("table", "prices", *_):
            return True
        case _:
            return False
