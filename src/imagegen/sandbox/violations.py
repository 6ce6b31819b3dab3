"""Turns JSON Schema violations into the `detail` list of fal's 422 body.

Types and `ctx` follow fal's error table (greater_than_equal with `ge`, one_of with `expected`, …). For violations that
the table lacks they are Pydantic's (missing, extra_forbidden, string_type, …), which fal passes through.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Protocol, cast

from jsonschema.exceptions import ValidationError
from pydantic import JsonValue

_BOUNDS = {
    "minimum": ("greater_than_equal", "ge", "Input should be greater than or equal to {}"),
    "maximum": ("less_than_equal", "le", "Input should be less than or equal to {}"),
    "exclusiveMinimum": ("greater_than", "gt", "Input should be greater than {}"),
    "exclusiveMaximum": ("less_than", "lt", "Input should be less than {}"),
    "multipleOf": ("multiple_of", "multiple_of", "Input should be a multiple of {}"),
    "maxLength": ("string_too_long", "max_length", "String should have at most {} characters"),
    "minLength": ("string_too_short", "min_length", "String should have at least {} characters"),
    "maxItems": ("sequence_too_long", "max_length", "List should have at most {} items"),
    "minItems": ("sequence_too_short", "min_length", "List should have at least {} items"),
}
_TYPES = {
    "string": ("string_type", "Input should be a valid string"),
    "integer": ("int_type", "Input should be a valid integer"),
    "number": ("float_type", "Input should be a valid number"),
    "boolean": ("bool_type", "Input should be a valid boolean"),
    "array": ("list_type", "Input should be a valid list"),
    "object": ("dict_type", "Input should be a valid dictionary"),
}


class _Validator(Protocol):
    def iter_errors(self, instance: JsonValue) -> Iterable[ValidationError]: ...


def detail(validator: _Validator, body: JsonValue) -> list[JsonValue]:
    """Every violation of the body in fal's form; empty if the body is valid."""
    seen: dict[str, JsonValue] = {}
    for error in validator.iter_errors(body):
        for entry in _entries(error):
            seen.setdefault(f"{entry['loc']}{entry['type']}", cast("JsonValue", entry))
    return list(seen.values())


def entry(loc: Sequence[str | int], message: str, kind: str, **more: JsonValue) -> dict[str, JsonValue]:
    """One entry of a `detail` list; `more` may carry ctx and input."""
    return {"loc": list(loc), "msg": message, "type": kind, "url": f"https://docs.fal.ai/errors#{kind}", **more}


def _entries(error: ValidationError) -> Iterator[dict[str, JsonValue]]:
    loc = ["body", *error.absolute_path]
    expected, given = cast("JsonValue", error.validator_value), cast("JsonValue", error.instance)
    match str(error.validator):
        case "required":
            yield from (entry([*loc, name], "Field required", "missing", input=given) for name in _absent(error))
        case "additionalProperties":
            for name in _extra(error):
                yield entry(
                    [*loc, name], "Extra inputs are not permitted", "extra_forbidden", input=_member(given, name)
                )
        case "anyOf":
            yield from _nearest_branch(error)
        case "enum":
            yield entry(loc, f"Input should be one of {expected}", "one_of", ctx={"expected": expected}, input=given)
        case "type":
            kind, message = _TYPES.get(str(expected), ("value_error", error.message))
            yield entry(loc, message, kind, input=given)
        case bound if bound in _BOUNDS:
            kind, name, message = _BOUNDS[bound]
            yield entry(loc, message.format(expected), kind, ctx={name: expected}, input=given)
        case _:
            yield entry(loc, error.message, "value_error", input=given)


def _nearest_branch(error: ValidationError) -> Iterator[dict[str, JsonValue]]:
    """The violations of the one branch whose type matches, else of all branches."""
    causes = list(error.context or ())
    misfits = {cause.schema_path[0] for cause in causes if cause.validator == "type" and not cause.path}
    fitting = [cause for cause in causes if cause.schema_path[0] not in misfits]
    for cause in fitting or causes:
        yield from _entries(cause)


def _absent(error: ValidationError) -> list[str]:
    required = cast("list[str]", error.validator_value)
    return [name for name in required if name not in cast("Mapping[str, JsonValue]", error.instance)]


def _extra(error: ValidationError) -> list[str]:
    known = cast("Mapping[str, Mapping[str, JsonValue]]", error.schema).get("properties", {})
    return [name for name in cast("Mapping[str, JsonValue]", error.instance) if name not in known]


def _member(given: JsonValue, name: str) -> JsonValue:
    return given.get(name) if isinstance(given, dict) else None
