"""Rules over several parameters at once: sizes that exclude each other, and routes that allow less."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from pydantic import JsonValue, TypeAdapter, ValidationError

from imagegen.errors import Fault
from imagegen.registry.faults import Shape, faults, pointer

JsonObject = Mapping[str, JsonValue]
WIDTH_AND_HEIGHT = ("width", "height")
IMAGE_SIZE = "image_size"
NUM_IMAGES = "num_images"


def is_used(values: JsonObject, name: str) -> bool:
    """Whether a parameter is given, and with a value that asks for something: not false, and not empty."""
    value = values.get(name)
    return value is not None and value is not False and value not in ("", [], {})


@dataclass(frozen=True, slots=True, kw_only=True)
class Narrowed:
    """A parameter as a route allows it."""

    section: str
    adapter: TypeAdapter[object]

    def faults(self, name: str, value: JsonValue, when: str) -> list[Fault]:
        """What is wrong with the value on this route."""
        try:
            self.adapter.validate_python(value)
        except ValidationError as error:
            place = (self.section, name)
            found = faults(error.errors(include_url=False), self._shape(name, when), place)
            return [_said_when(fault, when) for fault in found]
        return []

    def _shape(self, name: str, when: str) -> Shape:
        schema = self.adapter.json_schema()
        section = {"type": "object", "properties": {name: schema}}
        root = {"properties": {self.section: section}, "$defs": schema.get("$defs", {})}
        return Shape(subject=f"A request with {when}", root=root)


def _said_when(fault: Fault, when: str) -> Fault:
    return Fault(
        pointer=fault.pointer,
        code=fault.code,
        message=f"With {when}, {fault.message}",
        valid=fault.valid,
        suggestion=fault.suggestion,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ActiveRoute:
    """Where a request goes that uses the parameter `when`, what it costs there, and what it may not ask there."""

    when: str
    endpoint: str
    cost_per_image: Decimal | None
    narrowed: Mapping[str, Narrowed]

    def faults(self, values: JsonObject) -> list[Fault]:
        """What this route refuses of the values given."""
        given = ((name, rule) for name, rule in self.narrowed.items() if name in values)
        return [fault for name, rule in given for fault in rule.faults(name, values[name], self.when)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Conflicts:
    """The rules of one model.

    Attributes:
        sized: whether its options include width and height, which become fal's image_size.
        routes: the first whose parameter is used is taken.
    """

    sized: bool
    routes: tuple[ActiveRoute, ...]

    def route(self, values: JsonObject) -> ActiveRoute | None:
        """The route that a request with these values takes; None for the model's own endpoint."""
        return next((route for route in self.routes if is_used(values, route.when)), None)

    def faults(self, inputs: JsonObject, options: JsonObject) -> list[Fault]:
        """Every rule that a request breaks."""
        route = self.route({**inputs, **options})
        refused = route.faults({**inputs, **options}) if route else []
        return [*(self._sizes(options) if self.sized else ()), *refused]

    def planning_faults(self, inputs: JsonObject, options: JsonObject) -> list[Fault]:
        """The same of a request that is only planned, which may ask for more pictures than one request can."""
        return self.faults(inputs, {name: value for name, value in options.items() if name != NUM_IMAGES})

    def _sizes(self, options: JsonObject) -> list[Fault]:
        given = [name for name in WIDTH_AND_HEIGHT if name in options]
        if not given:
            return []
        found = [_both_needed(name, given[0]) for name in WIDTH_AND_HEIGHT if name not in given]
        return [_either_or(), *found] if IMAGE_SIZE in options else found


def _both_needed(name: str, other: str) -> Fault:
    message = f"options.{name} is required together with options.{other}."
    return Fault(pointer=pointer(("options", name)), code="missing", message=message)


def _either_or() -> Fault:
    message = "options.image_size excludes options.width and options.height; give one or the other."
    return Fault(pointer=pointer(("options", IMAGE_SIZE)), code="conflict", message=message)
