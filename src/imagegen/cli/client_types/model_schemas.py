"""The parameters of each model, read from the OpenAPI document."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

Schema = Mapping[str, Any]
_REF: Final = "#/components/schemas/"


@dataclass(frozen=True, slots=True)
class Parameter:
    """An input or an option of a model, under fal's name."""

    name: str
    schema: Schema
    is_required: bool

    @property
    def description(self) -> str:
        """One line about it."""
        return " ".join(str(self.schema.get("description", "")).split())


@dataclass(frozen=True, slots=True)
class ModelSchema:
    """A model as a client sees it."""

    name: str
    stem: str
    inputs: Sequence[Parameter]
    options: Sequence[Parameter]

    @property
    def parameters(self) -> Sequence[Parameter]:
        """Inputs, then options."""
        return [*self.inputs, *self.options]


@dataclass(frozen=True, slots=True)
class Document:
    """The models of an OpenAPI document, and the objects that their parameters name."""

    models: Sequence[ModelSchema]
    objects: Mapping[str, Sequence[Parameter]]


def read_document(document: Schema) -> Document:
    """The models, in the document's order."""
    schemas: Mapping[str, Schema] = document["components"]["schemas"]
    union = schemas["GenerateRequest"]
    refs: Mapping[str, str] = union["discriminator"]["mapping"] if "discriminator" in union else {}
    order = [each["$ref"] for each in union.get("oneOf", [])]
    models = [_model(name, ref, schemas) for name, ref in sorted(refs.items(), key=lambda pair: order.index(pair[1]))]
    objects: dict[str, Sequence[Parameter]] = {}
    for model in models:
        for parameter in model.parameters:
            for name in _named_objects(parameter.schema, schemas):
                objects[name] = _parameters(schemas[name], schemas)
    return Document(models, objects)


def ref_name(schema: Schema) -> str | None:
    """The name of the schema that this one refers to."""
    return str(schema["$ref"]).removeprefix(_REF) if "$ref" in schema else None


def choices(schema: Schema) -> Sequence[Schema]:
    """The alternatives of a schema; none if it has none."""
    return schema.get("oneOf") or schema.get("anyOf") or ()


def literal(value: object) -> str:
    """A constant, as Python and TypeScript both write it."""
    return json.dumps(value, ensure_ascii=False)


def is_identifier(name: str) -> bool:
    """Whether the name can be a keyword argument or a plain member."""
    return re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name) is not None


def _model(name: str, ref: str, schemas: Mapping[str, Schema]) -> ModelSchema:
    properties = schemas[ref.removeprefix(_REF)]["properties"]
    inputs, options = (_resolved(properties.get(part, {}), schemas) for part in ("inputs", "options"))
    stem = ref.removeprefix(_REF).removesuffix("Request")
    return ModelSchema(name, stem, _parameters(inputs, schemas), _parameters(options, schemas))


def _resolved(schema: Schema, schemas: Mapping[str, Schema]) -> Schema:
    name = ref_name(schema)
    return schema if name is None else schemas[name]


def _parameters(schema: Schema, schemas: Mapping[str, Schema]) -> Sequence[Parameter]:
    required, members = schema.get("required", []), schema.get("properties", {})
    return [Parameter(name, _written_out(each, schemas), name in required) for name, each in members.items()]


def _written_out(schema: Schema, schemas: Mapping[str, Schema]) -> Schema:
    """The schema of a parameter; what it shares with other models, and is no object, in place of the reference."""
    name = ref_name(schema)
    is_simple = name is not None and "type" in schemas[name] and schemas[name]["type"] != "object"
    return _resolved(schema, schemas) if is_simple else schema


def _named_objects(schema: Schema, schemas: Mapping[str, Schema]) -> Iterator[str]:
    """The objects that a parameter takes, and those that they take."""
    name = ref_name(schema)
    if name is not None and schemas[name].get("properties"):
        yield name
        for parameter in _parameters(schemas[name], schemas):
            yield from _named_objects(parameter.schema, schemas)
    for inner in [*choices(schema), *([schema["items"]] if "items" in schema else [])]:
        yield from _named_objects(inner, schemas)
