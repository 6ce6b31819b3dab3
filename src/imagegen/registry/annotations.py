"""Turns the schema of a parameter into the annotation of a pydantic field, and that of an object into a class."""

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from threading import RLock
from typing import Annotated, Any, cast

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetJsonSchemaHandler,
    PlainSerializer,
    Strict,
    TypeAdapter,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
    create_model,
    model_validator,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError

from imagegen.json_object import JsonObject
from imagegen.registry.input_schemas import ParameterSchema
from imagegen.registry.type_forms import literal, union
from imagegen.registry.values import (
    INT64_MAX,
    INT64_MIN,
    check_image_url,
    check_number,
    check_storable,
    check_visible,
    reject_boolean,
    to_integer,
)

Annotation = Any  # a type, Annotated[...] or a Union of them; typing has no name for every form that pydantic accepts
_JSON_TYPES: Mapping[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int, float),
    "number": (int, float),
    "boolean": (bool,),
    "array": (list,),
    "object": (dict,),
}
_TYPE_WORDS = {
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "array": "a list",
    "object": "an object",
}
_VISIBLE_PATTERN = r"^\s*\S"  # invisible characters are checked when a request arrives
# A URL with a host, or a data URI. The rest is checked when a request arrives.
_IMAGE_URL_PATTERN = r"^([hH][tT][tT][pP][sS]?://[^\s/?#:@]|[dD][aA][tT][aA]:[^,]*,)"


