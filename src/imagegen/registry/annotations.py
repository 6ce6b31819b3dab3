"""Turns a parameter's schema into the annotation of a pydantic field, and an object's into a class."""

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Annotated, Any, cast

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetJsonSchemaHandler,
    JsonValue,
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

from imagegen.registry.schemas import ParameterSchema
from imagegen.registry.type_forms import literal, union
from imagegen.registry.values import (
    INT64_MAX,
    INT64_MIN,
    no_boolean,
    number_as_given,
    picture_address,
    storable,
    visible,
    whole,
)

Annotation = Any  # a type, or Annotated[...], or a Union of them: typing has no name for "anything pydantic takes"
_JSON_TYPES: Mapping[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int, float),
    "number": (int, float),
    "boolean": (bool,),
    "array": (list,),
    "object": (dict,),
}
_SPOKEN = {
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "array": "a list",
    "object": "an object",
}
_SHOWS_SOMETHING = r"^\s*\S"  # invisible characters are looked for when a request comes
# With a host, or with data: the rest is looked at when a request comes.
_PICTURE_ADDRESS = r"^([hH][tT][tT][pP][sS]?://[^\s/?#:@]|[dD][aA][tT][aA]:[^,]*,)"


class ClosedObject(BaseModel):
    """An object that refuses members without a description; one that is null counts as left out, unless it is any JSON.

    Its JSON Schema has no titles but its own, and does not speak of null: generators would make a choice of every type.
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
        """Leave out what pydantic makes up: client generators take a member's title for a class's name."""
        schema = handler.resolve_ref_schema(handler(core_schema))
        for member in schema.get("properties", {}).values():
            member.pop("title", None)
        return schema


@dataclass(frozen=True, slots=True, eq=False)
class Shown:
    """Keywords that a JSON Schema shows beside those that pydantic writes. Compared by identity: unions hash it."""

    keywords: Mapping[str, JsonValue]

    def __get_pydantic_json_schema__(self, core_schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """Add the keywords."""
        return {**handler(core_schema), **self.keywords}


@dataclass(frozen=True, slots=True)
class Annotator:
    """Makes annotations, and one class for each object.

    Attributes:
        definitions: the objects that a `$ref` can name.
        shared: the classes made for them so far: each is made once, so that OpenAPI has one component for it.
        taken: the names of all classes made so far.
    """

    definitions: Mapping[str, ParameterSchema]
    shared: dict[str, type[ClosedObject]] = field(default_factory=dict[str, type[ClosedObject]])
    taken: set[str] = field(default_factory=set[str])

    def annotation(self, schema: ParameterSchema, class_name: str, *, required: bool = False) -> Annotation:
        """The annotation of a value. An object without a name of its own gets a class named `class_name`.

        Text that is `required` must show something, also as an item of a list.
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
        """A class with these members. One that is not required may be left out, or be null, and is then unset."""
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
        """The name of a new class: this one, or with a number if another class has it."""
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
        return Annotated[dict[str, Any], BeforeValidator(storable)]

    def _union(self, branches: Sequence[ParameterSchema], class_name: str, *, required: bool) -> Annotation:
        annotations = [self.annotation(branch, class_name, required=required) for branch in branches]
        kinds = ["object" if branch.definition else branch.type for branch in branches]
        adapters = [TypeAdapter[object](annotation) for annotation in annotations]
        return Annotated[union(annotations), WrapValidator(_OneOf(kinds, adapters).check)]


def _python_name(name: str) -> str:
    """The attribute of a member: its own name, unless pydantic uses that one itself."""
    taken = hasattr(BaseModel, name) or name.startswith(("_", "model_"))
    return f"member_{name}" if taken else name


def _absent() -> None:
    """The value of a member that was left out."""


def _description(schema: ParameterSchema) -> str | None:
    # The keyword `default` would make generated clients send it, and require it.
    if schema.default is None:
        return schema.description
    return f"{schema.description or ''} Default: {json.dumps(schema.default, ensure_ascii=False)}.".strip()


def _any_json(*, required: bool = False) -> Annotation:
    return Annotated[Any, BeforeValidator(storable), AfterValidator(visible if required else _unchanged)]


def _string(schema: ParameterSchema, *, required: bool) -> Annotation:
    if schema.enum:
        return literal(schema.enum)
    if schema.format is None:
        rules = Field(min_length=schema.min_length, max_length=schema.max_length, pattern=schema.pattern)
        if not required and not schema.min_length:
            return Annotated[str, Strict(), rules]
        shown = {"minLength": schema.min_length or 1, "pattern": schema.pattern or _SHOWS_SOMETHING}
        return Annotated[str, Strict(), rules, AfterValidator(visible), Shown(shown)]
    rules = Field(min_length=schema.min_length, pattern=schema.pattern)
    check = partial(picture_address, longest=schema.max_length)
    shown = Shown({"format": "uri", "pattern": _PICTURE_ADDRESS})
    return Annotated[str, Strict(), rules, AfterValidator(check), shown]


def _integer(schema: ParameterSchema) -> Annotation:
    if schema.enum:
        return Annotated[literal(schema.enum), BeforeValidator(whole), BeforeValidator(no_boolean)]
    low = INT64_MIN if schema.minimum is None else max(INT64_MIN, math.ceil(schema.minimum))
    high = INT64_MAX if schema.maximum is None else min(INT64_MAX, math.floor(schema.maximum))
    if schema.exclusive_minimum is not None:
        low = max(low, math.floor(schema.exclusive_minimum) + 1)
    if schema.exclusive_maximum is not None:
        high = min(high, math.ceil(schema.exclusive_maximum) - 1)
    return Annotated[int, Strict(), Field(ge=low, le=high), BeforeValidator(whole)]


def _number(schema: ParameterSchema) -> Annotation:
    bounds = Field(
        ge=schema.minimum,
        le=schema.maximum,
        gt=schema.exclusive_minimum,
        lt=schema.exclusive_maximum,
        allow_inf_nan=False,
    )
    return Annotated[float, Strict(), bounds, WrapValidator(number_as_given), PlainSerializer(_unchanged)]


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
    """Validates a union, and tells its faults from the one branch that the value's JSON type fits."""

    def __init__(self, kinds: Sequence[str | None], adapters: Sequence[TypeAdapter[object]]) -> None:
        self._branches = list(zip(kinds, adapters, strict=True))

    def check(self, value: object, whole_union: ValidatorFunctionWrapHandler) -> object:
        try:
            return whole_union(value)
        except ValidationError:
            fitting = [adapter for kind, adapter in self._branches if _is_kind(value, kind)]
        if len(fitting) == 1:
            return fitting[0].validate_python(value)
        expected = " or ".join(dict.fromkeys(_SPOKEN[kind] for kind, _ in self._branches if kind))
        raise PydanticCustomError("wrong_type", "must be {expected}", {"expected": expected or "of another form"})


def _is_kind(value: object, kind: str | None) -> bool:
    if kind is None or isinstance(value, bool):
        return kind in {None, "boolean"}
    return isinstance(value, _JSON_TYPES[kind])
