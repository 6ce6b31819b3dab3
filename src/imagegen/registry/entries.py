"""The form of a catalog entry as written."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Final

from pydantic import BeforeValidator, Field, JsonValue

from imagegen.jobs import ImageRole
from imagegen.json_object import JsonObject
from imagegen.registry.documents import Place
from imagegen.registry.pricing_entries import WrittenPricing, is_price
from imagegen.registry.written import Category, Day, Endpoint, ModelName, Money, Name, Source, Tag, Written, like

REQUIRED: Final = "required"


class PriceRule(Written):
    """A request whose parameter `option` has this value costs `multiply` times as much."""

    option: Name
    value: JsonValue
    multiply: Money


class Route(Written):
    """A request that uses the parameter `when` goes to another endpoint, at another price if one is given.

    `parameters` narrows what may be given together with `when`.
    """

    when: Name
    fal_endpoint: Endpoint
    cost_per_image: Money | None = None
    parameters: Mapping[Name, JsonValue] = Field(default_factory=dict[str, JsonValue])


class Example(Written):
    """A request that a reader can copy."""

    inputs: JsonObject
    options: JsonObject = Field(default_factory=dict[str, JsonValue])


class OutputKind(StrEnum):
    """What a result has at a path. It is for readers of the entry: a result is read leniently."""

    IMAGES = "images"
    IMAGE = "image"
    URLS = "urls"
    URL = "url"


class Output(Written):
    """Where a result has images: names of members, separated by dots. A list on the way stands for its items."""

    path: Annotated[str, like(r"\w{1,64}(\.\w{1,64}){0,7}", "names of members separated by dots, such as data.image")]
    kind: OutputKind = OutputKind.IMAGES
    role: ImageRole = ImageRole.IMAGE


class Retired(Written):
    """From the day `since`, in UTC, no new requests are accepted. `successor` is the model to use instead."""

    since: Day
    successor: ModelName | None = None


def _or_required(value: JsonValue) -> JsonValue:
    """A price; None for `required`: the entry takes no requests until the user's catalog gives it one."""
    if value is None:
        raise ValueError(f"expected a decimal number such as 0.05, or {REQUIRED!r}")
    return None if value == REQUIRED else value


def _listed(value: JsonValue) -> JsonValue:
    return [value] if isinstance(value, dict) else value


class Entry(Written):
    """One model. Without `options`, it accepts every option of the vocabulary, and without a price no request."""

    fal_endpoint: Endpoint
    category: Category
    required_inputs: tuple[Name, ...] = ()
    optional_inputs: tuple[Name, ...] = ()
    options: tuple[Name, ...] | None = None
    default_options: JsonObject = Field(default_factory=dict[str, JsonValue])
    cost_per_image: Annotated[Money | None, BeforeValidator(_or_required)]
    description: Annotated[str, Field(min_length=1)]
    parameters: Mapping[Name, JsonValue] = Field(default_factory=dict[str, JsonValue])
    price_rules: tuple[PriceRule, ...] = ()
    pricing: WrittenPricing = Field(default_factory=WrittenPricing)
    routes: tuple[Route, ...] = ()
    example: Example | None = None
    output: Annotated[tuple[Output, ...], BeforeValidator(_listed)] = ()
    aliases: tuple[ModelName, ...] = ()
    retired: Retired | None = None
    verified_at: Day | None = None
    source: Source | None = None
    tags: tuple[Tag, ...] = ()

    @property
    def endpoints(self) -> tuple[str, ...]:
        """Every fal endpoint that its requests can go to."""
        return (self.fal_endpoint, *(route.fal_endpoint for route in self.routes))


def is_money(place: Place) -> bool:
    """Whether the value at this place is an amount of money, which is read from its text and never as a float."""
    match place:
        case (_, "costPerImage") | (_, "routes", _, "costPerImage") | (_, "priceRules", _, "multiply"):
            return True
        case (_, "pricing", *below):
            return is_price(tuple(below))
        case _:
            return False