class ClosedObject(BaseModel):
    """An object that refuses unknown members. A member that is null counts as absent, unless it accepts any JSON.

    Its JSON Schema has no titles of members and does not mention null, because client generators would make a union of
    every type.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, serialize_by_alias=True)

    @model_validator(mode="before")
    @classmethod
    def _leave_out_null(cls, value: object) -> object:
        if not isinstance(value, dict):
            return value
        members = cast("dict[str, object]", value)
        if None not in members.values():
            return members
        typed = {field.alias or name for name, field in cls.model_fields.items() if field.annotation is not Any}
        return {name: part for name, part in members.items() if part is not None or name not in typed}

    @classmethod
    def __get_pydantic_json_schema__(cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """Remove the titles that pydantic adds: client generators use the title of a member as a class name."""
        schema = handler.resolve_ref_schema(handler(core_schema))
        for member in schema.get("properties", {}).values():
            member.pop("title", None)
        return schema


@dataclass(frozen=True, slots=True, eq=False)
class SchemaKeywords:
    """Adds keywords to the JSON Schema that pydantic writes. Compared by identity, because unions hash it."""

    keywords: JsonObject

    def __get_pydantic_json_schema__(self, core_schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """Add the keywords."""
        return {**handler(core_schema), **self.keywords}


@dataclass(frozen=True, slots=True)
class Annotator:
    """Builds annotations, and one class for each object.

    Attributes:
        definitions: the objects that a `$ref` can name.
        shared: the classes built for them so far, each once, so that OpenAPI has one component for it.
        taken: the names of all classes built so far.
        lock: held while a class is built.
    """

    definitions: Mapping[str, ParameterSchema]
    shared: dict[str, type[ClosedObject]] = field(default_factory=dict[str, type[ClosedObject]])
    taken: set[str] = field(default_factory=set[str])
    lock: RLock = field(default_factory=RLock)

    def annotation(self, schema: ParameterSchema, class_name: str, *, required: bool = False) -> Annotation:
        """The annotation of a value. An object that is no definition gets a class named `class_name`.

        `required` text must have a visible character, also as an item of a list.
        """
        if schema.definition is not None:
            return self._shared_class(schema.definition)
        if schema.type == "string":
            return _string(schema, required=required)
        if schema.type in _SCALARS:
            return _SCALARS[schema.type](schema)
        if schema.type == "array":
            return self._array(schema, class_name, required=required)
        if schema.any_of:
            return self._union(schema.any_of, class_name, required=required)
        return self._object(schema, class_name) if schema.type == "object" else _any_json(required=required)

    def object_class(
        self, class_name: str, doc: str, members: Mapping[str, ParameterSchema], required: Sequence[str]
    ) -> type[ClosedObject]:
        """Build a class with these members. An optional member may be absent or null, and is then unset."""
        class_name = self.unique(class_name)
        fields: dict[str, Any] = {
            _python_name(name): self._field(name, schema, class_name, required=name in required)
            for name, schema in members.items()
        }
        return create_model(class_name, __base__=ClosedObject, __doc__=doc, **fields)

    def _field(self, name: str, schema: ParameterSchema, owner: str, *, required: bool) -> tuple[Annotation, Any]:
        annotation = self.annotation(schema, owner + name.title().replace("_", ""), required=required)
        documentation: dict[str, Any] = {
            "alias": None if _python_name(name) == name else name,
            "description": _description(schema),
            "examples": None if schema.example is None else [schema.example],
        }
        return annotation, Field(**documentation) if required else Field(default_factory=_absent, **documentation)

    def unique(self, class_name: str) -> str:
        """A name for a new class: this one, with a number appended if it is taken."""
        name, count = class_name, 1
        while name in self.taken:
            count += 1
            name = f"{class_name}{count}"
        self.taken.add(name)
        return name

    def _shared_class(self, name: str) -> type[ClosedObject]:
        if name not in self.shared:
            schema = self.definitions[name]
            doc, members = schema.description or "", schema.properties or {}
            self.shared[name] = self.object_class(name, doc, members, schema.required or ())
        return self.shared[name]

    def _array(self, schema: ParameterSchema, class_name: str, *, required: bool) -> Annotation:
        item = self.annotation(schema.items, class_name, required=required) if schema.items else _any_json()
        return Annotated[list[item], Field(min_length=schema.min_items, max_length=schema.max_items)]

    def _object(self, schema: ParameterSchema, class_name: str) -> Annotation:
        if schema.properties:
            return self.object_class(class_name, schema.description or "", schema.properties, schema.required or ())
        return Annotated[dict[str, Any], BeforeValidator(check_storable)]

    def _union(self, branches: Sequence[ParameterSchema], class_name: str, *, required: bool) -> Annotation:
        annotations = [self.annotation(branch, class_name, required=required) for branch in branches]
        kinds = ["object" if branch.definition else branch.type for branch in branches]
        adapters = [TypeAdapter[object](annotation) for annotation in annotations]
        return Annotated[union(annotations), WrapValidator(_OneOf(kinds, adapters).check)]


def _python_name(name: str) -> str:
    """The attribute of a member: its name, prefixed if pydantic uses that name itself."""
    taken = hasattr(BaseModel, name) or name.startswith(("_", "model_"))
    return f"member_{name}" if taken else name


def _absent() -> None:
    """The value of an absent member."""


def _description(schema: ParameterSchema) -> str | None:
    # Stated in prose: with the keyword `default`, generated clients send the value and require it.
    if schema.default is None:
        return schema.description
    return f"{schema.description or ''} Default: {json.dumps(schema.default, ensure_ascii=False)}.".strip()


def _any_json(*, required: bool = False) -> Annotation:
    return Annotated[Any, BeforeValidator(check_storable), AfterValidator(check_visible if required else _unchanged)]


def _string(schema: ParameterSchema, *, required: bool) -> Annotation:
    if schema.enum:
        return literal(schema.enum)
    if schema.format is None:
        rules = Field(min_length=schema.min_length, max_length=schema.max_length, pattern=schema.pattern)
        if not required and not schema.min_length:
            return Annotated[str, Strict(), rules]
        shown = {"minLength": schema.min_length or 1, "pattern": schema.pattern or _VISIBLE_PATTERN}
        return Annotated[str, Strict(), rules, AfterValidator(check_visible), SchemaKeywords(shown)]
    rules = Field(min_length=schema.min_length, pattern=schema.pattern)
    check = partial(check_image_url, longest=schema.max_length)
    shown = SchemaKeywords({"format": "uri", "pattern": _IMAGE_URL_PATTERN})
    return Annotated[str, Strict(), rules, AfterValidator(check), shown]


def _integer(schema: ParameterSchema) -> Annotation:
    if schema.enum:
        return Annotated[literal(schema.enum), BeforeValidator(to_integer), BeforeValidator(reject_boolean)]
    low = INT64_MIN if schema.minimum is None else max(INT64_MIN, math.ceil(schema.minimum))
    high = INT64_MAX if schema.maximum is None else min(INT64_MAX, math.floor(schema.maximum))
    if schema.exclusive_minimum is not None:
        low = max(low, math.floor(schema.exclusive_minimum) + 1)
    if schema.exclusive_maximum is not None:
        high = min(high, math.ceil(schema.exclusive_maximum) - 1)
    return Annotated[int, Strict(), Field(ge=low, le=high), BeforeValidator(to_integer)]


def _number(schema: ParameterSchema) -> Annotation:
    bounds = Field(
        ge=schema.minimum,
        le=schema.maximum,
        gt=schema.exclusive_minimum,
        lt=schema.exclusive_maximum,
        allow_inf_nan=False,
    )
    return Annotated[float, Strict(), bounds, WrapValidator(check_number), PlainSerializer(_unchanged)]


def _boolean(_: ParameterSchema) -> Annotation:
    return Annotated[bool, Strict()]


_SCALARS: Mapping[str | None, Callable[[ParameterSchema], Annotation]] = {
    "integer": _integer,
    "number": _number,
    "boolean": _boolean,
}


def _unchanged(value: object) -> object:
    return value


class _OneOf:
    """Validates a union. Reports the errors of the one branch that matches the value's JSON type."""

    def __init__(self, kinds: Sequence[str | None], adapters: Sequence[TypeAdapter[object]]) -> None:
        self._branches = list(zip(kinds, adapters, strict=True))

    def check(self, value: object, whole_union: ValidatorFunctionWrapHandler) -> object:
        try:
            return whole_union(value)
        except ValidationError:
            fitting = [adapter for kind, adapter in self._branches if _is_kind(value, kind)]
        if len(fitting) == 1:
            return fitting[0].validate_python(value)
        expected = " or ".join(dict.fromkeys(_TYPE_WORDS[kind] for kind, _ in self._branches if kind))
        raise PydanticCustomError("wrong_type", "must be {expected}", {"expected": expected or "of another form"})


def _is_kind(value: object, kind: str | None) -> bool:
    if kind is None or isinstance(value, bool):
        return kind in {None, "boolean"}
    return isinstance(value, _JSON_TYPES[kind])
