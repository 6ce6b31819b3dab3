"""What pydantic and FastAPI write into a JSON Schema, said as the generators of clients need it."""

from collections.abc import Iterator
from typing import Any, Final, cast

from imagegen.registry.values import INT64_MAX

Schema = dict[str, Any]
_BOUNDS: Final = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum")
_NULL: Final = {"type": "null"}


def made_plain(schema: Schema) -> None:
    """Mend a schema and all within it, in place.

    - No titles: pydantic titles every property, generators make classes of them, and two of those collide.
    - A member that may be left out is never null: it is left out.
    - Whole numbers as bounds are written as such; FastAPI's model of a schema makes them floats.
    """
    schema.pop("title", None)
    _write_bounds(schema)
    if schema.get("default", ...) is None:
        del schema["default"]
    required = schema.get("required", [])
    for name, member in cast("dict[str, Schema]", schema.get("properties", {})).items():
        if name not in required:
            leave_out_null(member)
    for part in _parts(schema):
        made_plain(part)


def leave_out_null(schema: Schema) -> None:
    """Take null out of a choice; of a single thing that is left, no choice remains."""
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
            # 2^63 - 1 is no float: it came back as 2^63.
            schema[keyword] = min(int(bound), INT64_MAX)


def _parts(schema: Schema) -> Iterator[Schema]:
    """The schemas within: never a property's name, an example or a default, which may look like keywords."""
    yield from cast("dict[str, Schema]", schema.get("properties", {})).values()
    for keyword in ("anyOf", "oneOf", "allOf", "prefixItems"):
        yield from cast("list[Schema]", schema.get(keyword, []))
    for keyword in ("items", "additionalProperties", "not"):
        if isinstance(schema.get(keyword), dict):
            yield schema[keyword]
