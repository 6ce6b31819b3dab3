"""The form of a catalog entry as written."""

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, JsonValue
from pydantic.alias_generators import to_camel

from imagegen.json_object import JsonObject
from imagegen.registry.documents import Place


def _like(pattern: str, expected: str) -> AfterValidator:
    def check(value: str) -> str:
        if not re.fullmatch(pattern, value):
            raise ValueError(f"expected {expected}")
        return value

    return AfterValidator(check)


Name = Annotated[str, _like(r"[A-Za-z_][A-Za-z0-9_]{0,63}", "a name of letters, digits and underscores, up to 64")]
Endpoint = Annotated[
    str,
    _like(
        r"(?=.{1,200}$)\w[\w.-]*(/\w[\w.-]*)+",
        "an endpoint's id such as fal-ai/flux/dev, without a host before it",
    ),
]
Category = Annotated[str, _like(r"(?=.{1,64}$)[a-z0-9]+(-[a-z0-9]+)*", "a category such as text-to-image")]
Money = Annotated[Decimal, Field(ge=0, max_digits=15, decimal_places=9)]


class _Written(BaseModel):
    """A part of an entry: keys in camelCase, and no others."""

    model_config = ConfigDict(extra="forbid", frozen=True, alias_generator=to_camel)

    @classmethod
    def keys(cls) -> tuple[str, ...]:
        """The keys as written."""
        return tuple(member.alias or name for name, member in cls.model_fields.items())


class PriceRule(_Written):
    """A request whose parameter `option` has this value costs `multiply` times as much."""

    option: Name
    value: JsonValue
    multiply: Money


class Route(_Written):
    """A request that uses the parameter `when` goes to another endpoint, at another price if one is given.

    `parameters` narrows what may be given together with `when`.
    """

    when: Name
    fal_endpoint: Endpoint
    cost_per_image: Money | None = None
    parameters: Mapping[Name, JsonValue] = Field(default_factory=dict[str, JsonValue])


class Example(_Written):
    """A request that a reader can copy."""

    inputs: JsonObject
    options: JsonObject = Field(default_factory=dict[str, JsonValue])


class Entry(_Written):
    """One model. Without `options`, it accepts every option of the vocabulary."""

    fal_endpoint: Endpoint
    category: Category
    required_inputs: tuple[Name, ...] = ()
    optional_inputs: tuple[Name, ...] = ()
    options: tuple[Name, ...] | None = None
    default_options: JsonObject = Field(default_factory=dict[str, JsonValue])
    cost_per_image: Money
    description: Annotated[str, Field(min_length=1)]
    parameters: Mapping[Name, JsonValue] = Field(default_factory=dict[str, JsonValue])
    price_rules: tuple[PriceRule, ...] = ()
    routes: tuple[Route, ...] = ()
    example: Example | None = None


def is_money(place: Place) -> bool:
    """Whether the value at this place is an amount of money, which is read from its text and never as a float."""
    match place:
        case (_, "costPerImage") | (_, "routes", _, "costPerImage") | (_, "priceRules", _, "multiply"):
            return True
        case _:
            return False
