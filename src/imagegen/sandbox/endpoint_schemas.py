"""The endpoints whose schemas are known, and what fal bills for them.

Each file of schemas/ has an endpoint's id, the unit in which fal bills it, and its input and output as JSON Schema.
Other endpoints have the schemas of the index.
"""

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Literal, TypeAlias

from jsonschema import Draft202012Validator
from pydantic import BaseModel, ConfigDict, JsonValue

from imagegen.endpoint_index import IndexedEndpoint, endpoint_index
from imagegen.sandbox import violations
from imagegen.sandbox.indexed_results import ResultSchema

JsonObject: TypeAlias = dict[str, JsonValue]

_MEGAPIXEL = 1024 * 1024
"""fal's examples (1024x1024 bills 1, 1920x1080 bills 2) match this figure and not 1,000,000."""


class _Object(BaseModel):
    model_config = ConfigDict(extra="allow")

    required: tuple[str, ...] = ()
    properties: dict[str, JsonObject] = {}


class _Sheet(BaseModel):
    endpoint_id: str
    billing_unit: Literal["images", "megapixels"]
    input: _Object
    output: _Object
    definitions: dict[str, JsonObject]


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """A known endpoint.

    Attributes:
        defaults: the values that fal uses for members missing from a body.
        outputs: the names of the members of its result.
        by_megapixel: whether it is billed by megapixel; otherwise by image.
        result: the schema of its result, if that is from the index.
    """

    id: str
    validator: Draft202012Validator
    defaults: Mapping[str, JsonValue]
    outputs: frozenset[str]
    by_megapixel: bool
    result: ResultSchema | None = None

    def violations(self, body: JsonValue) -> list[JsonValue]:
        """Every violation of the input schema, in the form of fal's 422 `detail`; empty if the body is valid."""
        return violations.detail(self.validator, body)


@cache
def endpoints() -> Mapping[str, Endpoint]:
    """The known endpoints by id."""
    folder = files("imagegen.sandbox") / "schemas"
    sheets = (_Sheet.model_validate_json(file.read_bytes()) for file in folder.iterdir() if file.name.endswith(".json"))
    return {sheet.endpoint_id: _endpoint(sheet) for sheet in sheets}


@cache
def find_endpoint(endpoint_id: str) -> Endpoint | None:
    """An endpoint of schemas/ or of the index; None if its schema is not known."""
    known = endpoints().get(endpoint_id)
    if known is not None:
        return known
    indexed = endpoint_index().find(endpoint_id)
    return None if indexed is None or indexed.inputs is None else _indexed(indexed)


def complete(endpoint_id: str, body: JsonValue) -> JsonObject:
    """The body with the endpoint's defaults filled in. An endpoint without a schema has no defaults."""
    given = body if isinstance(body, dict) else {}
    known = find_endpoint(endpoint_id)
    return {**(known.defaults if known else {}), **given}


def billable_units(endpoint_id: str, body: JsonObject, sizes: Iterable[tuple[int, int]]) -> int:
    """The units that fal bills for images of these sizes, which are (width, height) in pixels.

    One unit for each image, two at 4K; or the megapixels of each image, rounded up. An endpoint without a schema: one
    unit for each image.
    """
    known = find_endpoint(endpoint_id)
    if known and known.by_megapixel:
        return sum(math.ceil(width * height / _MEGAPIXEL) for width, height in sizes)
    return sum(2 if known and body.get("resolution") == "4K" else 1 for _ in sizes)


def _endpoint(sheet: _Sheet) -> Endpoint:
    schema = {
        **_closed(sheet.input.model_dump(mode="json")),
        "definitions": {name: _closed(definition) for name, definition in sheet.definitions.items()},
    }
    Draft202012Validator.check_schema(schema)
    return Endpoint(
        id=sheet.endpoint_id,
        validator=Draft202012Validator(schema),
        defaults={name: p["default"] for name, p in sheet.input.properties.items() if "default" in p},
        outputs=frozenset(sheet.output.properties),
        by_megapixel=sheet.billing_unit == "megapixels",
    )


def _indexed(indexed: IndexedEndpoint) -> Endpoint:
    inputs = indexed.inputs or {}
    schema = {
        **_closed({"type": "object", "properties": _copy(inputs), "required": [*indexed.required]}),
        "definitions": {name: _closed(dict(definition)) for name, definition in indexed.definitions.items()},
    }
    pricing = indexed.price.entry.get("pricing") if indexed.price else None
    return Endpoint(
        id=indexed.id,
        validator=Draft202012Validator(schema),
        defaults={name: part["default"] for name, part in inputs.items() if "default" in part},
        outputs=frozenset(indexed.outputs),
        by_megapixel=isinstance(pricing, dict) and pricing.get("unit") == "megapixel",
        result=ResultSchema(indexed.outputs, indexed.definitions),
    )


def _closed(schema: JsonObject) -> JsonObject:
    """The schema, refusing unknown names. fal ignores some of them; the sandbox reveals a client's mistake."""
    return _copy(schema) if "$ref" in schema else {**_copy(schema), "additionalProperties": False}


def _copy(value: Mapping[str, object]) -> JsonObject:
    return json.loads(json.dumps(value))
