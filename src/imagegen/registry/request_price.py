"""The price of a request of one model, from what its entry says."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal

from pydantic import JsonValue

from imagegen.jobs.size_tariff import SizeStep, SizeTariff, megapixels
from imagegen.json_object import JsonObject
from imagegen.registry.conflicts import IMAGE_SIZE, NUM_IMAGES, ActiveRoute, is_used
from imagegen.registry.entries import PriceRule
from imagegen.registry.image_sizes import ImageSizes
from imagegen.registry.price import Factor, FactorKind, Price
from imagegen.registry.price_table import CompiledTable
from imagegen.registry.pricing_entries import AddOn, InputImages, InputUnit, Per, Unit

_ONE = Decimal(1)
_NOTHING = Decimal(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pricing:
    """What the entry of a model says of its price.

    Attributes:
        cost_per_image: US dollars for one image, for its first megapixel, or for the request.
        rules: multiply the price.
        unit: what the price is of.
        further: US dollars for each megapixel after the first; None: as the first.
        most_megapixels: of an image whose size is not known beforehand.
        sizes: reads the size of an image.
        steps: prices by pixels, ascending.
        table: the price by parameters, in place of `cost_per_image`.
        add_ons: sums that are added.
        input_images: what input images cost.
        most_images: the parameter that multiplies the number of images at most.
        default_most_images: its value if it is left out.
    """

    cost_per_image: Decimal
    rules: Sequence[PriceRule] = ()
    unit: Unit = Unit.IMAGE
    further: Decimal | None = None
    most_megapixels: int = 1
    sizes: ImageSizes = field(default_factory=ImageSizes)
    steps: Sequence[SizeStep] = ()
    table: CompiledTable | None = None
    add_ons: Sequence[AddOn] = ()
    input_images: InputImages | None = None
    most_images: str | None = None
    default_most_images: int = 1

    def price(self, values: JsonObject, route: ActiveRoute | None) -> Price:
        """The price of a valid request, with the model's default options among its values, on a route."""
        base, multipliers = self._base(values, route), [*self._multipliers(values)]
        multiplier = math.prod((each.value for each in multipliers), start=_ONE)
        count = count_of(values.get(NUM_IMAGES))
        added = [*self._additions(values)]
        per_image = sum((each.value for each, per in added if per is Per.IMAGE), _NOTHING)
        once = sum((each.value for each, per in added if per is Per.REQUEST), _NOTHING)
        additions = [replace(each, value=each.value * count) if per is Per.IMAGE else each for each, per in added]
        if self.unit is Unit.REQUEST:
            factors = (base, *multipliers, *additions)
            return Price(per_image, count, factors, request_cost=base.value * multiplier + once)
        images = Factor(
            kind=FactorKind.IMAGES, value=Decimal(count), parameter=NUM_IMAGES, given=values.get(NUM_IMAGES)
        )
        sized = self._sized(base, values)
        return Price(
            math.prod((each.value for each in sized), start=_ONE) * multiplier + per_image,
            count,
            (*sized, *multipliers, images, *additions),
            request_cost=once,
            by_size=self._tariff(base, values, multiplier, per_image),
            max_images=count * self._images_of_one(values),
        )

    def _base(self, values: JsonObject, route: ActiveRoute | None) -> Factor:
        """The price that is multiplied: of the route, of the table, or of the model."""
        kind = FactorKind.COST_PER_REQUEST if self.unit is Unit.REQUEST else FactorKind.COST_PER_IMAGE
        if route is not None and route.cost_per_image is not None:
            return Factor(kind=kind, value=route.cost_per_image, parameter=route.when)
        if self.table is None:
            return Factor(kind=kind, value=self.cost_per_image)
        given: list[JsonValue] = [*self.table.texts(values)]
        return Factor(
            kind=kind,
            value=self.table.price(values),
            parameter=" and ".join(self.table.options),
            given=given[0] if len(given) == 1 else given,
        )

    def _multipliers(self, values: JsonObject) -> Iterator[Factor]:
        for rule in self.rules:
            if is_same(values.get(rule.option), rule.value):
                yield Factor(kind=FactorKind.MULTIPLIER, value=rule.multiply, parameter=rule.option, given=rule.value)

    def _additions(self, values: JsonObject) -> Iterator[tuple[Factor, Per]]:
        for each in self.add_ons:
            given = values.get(each.option)
            if is_same(given, each.value) if each.value is not None else is_used(values, each.option):
                yield Factor(kind=FactorKind.ADDITION, value=each.add, parameter=each.option, given=given), each.per
        if self.input_images is not None:
            yield from _input_images(self.input_images, values)

    def _sized(self, base: Factor, values: JsonObject) -> Sequence[Factor]:
        """The factors of the price of one image of its size; of the smallest one, if its size is not known."""
        if not self._counts_size(base):
            return (base,)
        size = self.sizes.of(values)
        pixels = size[0] * size[1] if size else 0
        if self.steps:
            return (self._of_size(base, SizeTariff(steps=tuple(self.steps)).price(pixels), values),)
        count = megapixels(pixels)
        if count == 1:
            return (base,)
        if self.further is not None:
            return (self._of_size(base, base.value + self.further * (count - 1), values),)
        given = self.sizes.text(values)
        return base, Factor(kind=FactorKind.MEGAPIXELS, value=Decimal(count), parameter=IMAGE_SIZE, given=given)

    def _of_size(self, base: Factor, cost: Decimal, values: JsonObject) -> Factor:
        return Factor(kind=base.kind, value=cost, parameter=IMAGE_SIZE, given=self.sizes.text(values))

    def _tariff(self, base: Factor, values: JsonObject, multiplier: Decimal, added: Decimal) -> SizeTariff | None:
        """The price of one image of this request by its size, if that is not known before."""
        if not self._counts_size(base) or self.sizes.of(values) is not None:
            return None
        if self.steps:
            steps = (SizeStep(pixels=step.pixels, price=step.price * multiplier + added) for step in self.steps)
            return SizeTariff(steps=tuple(steps))
        further = base.value if self.further is None else self.further
        return SizeTariff(
            first=base.value * multiplier + added, further=further * multiplier, most_megapixels=self.most_megapixels
        )

    def _counts_size(self, base: Factor) -> bool:
        """Whether the size of an image changes its price. A route with a price of its own has no steps."""
        return self.unit is Unit.MEGAPIXEL or (bool(self.steps) and base.parameter is None)

    def _images_of_one(self, values: JsonObject) -> int:
        """How many images one of `num_images` can become."""
        if self.most_images is None:
            return 1
        given = values.get(self.most_images)
        return max(1, self.default_most_images if given is None else count_of(given))


def _input_images(rule: InputImages, values: JsonObject) -> Iterator[tuple[Factor, Per]]:
    """What the input images after the free ones cost, if there are any."""
    given = [values.get(name) for name in rule.inputs]
    images = sum(len(value) if isinstance(value, list) else int(isinstance(value, str)) for value in given)
    charged = max(0, images - rule.free)
    if charged:
        units = charged * (rule.max_megapixels if rule.unit is InputUnit.MEGAPIXEL else 1)
        names = " and ".join(rule.inputs)
        yield Factor(kind=FactorKind.ADDITION, value=rule.price * units, parameter=names, given=images), rule.per


def count_of(value: JsonValue) -> int:
    """A number of images; 1 if it is none."""
    return int(value) if isinstance(value, int | float) and not isinstance(value, bool) else 1


def is_same(value: JsonValue, other: JsonValue) -> bool:
    """Whether two JSON values are the same; true is not 1."""
    return value == other and isinstance(value, bool) is isinstance(other, bool)
