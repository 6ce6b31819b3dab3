"""The sizes that a request can ask for, as far as they tell the least and the highest price."""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from pydantic import JsonValue

from imagegen.json_object import JsonObject
from imagegen.registry.conflicts import IMAGE_SIZE, WIDTH_AND_HEIGHT
from imagegen.registry.image_sizes import parse_size
from imagegen.registry.input_schemas import ParameterSchema
from imagegen.registry.model_parameters import ModelParameters, least_of, most_of
from imagegen.registry.vocabulary import ParameterSchemas

SIZE_NAMES: Final = (IMAGE_SIZE, *WIDTH_AND_HEIGHT)
_LONGEST_SIDE: Final = 100_000  # pixels: more than any step of a price


@dataclass(frozen=True, slots=True, kw_only=True)
class SizeChoices:
    """The sizes of one model on one route.

    Attributes:
        parameters: of the model.
        schemas: of its parameters on this route.
        named: values of each of SIZE_NAMES that a rule or a table names.
    """

    parameters: ModelParameters
    schemas: ParameterSchemas
    named: Mapping[str, Sequence[JsonValue]]

    @property
    def are_bounded(self) -> bool:
        """Whether there is a largest size."""
        forms = self._forms()
        is_open = any(not form.enum and not _has_sides(form) for form in forms)
        sides = [form.properties[name] for form in forms if form.properties for name in WIDTH_AND_HEIGHT]
        return not is_open and all(most_of(side) is not None for side in (*sides, *self._sides()))

    def choices(self) -> Iterator[JsonObject]:
        """No size, if a request need not have one; each listed one; the smallest and the largest of the others."""
        if not any(name in self.parameters.required for name in SIZE_NAMES):
            yield {}
        for form in self._forms():
            yield from ({IMAGE_SIZE: value} for value in form.enum or self._of_form(form))
        yield from self._corners(self._sides())

    def _forms(self) -> Sequence[ParameterSchema]:
        return [*self.parameters.forms(self.schemas[IMAGE_SIZE])] if IMAGE_SIZE in self.schemas else []

    def _sides(self) -> Sequence[ParameterSchema]:
        has_both = all(name in self.schemas for name in WIDTH_AND_HEIGHT)
        return [self.schemas[name] for name in WIDTH_AND_HEIGHT] if has_both else []

    def _of_form(self, form: ParameterSchema) -> Iterator[JsonValue]:
        """The sizes of a form that lists none."""
        sides = [form.properties[name] for name in WIDTH_AND_HEIGHT] if form.properties and _has_sides(form) else []
        yield from (dict(corner) for corner in self._corners(sides or [ParameterSchema()] * len(WIDTH_AND_HEIGHT)))
        for value in self.named.get(IMAGE_SIZE, ()):
            size = parse_size(value)
            yield value if size is None else dict(zip(WIDTH_AND_HEIGHT, size, strict=True))

    def _corners(self, sides: Sequence[ParameterSchema]) -> Iterator[JsonObject]:
        """The smallest and the largest size with these sides, and those that a rule names; none if there are none."""
        lengths = [
            (max(1, least_of(side) or 1), _LONGEST_SIDE if (most := most_of(side)) is None else most, *self.named[name])
            for name, side in zip(WIDTH_AND_HEIGHT, sides, strict=False)
        ]
        for corner in itertools.product(*lengths) if lengths else ():
            yield dict(zip(WIDTH_AND_HEIGHT, corner, strict=True))


def _has_sides(form: ParameterSchema) -> bool:
    return form.properties is not None and all(name in form.properties for name in WIDTH_AND_HEIGHT)
