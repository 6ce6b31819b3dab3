"""The cheapest and the dearest request for one image: the prices of the values that change the price, combined."""

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from pydantic import JsonValue

from imagegen.json_object import JsonObject
from imagegen.registry.conflicts import NUM_IMAGES, ActiveRoute, Conflicts, is_used
from imagegen.registry.input_schemas import ParameterSchema
from imagegen.registry.model_parameters import ModelParameters, least_of, most_of
from imagegen.registry.price import Price
from imagegen.registry.pricing_entries import Unit
from imagegen.registry.request_price import Pricing, is_same
from imagegen.registry.size_choices import SIZE_NAMES, SizeChoices
from imagegen.registry.vocabulary import ParameterSchemas

_ABSENT: Final[JsonObject] = {}
_OTHER: Final = "\0"  # any value that no rule names: prices do not validate it
_NUMBERS: Final = frozenset({"integer", "number"})


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceBounds:
    """What a request for one image can cost, in US dollars.

    Attributes:
        least: of the cheapest.
        most: of the dearest; None if nothing bounds the size of the image or the number of input images.
    """

    least: Decimal
    most: Decimal | None


def price_bounds(
    parameters: ModelParameters,
    pricing: Pricing,
    conflicts: Conflicts,
    with_defaults: Callable[[JsonObject], JsonObject],
) -> PriceBounds:
    """The bounds of the price of a request for one image.

    Args:
        parameters: of the model.
        pricing: its prices.
        conflicts: its routes.
        with_defaults: adds the default options to the values of a request.
    """

    def prices(*, dearest: bool) -> Iterator[Price]:
        for index, route in enumerate((None, *conflicts.routes), -1):
            schemas = {**parameters.schemas, **parameters.narrowed[index]} if route else parameters.schemas
            values = _Values(parameters, pricing, conflicts, schemas, route, with_defaults(_ABSENT))
            for choices in itertools.product(*values.choices(dearest=dearest)):
                request = with_defaults({name: value for choice in choices for name, value in choice.items()})
                if conflicts.route(request) is route:
                    yield pricing.price(request, route)

    least = min(map(_least, prices(dearest=False)))
    is_bounded = _Values(parameters, pricing, conflicts, parameters.schemas, None, _ABSENT).are_bounded
    return PriceBounds(least=least, most=max(map(_most, prices(dearest=True))) if is_bounded else None)


def _least(price: Price) -> Decimal:
    return price.request_cost + (price.by_size.least if price.by_size else price.cost_per_image)


def _most(price: Price) -> Decimal:
    return price.request_cost + (price.by_size.most if price.by_size else price.cost_per_image)


