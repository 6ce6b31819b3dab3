"""Rewrites the JSON Schemas of pydantic and FastAPI into a form that client generators support."""

from collections.abc import Iterator
from typing import Any, Final, cast

from imagegen.operations.admin_requests import NULL_MEANS
from imagegen.registry.values import INT64_MAX

Schema = dict[str, Any]
REFERENCE: Final = "#/components/schemas/"
UNIONS: Final = ("GenerateRequest", "EstimateRequest", "BatchItem")  # of the requests of all models
_BOUNDS: Final = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum")
_NULL: Final = {"type": "null"}


def simplify(schema: Schema) -> None:
    """Simplify a schema and all schemas within it, in place.

    - Titles are removed: pydantic gives every property one, and generators make classes of them, which can collide.
    - An optional member is never null: it is left out instead, unless null has a meaning of its own.
    - Integer bounds are integers; FastAPI's model of a schema turns them into floats.
    """
    schema.pop("title", None)
    _write_bounds(schema)
    if schema.get("default", ...) is None:
        del schema["default"]
    required = schema.get("required", [])
    for name, member in cast("dict[str, Schema]", schema.get("properties", {})).items():
        if name not in required and NULL_MEANS not in member:
            leave_out_null(member)
    for part in _parts(schema):
        simplify(part)


def leave_out_null(schema: Schema) -> None:
    """Remove null from an `anyOf`. If one choice remains, it replaces the `anyOf`."""
    choices = cast("list[Schema]", schema.get("anyOf", []))
    if _NULL not in choices:
        return
    schema["anyOf"] = [choice for choice in choices if choice != _NULL]
    if len(schema["anyOf"]) == 1:
        (only,) = schema.pop("anyOf")
        schema.update({**only, **schema})


def _write_bounds(schema: Schema) -> None:
    for keyword in _BOUNDS:
        bound = schema.get(keyword)
        if isinstance(bound, float) and bound.is_integer():
            # 2^63 - 1 has no exact float: it came back as 2^63.
            schema[keyword] = min(int(bound), INT64_MAX)


def _parts(schema: Schema) -> Iterator[Schema]:
    """The schemas within; never a property's name, an example or a default, which may look like keywords."""
    yield from cast("dict[str, Schema]", schema.get("properties", {})).values()
    for keyword in ("anyOf", "oneOf", "allOf", "prefixItems"):
        yield from cast("list[Schema]", schema.get(keyword, []))
    for keyword in ("items", "additionalProperties", "not"):
        if isinstance(schema.get(keyword), dict):
            yield schema[keyword]
