"""Rules over several parameters: sizes that exclude each other, and routes that accept less."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from pydantic import JsonValue, TypeAdapter, ValidationError

from imagegen.errors import Fault
from imagegen.json_object import JsonObject
from imagegen.registry.faults import RequestSchema, faults_from_errors, json_pointer

WIDTH_AND_HEIGHT = ("width", "height")
IMAGE_SIZE = "image_size"
NUM_IMAGES = "num_images"


def is_used(values: JsonObject, name: str) -> bool:
    """Whether a parameter is given with a value that has an effect: neither false nor empty."""
    value = values.get(name)
    return value is not None and value is not False and value not in ("", [], {})


@dataclass(frozen=True, slots=True, kw_only=True)
class NarrowedParameter:
    """A parameter with the values that a route accepts."""

    section: str
    adapter: TypeAdapter[object]

    def faults(self, name: str, value: JsonValue, when: str) -> list[Fault]:
        """The faults of a value on this route."""
        try:
            self.adapter.validate_python(value)
        except ValidationError as error:
            place = (self.section, name)
            found = faults_from_errors(error.errors(include_url=False), self._shape(name, when), place)
            return [_with_condition(fault, when) for fault in found]
        return []

    def _shape(self, name: str, when: str) -> RequestSchema:
        schema = self.adapter.json_schema()
        section = {"type": "object", "properties": {name: schema}}
        root = {"properties": {self.section: section}, "$defs": schema.get("$defs", {})}
        return RequestSchema(subject=f"A request with {when}", root=root)


def _with_condition(fault: Fault, when: str) -> Fault:
    return Fault(
        pointer=fault.pointer,
        code=fault.code,
        message=f"With {when}, {fault.message}",
        valid=fault.valid,
        suggestion=fault.suggestion,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ActiveRoute:
    """The endpoint for requests that use the parameter `when`, its price, and the values that it accepts."""

    when: str
    endpoint: str
    cost_per_image: Decimal | None
    narrowed: Mapping[str, NarrowedParameter]

    def faults(self, values: JsonObject) -> list[Fault]:
        """The faults of the given values on this route."""
        given = ((name, rule) for name, rule in self.narrowed.items() if name in values)
        return [fault for name, rule in given for fault in rule.faults(name, values[name], self.when)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Conflicts:
    """The rules of one model.

    Attributes:
        sized: whether its options include width and height, which become fal's image_size.
        routes: the first one whose parameter is used applies.
    """

    sized: bool
    routes: tuple[ActiveRoute, ...]

    def route(self, values: JsonObject) -> ActiveRoute | None:
        """The route of a request with these values; None for the model's own endpoint."""
        return next((route for route in self.routes if is_used(values, route.when)), None)

    def faults(self, inputs: JsonObject, options: JsonObject) -> list[Fault]:
        """A fault for every rule that a request breaks."""
        route = self.route({**inputs, **options})
        refused = route.faults({**inputs, **options}) if route else []
        return [*(self._sizes(options) if self.sized else ()), *refused]

    def planning_faults(self, inputs: JsonObject, options: JsonObject) -> list[Fault]:
        """The same for an estimate, which may ask for more images than one request can."""
        return self.faults(inputs, {name: value for name, value in options.items() if name != NUM_IMAGES})

    def _sizes(self, options: JsonObject) -> list[Fault]:
        given = [name for name in WIDTH_AND_HEIGHT if name in options]
        if not given:
            return []
        found = [_both_needed(name, given[0]) for name in WIDTH_AND_HEIGHT if name not in given]
        return [_size_conflict(), *found] if IMAGE_SIZE in options else found


def _both_needed(name: str, other: str) -> Fault:
    message = f"options.{name} is required together with options.{other}."
    return Fault(pointer=json_pointer(("options", name)), code="missing", message=message)


def _size_conflict() -> Fault:
    message = "options.image_size excludes options.width and options.height; give one or the other."
    return Fault(pointer=json_pointer(("options", IMAGE_SIZE)), code="conflict", message=message)