@dataclass(frozen=True, slots=True)
class _Values:
    """The values that change the price of a request on one route; `schemas` and `defaults` are those of the route."""

    parameters: ModelParameters
    pricing: Pricing
    conflicts: Conflicts
    schemas: ParameterSchemas
    route: ActiveRoute | None
    defaults: JsonObject

    @property
    def are_bounded(self) -> bool:
        """Whether there is a dearest request."""
        rule = self.pricing.input_images
        counted = [self.schemas[name] for name in rule.inputs] if rule is not None and rule.price > 0 else []
        if any(self._most_items(schema) is None for schema in counted):
            return False
        return self.pricing.unit is not Unit.MEGAPIXEL or self._sizes.are_bounded

    def choices(self, *, dearest: bool) -> Iterator[Sequence[JsonObject]]:
        """What each parameter can be in the cheapest or the dearest request. The size counts as one parameter."""
        others = (route.when for route in self.conflicts.routes if not self._is_when(route.when))
        combined = {*self._keyed, *others}
        for name in self._names():
            choices = [choice for choice in self._of(name) if not self._is_when(name) or is_used(choice, name)]
            if name in self._counted and name not in {*combined, *self._priced}:
                yield choices[-1:] if dearest else choices[:1]  # more images cost more
            else:
                yield choices if name in {*combined, *self._counted} else self._best(name, choices, dearest=dearest)
        if self._depends_on_size:
            yield [*self._sizes.choices()]

    @property
    def _keyed(self) -> Sequence[str]:
        return self.pricing.table.options if self.pricing.table else ()

    @property
    def _counted(self) -> Sequence[str]:
        return self.pricing.input_images.inputs if self.pricing.input_images else ()

    @property
    def _priced(self) -> Sequence[str]:
        pricing = self.pricing
        return [*self._keyed, *(each.option for each in pricing.rules), *(each.option for each in pricing.add_ons)]

    @property
    def _depends_on_size(self) -> bool:
        is_measured = self.pricing.unit is Unit.MEGAPIXEL or bool(self.pricing.steps)
        whens = (route.when for route in self.conflicts.routes)
        return is_measured or any(name in SIZE_NAMES for name in (*self._priced, *whens))

    @property
    def _sizes(self) -> SizeChoices:
        named = {name: [*self._named(name, self.schemas.get(name))] for name in SIZE_NAMES}
        return SizeChoices(parameters=self.parameters, schemas=self.schemas, named=named)

    def _names(self) -> Sequence[str]:
        """The parameters that change the price, without those of the size."""
        whens = [route.when for route in self.conflicts.routes]
        told = [when for when in whens if when in self.parameters.required or self._is_when(when)]
        return [name for name in dict.fromkeys([*self._priced, *self._counted, *told]) if name not in SIZE_NAMES]

    def _is_when(self, name: str) -> bool:
        return self.route is not None and name == self.route.when

    def _of(self, name: str) -> Iterator[JsonObject]:
        if name == NUM_IMAGES:
            yield {name: 1}
            return
        if name not in self.parameters.required and not self._is_when(name):
            yield _ABSENT
        values = self._lists(name) if name in self._counted else self._values(name)
        yield from ({name: value} for value in values)

    def _lists(self, name: str) -> Iterator[JsonValue]:
        """The fewest and the most images of a parameter whose images are counted."""
        schema = self.schemas[name]
        if not any(form.type == "array" for form in self.parameters.forms(schema)):
            yield _OTHER
            return
        least = schema.min_items or 0
        for count in (least, max(1, least), self._most_items(schema) or max(1, least)):
            images: list[JsonValue] = [_OTHER] * count
            yield images

    def _most_items(self, schema: ParameterSchema) -> int | None:
        forms = [*self.parameters.forms(schema)]
        counts = [form.max_items if form.type == "array" else 1 if form.type else None for form in forms]
        known = [count for count in counts if count is not None]
        return max(known) if len(known) == len(counts) else None

    def _values(self, name: str) -> Iterator[JsonValue]:
        """The listed values, or those that a rule names and any other."""
        for form in self.parameters.forms(self.schemas[name]):
            if form.enum or form.type == "boolean":
                yield from form.enum or (True, False)
            else:
                yield from (value for value in self._named(name, form) if _fits(value, form))
                yield _OTHER

    def _named(self, name: str, form: ParameterSchema | None = None) -> Iterator[JsonValue]:
        """The values of a parameter that rules, sums or the table name."""
        yield from (rule.value for rule in self.pricing.rules if rule.option == name)
        yield from (each.value for each in self.pricing.add_ons if each.option == name and each.value is not None)
        for key in self.pricing.table.keys_of(name) if self.pricing.table else ():
            yield _number(key) if form is not None and form.type in _NUMBERS else key

    def _best(self, name: str, choices: Sequence[JsonObject], *, dearest: bool) -> Sequence[JsonObject]:
        """The choices of which no other is as good in what they multiply by and in what they add."""
        found: dict[tuple[Decimal, Decimal], JsonObject] = {}
        for choice in choices:
            found.setdefault(self._effect(name, choice), choice)
        sign = 1 if dearest else -1
        return [
            choice
            for (factor, added), choice in found.items()
            if not any(
                (other, more) != (factor, added) and sign * other >= sign * factor and sign * more >= sign * added
                for other, more in found
            )
        ]

    def _effect(self, name: str, choice: JsonObject) -> tuple[Decimal, Decimal]:
        """What the value of a parameter multiplies the price by, and what it adds."""
        values = {**self.defaults, **choice}
        given, used = values.get(name), is_used(values, name)
        rules = [rule for rule in self.pricing.rules if rule.option == name and is_same(given, rule.value)]
        add_ons = [each for each in self.pricing.add_ons if each.option == name]
        added = [each.add for each in add_ons if (used if each.value is None else is_same(given, each.value))]
        return math.prod((rule.multiply for rule in rules), start=Decimal(1)), sum(added, Decimal(0))


def _number(text: str) -> JsonValue:
    try:
        return int(text) if text.lstrip("-").isdecimal() else float(text)
    except ValueError:
        return text


def _fits(value: JsonValue, form: ParameterSchema) -> bool:
    """Whether a number is within the bounds of a parameter."""
    if isinstance(value, str | bool) or not isinstance(value, int | float):
        return True
    least, most = least_of(form), most_of(form)
    return (least is None or value >= least) and (most is None or value <= most)
