"""A model: its parameters, the endpoint of its requests, and their price."""

import copy
import math
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from functools import cached_property
from typing import Any

from pydantic import JsonValue, TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from imagegen.errors import MOST_FAULTS, Fault, InvalidInput
from imagegen.json_object import JsonObject
from imagegen.registry.capabilities import Capabilities, read_capabilities
from imagegen.registry.conflicts import IMAGE_SIZE, NUM_IMAGES, WIDTH_AND_HEIGHT, Conflicts, is_used
from imagegen.registry.documents import Place
from imagegen.registry.entries import Output, Retired
from imagegen.registry.faults import SECTIONS, RequestSchema, faults_from_errors, json_pointer, missing_fault
from imagegen.registry.image_inputs import image_urls
from imagegen.registry.model_classes import ModelClasses
from imagegen.registry.model_parameters import ModelParameters
from imagegen.registry.price import Price
from imagegen.registry.price_bounds import PriceBounds, price_bounds
from imagegen.registry.pricing_entries import Unit
from imagegen.registry.request_price import Pricing, count_of
from imagegen.registry.requests import CONFLICT_FOUND, EstimateRequest, FindConflicts, ModelRequest, given


@dataclass(frozen=True, slots=True)
class FalRequest:
    """A request to fal.ai: the endpoint id and the body."""

    endpoint: str
    payload: JsonObject


