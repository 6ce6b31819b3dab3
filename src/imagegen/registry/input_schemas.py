"""The subset of JSON Schema that describes parameters, and how an entry changes a parameter."""

from collections.abc import Collection, Iterator
from typing import Annotated, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    JsonValue,
    StrictFloat,
    StrictInt,
    StrictStr,
    StringConstraints,
    TypeAdapter,
)
from pydantic_core import SchemaError

from imagegen.registry.documents import Place

REFERENCE = "#/definitions/"
_DOCUMENTATION = frozenset({"description", "example", "default", "title"})
_NUMBERS = frozenset({"minimum", "maximum", "exclusive_minimum", "exclusive_maximum"})
_KEYWORDS = {
    "string": frozenset({"enum", "min_length", "max_length", "pattern", "format"}),
    "integer": _NUMBERS | {"enum"},
    "number": _NUMBERS,
    "boolean": frozenset[str](),
    "array": frozenset({"items", "min_items", "max_items"}),
    "object": frozenset({"properties", "required"}),
}
_BOUNDS = (("minimum", "maximum"), ("min_length", "max_length"), ("min_items", "max_items"))


def _camel(name: str) -> str:
    head, *rest = name.split("_")
    return head + "".join(part.title() for part in rest)


def _compiles(pattern: str) -> str:
    try:
        TypeAdapter(Annotated[str, StringConstraints(pattern=pattern)])
    except SchemaError as error:
        raise ValueError("expected a regular expression, without look-around or references back") from error
    return pattern


Count = Annotated[StrictInt, Field(ge=0)]
Bound = StrictInt | StrictFloat


class ParameterSchema(BaseModel):
    """The schema of one parameter: a subset of JSON Schema, with `example` and `default` as documentation."""

    model_config = ConfigDict(extra="forbid", frozen=True, alias_generator=_camel)

    type: Literal["string", "integer", "number", "boolean", "array", "object"] | None = None
    title: str | None = None
    description: str | None = None
    example: JsonValue = None
    default: JsonValue = None
    enum: Annotated[tuple[StrictStr, ...] | tuple[StrictInt, ...], Field(min_length=1)] | None = None
    minimum: Bound | None = None
    maximum: Bound | None = None
    exclusive_minimum: Bound | None = None
    exclusive_maximum: Bound | None = None
    min_length: Count | None = None
    max_length: Count | None = None
    pattern: Annotated[str, AfterValidator(_compiles)] | None = None
    format: Literal["uri"] | None = None
    items: Self | None = None
    min_items: Count | None = None
    max_items: Count | None = None
    properties: dict[str, Self] | None = None
    required: tuple[str, ...] | None = None
    any_of: tuple[Self, ...] | None = None
    ref: str | None = Field(default=None, alias="$ref", pattern=r"^#/definitions/\w+$")

    @classmethod
    def keys(cls) -> tuple[str, ...]:
        """Every keyword of a schema, as written."""
        return tuple(member.alias or name for name, member in cls.model_fields.items())

    @property
    def keywords(self) -> frozenset[str]:
        """The keywords that are given, without documentation."""
        return frozenset(name for name in self.model_fields_set if name not in _DOCUMENTATION)

    @property
    def definition(self) -> str | None:
        """The name of the shared definition that this refers to."""
        return self.ref.removeprefix(REFERENCE) if self.ref else None

    def changed(self, change: Self) -> Self:
        """The schema with an entry's change: replaced if `change` names a type, else narrowed by its keywords."""
        if {"type", "any_of", "ref"} & change.model_fields_set:
            return change
        return self.model_copy(update={name: getattr(change, name) for name in change.model_fields_set})

    def contradictions(self, definitions: Collection[str], place: Place = ()) -> Iterator[tuple[Place, str]]:
        """Keywords that contradict each other: the place, and what was expected."""
        yield from self._unfit_keywords(place)
        yield from self._empty_ranges(place)
        if self.definition and self.definition not in definitions:
            yield (*place, "$ref"), f"expected one of {', '.join(REFERENCE + name for name in definitions)}"
        for name in self.required or ():
            if name not in (self.properties or {}):
                yield (*place, "required"), f"expected {name!r} under properties too"
        for where, part in self._parts():
            yield from part.contradictions(definitions, (*place, *where))

    def _unfit_keywords(self, place: Place) -> Iterator[tuple[Place, str]]:
        heads = self.keywords & {"type", "any_of", "ref"}
        if len(heads) > 1 or (self.keywords and not heads):
            yield place, "expected exactly one of type, anyOf and $ref"
            return
        allowed = _KEYWORDS[self.type] if self.type else frozenset[str]()
        for name in sorted(self.keywords - heads - allowed):
            yield (*place, _camel(name)), f"does not go with {self.type or 'anyOf or $ref'}"
        types = {type(value) for value in self.enum or ()}
        if (self.type == "string" and int in types) or (self.type == "integer" and str in types):
            yield (*place, "enum"), f"expected values of type {self.type}"

    def _empty_ranges(self, place: Place) -> Iterator[tuple[Place, str]]:
        for low, high in _BOUNDS:
            least, most = getattr(self, low), getattr(self, high)
            if least is not None and most is not None and least > most:
                yield (*place, _camel(low)), f"expected at most {_camel(high)}, which is {most}"

    def _parts(self) -> Iterator[tuple[Place, Self]]:
        if self.items:
            yield ("items",), self.items
        for index, branch in enumerate(self.any_of or ()):
            yield ("anyOf", index), branch
        for name, member in (self.properties or {}).items():
            yield ("properties", name), member
