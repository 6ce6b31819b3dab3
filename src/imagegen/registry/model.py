"""A model that can be asked for pictures: what it takes, where its requests go, what they cost."""

import copy
import math
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import cached_property
from typing import Any

from pydantic import JsonValue, TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from imagegen.errors import MOST_FAULTS, Fault, InvalidInput
from imagegen.registry.annotations import ClosedObject
from imagegen.registry.conflicts import IMAGE_SIZE, NUM_IMAGES, WIDTH_AND_HEIGHT, Conflicts, JsonObject, is_used
from imagegen.registry.documents import Place
from imagegen.registry.entries import PriceRule
from imagegen.registry.faults import SECTIONS, Shape, faults, missing, pointer
from imagegen.registry.pictures import picture_addresses
from imagegen.registry.price import Factor, FactorKind, Price
from imagegen.registry.requests import CONFLICT_FOUND, EstimateRequest, FindConflicts, ModelRequest, given


@dataclass(frozen=True, slots=True)
class FalRequest:
    """What is sent to fal.ai: the endpoint's id, and the body."""

    endpoint: str
    payload: Mapping[str, JsonValue]


@dataclass(frozen=True, kw_only=True)
class Model:
    """One entry of the catalog, ready for use.

    `inputs` and `options` of its methods are a request's JSON, as the caller gave it.

    Attributes:
        known: parameters of fal's, whether or not this model takes them.
    """

    name: str
    endpoint: str
    category: str
    description: str
    required_inputs: tuple[str, ...]
    optional_inputs: tuple[str, ...]
    options: tuple[str, ...]
    default_options: JsonObject
    cost_per_image: Decimal
    price_rules: tuple[PriceRule, ...]
    conflicts: Conflicts
    inputs_class: type[ClosedObject]
    options_class: type[ClosedObject]
    request_class: type[ModelRequest]
    estimate_class: type[EstimateRequest]
    known: Collection[str] = ()

    def fal_request(self, inputs: JsonObject, options: JsonObject) -> FalRequest:
        """What fal.ai gets of a valid request: the given values, the model's default options, and nothing else."""
        values = {**self._defaults_beside(options), **inputs, **options}
        route = self.conflicts.route(values)
        for unused in self.conflicts.routes:
            if unused is not route and not is_used(values, unused.when):
                values.pop(unused.when, None)
        if self.conflicts.sized and all(name in values for name in WIDTH_AND_HEIGHT):
            values[IMAGE_SIZE] = {name: values.pop(name) for name in WIDTH_AND_HEIGHT}
        return FalRequest(route.endpoint if route else self.endpoint, values)

    def price(self, inputs: JsonObject, options: JsonObject) -> Price:
        """The price of a valid request, as it would be charged for every picture asked for."""
        values = {**self._defaults_beside(options), **inputs, **options}
        per_image = self._factors_per_image(values)
        count = _count(values.get(NUM_IMAGES))
        images = Factor(
            kind=FactorKind.IMAGES, value=Decimal(count), parameter=NUM_IMAGES, given=values.get(NUM_IMAGES)
        )
        return Price(math.prod((factor.value for factor in per_image), start=Decimal(1)), count, (*per_image, images))

    def estimate(self, inputs: JsonObject, options: JsonObject) -> Price:
        """The price of a request that is only planned: inputs may be missing, `num_images` may be up to 10,000.

        Raises:
            InvalidInput: a name that the model does not know, or a value that it would refuse.
        """
        plan = {"model": self.name, "inputs": dict(inputs), "options": dict(options)}
        try:
            request = self.estimate_class.model_validate(plan)
        except ValidationError as error:
            raise self.estimate_refusal(error.errors(include_url=False), plan) from error
        return self.price(given(request.inputs), given(request.options))

    def refused_when_generating(self, request: EstimateRequest) -> tuple[Fault, ...]:
        """What would be refused if the planned request were sent as it is."""
        options = given(request.options)
        body = {"userId": "user", **given(request), "inputs": given(request.inputs), "options": options}
        try:
            self.request_class.model_validate(body)
        except ValidationError as error:
            found = self.refusal(error.errors(include_url=False), body).faults
            return tuple(self._with_advice(fault, options) for fault in found)
        return ()

    def picture_addresses(self, inputs: JsonObject, options: JsonObject) -> list[tuple[Place, str]]:
        """Every URL and data URI of a picture in a valid request, and where it stands."""
        sections = zip(SECTIONS, (inputs, options), strict=True)
        return [found for name, values in sections for found in picture_addresses(dict(values), self.shape, (name,))]

    def example(self) -> dict[str, JsonValue]:
        """A request that is valid as it stands."""
        return copy.deepcopy(self.request_class.example or {})

    def inputs_schema(self) -> dict[str, Any]:
        """The JSON Schema of `inputs`."""
        return self.inputs_class.model_json_schema()

    def options_schema(self) -> dict[str, Any]:
        """The JSON Schema of `options`."""
        return self.options_class.model_json_schema()

    def refusal(self, errors: Iterable[ErrorDetails], body: JsonObject) -> InvalidInput:
        """Every fault of a request: what pydantic found, and the conflicts that it looks for only in sound requests."""
        found = [spelt for fault in self._told(errors, self.shape) for spelt in self._spelt_out(fault)]
        return InvalidInput(self._with_conflicts(found, self.conflicts.faults, body)[:MOST_FAULTS])

    def estimate_refusal(self, errors: Iterable[ErrorDetails], body: JsonObject) -> InvalidInput:
        """Every fault of what is to be priced."""
        found = self._told(errors, self.estimate_shape)
        return InvalidInput(self._with_conflicts(found, self.conflicts.planning_faults, body)[:MOST_FAULTS])

    def section_faults(self, section: str, values: JsonObject) -> list[Fault]:
        """What is wrong with inputs or options alone; required inputs may be missing."""
        kind = self.inputs_class if section == "inputs" else self.options_class
        errors = (error for error in _errors(TypeAdapter(kind), dict(values)) if not _is_absent(error))
        return faults(errors, self.shape, (section,))

    @cached_property
    def shape(self) -> Shape:
        """The JSON Schema of a whole request, to tell faults by."""
        return Shape(self.name, self.request_class.model_json_schema(), self.known)

    @cached_property
    def estimate_shape(self) -> Shape:
        """The JSON Schema of what can be priced, to tell faults by."""
        return Shape(self.name, self.estimate_class.model_json_schema(), self.known)

    def _defaults_beside(self, options: JsonObject) -> dict[str, JsonValue]:
        """The default options, less those that would contradict the size given."""
        sizes = {IMAGE_SIZE, *WIDTH_AND_HEIGHT}
        dropped = sizes if self.conflicts.sized and sizes & options.keys() else set[str]()
        return {name: value for name, value in self.default_options.items() if name not in dropped}

    def _factors_per_image(self, values: JsonObject) -> list[Factor]:
        """What one picture costs, and the rules that multiply it."""
        route = self.conflicts.route(values)
        base = Factor(kind=FactorKind.COST_PER_IMAGE, value=self.cost_per_image)
        if route is not None and route.cost_per_image is not None:
            base = Factor(kind=FactorKind.COST_PER_IMAGE, value=route.cost_per_image, parameter=route.when)
        rules = [rule for rule in self.price_rules if _is_same(values.get(rule.option), rule.value)]
        return [
            base,
            *(
                Factor(kind=FactorKind.MULTIPLIER, value=rule.multiply, parameter=rule.option, given=rule.value)
                for rule in rules
            ),
        ]

    def _told(self, errors: Iterable[ErrorDetails], shape: Shape) -> list[Fault]:
        return faults((error for error in errors if error["type"] != CONFLICT_FOUND), shape)

    def _spelt_out(self, fault: Fault) -> list[Fault]:
        """The fault itself, or where all inputs are missing, one for each that is required."""
        if (fault.pointer, fault.code) != ("/inputs", "missing") or not self.required_inputs:
            return [fault]
        return [missing(("inputs", name)) for name in self.required_inputs]

    def _with_conflicts(self, found: list[Fault], conflicts: FindConflicts, body: JsonObject) -> list[Fault]:
        told = {fault.pointer for fault in found}
        inputs, options = (_object(body.get(section)) for section in SECTIONS)
        return [*found, *(fault for fault in conflicts(inputs, options) if fault.pointer not in told)]

    def _with_advice(self, fault: Fault, options: JsonObject) -> Fault:
        """A fault of a plan; of a number of pictures that no request may ask for, with how many requests to send."""
        count = _count(options.get(NUM_IMAGES))
        if fault.pointer != pointer(("options", NUM_IMAGES)) or fault.code == "conflict":
            return fault
        most = self.shape.at(("options", NUM_IMAGES)).get("maximum", 1)
        return replace(fault, message=f"{fault.message} Send {math.ceil(count / most)} requests, or one batch of them.")


def _errors(adapter: TypeAdapter[Any], value: object) -> list[ErrorDetails]:
    try:
        adapter.validate_python(value)
    except ValidationError as error:
        return error.errors(include_url=False)
    return []


def _object(value: JsonValue) -> JsonObject:
    """The members that are not null; none if it is no object."""
    return {name: part for name, part in value.items() if part is not None} if isinstance(value, dict) else {}


def _is_absent(error: ErrorDetails) -> bool:
    return error["type"] == "missing" and len(error["loc"]) == 1


def _is_same(value: JsonValue, other: JsonValue) -> bool:
    return value == other and isinstance(value, bool) is isinstance(other, bool)


def _count(value: JsonValue) -> int:
    return int(value) if isinstance(value, int | float) and not isinstance(value, bool) else 1