@dataclass(frozen=True, kw_only=True)
class Model:
    """A model of the catalog.

    The methods take `inputs` and `options` as the request's JSON, as the caller gave it.

    Attributes:
        classes: made at their first use, like what needs them.
        known: parameters of fal, whether or not this model accepts them.
        output: where a result has its images; empty: `images` and `image`, or anywhere.
        aliases: other names that requests may have, without those that another model has.
        retired: when it ends or ended, and its successor; None if it does not.
        verified_at: the day on which its entry was checked.
        source: where its facts are.
        is_later_built_in: whether a release after the first brought it. Keys of before are not for it.
        tags: short words that its entry gives it.
        parameters: those of its requests, as the catalog describes them.
    """

    name: str
    endpoint: str
    category: str
    description: str
    required_inputs: tuple[str, ...]
    optional_inputs: tuple[str, ...]
    options: tuple[str, ...]
    default_options: JsonObject
    pricing: Pricing
    conflicts: Conflicts
    classes: ModelClasses
    known: Collection[str] = ()
    output: tuple[Output, ...] = ()
    aliases: tuple[str, ...] = ()
    retired: Retired | None = None
    verified_at: date | None = None
    source: str | None = None
    is_later_built_in: bool = False
    tags: tuple[str, ...] = ()
    parameters: ModelParameters = field(default_factory=ModelParameters)

    @property
    def names(self) -> tuple[str, ...]:
        """Its name and its aliases."""
        return (self.name, *self.aliases)

    @property
    def endpoints(self) -> tuple[str, ...]:
        """Every fal endpoint that its requests can go to."""
        return (self.endpoint, *(route.endpoint for route in self.conflicts.routes))

    def is_retired(self, day: date) -> bool:
        """Whether no new requests are accepted on this day, in UTC."""
        return self.retired is not None and self.retired.since <= day

    def fal_request(self, inputs: JsonObject, options: JsonObject) -> FalRequest:
        """The request to fal.ai for a valid request: the given values and the model's default options only."""
        values = {**self._defaults_beside(options), **inputs, **options}
        route = self.conflicts.route(values)
        for unused in self.conflicts.routes:
            if unused is not route and not is_used(values, unused.when):
                values.pop(unused.when, None)
        if self.conflicts.sized and all(name in values for name in WIDTH_AND_HEIGHT):
            values[IMAGE_SIZE] = {name: values.pop(name) for name in WIDTH_AND_HEIGHT}
        return FalRequest(route.endpoint if route else self.endpoint, values)

    def price(self, inputs: JsonObject, options: JsonObject) -> Price:
        """The price of a valid request if every requested image is delivered."""
        values = {**self._defaults_beside(options), **inputs, **options}
        return self.pricing.price(values, self.conflicts.route(values))

    def estimate(self, inputs: JsonObject, options: JsonObject) -> Price:
        """The price of a planned request. Inputs may be missing, and `num_images` may be up to 10,000.

        Raises:
            InvalidInput: the model does not know a name, or refuses a value.
        """
        plan = {"model": self.name, "inputs": dict(inputs), "options": dict(options)}
        try:
            request = self.estimate_class.model_validate(plan)
        except ValidationError as error:
            raise self.invalid_estimate(error.errors(include_url=False), plan) from error
        return self.price(given(request.inputs), given(request.options))

    def generation_faults(self, request: EstimateRequest) -> tuple[Fault, ...]:
        """The faults that the planned request would have if it were sent to `generate` unchanged."""
        options = given(request.options)
        body = {"userId": "user", **given(request), "inputs": given(request.inputs), "options": options}
        try:
            self.request_class.model_validate(body)
        except ValidationError as error:
            found = self.invalid_request(error.errors(include_url=False), body).faults
            return tuple(self._with_advice(fault, options) for fault in found)
        return ()

    def image_urls(self, inputs: JsonObject, options: JsonObject) -> list[tuple[Place, str]]:
        """Every URL and data URI of an image in a valid request, with its place."""
        sections = zip(SECTIONS, (inputs, options), strict=True)
        return [found for name, values in sections for found in image_urls(dict(values), self.request_schema, (name,))]

    def example(self) -> dict[str, JsonValue]:
        """A complete, valid request."""
        return copy.deepcopy(dict(self.classes.example()))

    def inputs_schema(self) -> dict[str, Any]:
        """The JSON Schema of `inputs`."""
        return self.classes.inputs().model_json_schema()

    def options_schema(self) -> dict[str, Any]:
        """The JSON Schema of `options`."""
        return self.classes.options().model_json_schema()

    def invalid_request(self, errors: Iterable[ErrorDetails], body: JsonObject) -> InvalidInput:
        """Every fault of a request: pydantic's errors, and the conflicts, which pydantic checks only without errors."""
        found = [
            expanded
            for fault in self._faults(errors, self.request_schema)
            for expanded in self._expand_missing_inputs(fault)
        ]
        return InvalidInput(self._with_conflicts(found, self.conflicts.faults, body)[:MOST_FAULTS])

    def invalid_estimate(self, errors: Iterable[ErrorDetails], body: JsonObject) -> InvalidInput:
        """Every fault of a request to be priced."""
        found = self._faults(errors, self.estimate_schema)
        return InvalidInput(self._with_conflicts(found, self.conflicts.planning_faults, body)[:MOST_FAULTS])

    def section_faults(self, section: str, values: JsonObject) -> list[Fault]:
        """The faults of `inputs` or of `options` alone. Required inputs may be missing."""
        kind = self.classes.inputs() if section == "inputs" else self.classes.options()
        errors = (error for error in _errors(TypeAdapter(kind), dict(values)) if not _is_absent(error))
        return faults_from_errors(errors, self.request_schema, (section,))

    @cached_property
    def request_class(self) -> type[ModelRequest]:
        """The class of its requests."""
        return self.classes.request()

    @cached_property
    def item_class(self) -> type[ModelRequest]:
        """The class of its requests in a batch. Their user may be absent."""
        return self.classes.item()

    @cached_property
    def estimate_class(self) -> type[EstimateRequest]:
        """The class of its requests to be priced."""
        return self.classes.estimate()

    @cached_property
    def cost_per_image(self) -> Decimal:
        """The price of one image with nothing but the defaults, in US dollars."""
        price = self.price({}, {})
        return self.pricing.cost_per_image if self.pricing.unit is Unit.REQUEST else price.cost_per_image

    @cached_property
    def price_bounds(self) -> PriceBounds:
        """What a request for one image can cost."""
        return price_bounds(
            self.parameters, self.pricing, self.conflicts, lambda given: {**self._defaults_beside(given), **given}
        )

    @cached_property
    def capabilities(self) -> Capabilities:
        """What it can do."""
        return read_capabilities(self.parameters, self.pricing.most_images)

    @cached_property
    def request_schema(self) -> RequestSchema:
        """The JSON Schema of a request, to explain faults."""
        return RequestSchema(self.name, self.request_class.model_json_schema(), self.known)

    @cached_property
    def estimate_schema(self) -> RequestSchema:
        """The JSON Schema of a request to be priced, to explain faults."""
        return RequestSchema(self.name, self.estimate_class.model_json_schema(), self.known)

    def _defaults_beside(self, options: JsonObject) -> dict[str, JsonValue]:
        """The default options, less those that would contradict the size given."""
        sizes = {IMAGE_SIZE, *WIDTH_AND_HEIGHT}
        dropped = sizes if self.conflicts.sized and sizes & options.keys() else set[str]()
        return {name: value for name, value in self.default_options.items() if name not in dropped}

    def _faults(self, errors: Iterable[ErrorDetails], shape: RequestSchema) -> list[Fault]:
        return faults_from_errors((error for error in errors if error["type"] != CONFLICT_FOUND), shape)

    def _expand_missing_inputs(self, fault: Fault) -> list[Fault]:
        """The fault itself; if all inputs are missing, one for each required input."""
        if (fault.pointer, fault.code) != ("/inputs", "missing") or not self.required_inputs:
            return [fault]
        return [missing_fault(("inputs", name)) for name in self.required_inputs]

    def _with_conflicts(self, found: list[Fault], conflicts: FindConflicts, body: JsonObject) -> list[Fault]:
        reported = {fault.pointer for fault in found}
        inputs, options = (_object(body.get(section)) for section in SECTIONS)
        return [*found, *(fault for fault in conflicts(inputs, options) if fault.pointer not in reported)]

    def _with_advice(self, fault: Fault, options: JsonObject) -> Fault:
        """A fault of a planned request. For too many images in one request, it says how many requests to send."""
        count = count_of(options.get(NUM_IMAGES))
        if fault.pointer != json_pointer(("options", NUM_IMAGES)) or fault.code == "conflict":
            return fault
        most = self.request_schema.at(("options", NUM_IMAGES)).get("maximum", 1)
        return replace(fault, message=f"{fault.message} Send {math.ceil(count / most)} requests, or one batch of them.")


def _errors(adapter: TypeAdapter[Any], value: object) -> list[ErrorDetails]:
    try:
        adapter.validate_python(value)
    except ValidationError as error:
        return error.errors(include_url=False)
    return []


def _object(value: JsonValue) -> JsonObject:
    """The members that are not null; none if the value is not an object."""
    return {name: part for name, part in value.items() if part is not None} if isinstance(value, dict) else {}


def _is_absent(error: ErrorDetails) -> bool:
    return error["type"] == "missing" and len(error["loc"]) == 1
