"""The parameters of a model as its entry and the vocabulary describe them."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from imagegen.registry.input_schemas import ParameterSchema
from imagegen.registry.vocabulary import ParameterSchemas

_NONE: Mapping[str, ParameterSchema] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelParameters:
    """The parameters of a model.

    Attributes:
        required: the names of those that each request has.
        schemas: by name, inputs and options together.
        narrowed: for each route, the parameters that it narrows.
        definitions: the objects that a `$ref` can name.
    """

    required: Sequence[str] = ()
    schemas: ParameterSchemas = field(default_factory=lambda: _NONE)
    narrowed: Sequence[ParameterSchemas] = ()
    definitions: ParameterSchemas = field(default_factory=lambda: _NONE)

    def forms(self, schema: ParameterSchema) -> Iterator[ParameterSchema]:
        """The schemas of which a value has one: the branches of `anyOf`, and the object that a `$ref` names."""
        if schema.any_of:
            for branch in schema.any_of:
                yield from self.forms(branch)
        else:
            yield self.definitions.get(schema.definition or "", schema)


def least_of(schema: ParameterSchema) -> int | None:
    """The smallest whole number that a parameter takes; None if nothing bounds it."""
    bounds = (schema.minimum, None if schema.exclusive_minimum is None else schema.exclusive_minimum + 1)
    listed = [value for value in schema.enum or () if isinstance(value, int)]
    known = [math.ceil(bound) for bound in bounds if bound is not None]
    return max([*known, *([min(listed)] if listed else [])], default=None)


def most_of(schema: ParameterSchema) -> int | None:
    """The largest whole number that a parameter takes; None if nothing bounds it."""
    bounds = (schema.maximum, None if schema.exclusive_maximum is None else schema.exclusive_maximum - 1)
    listed = [value for value in schema.enum or () if isinstance(value, int)]
    known = [math.floor(bound) for bound in bounds if bound is not None]
    return min([*known, *([max(listed)] if listed else [])], default=None)
