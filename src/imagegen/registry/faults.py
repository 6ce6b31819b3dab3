"""Builds the faults of a request from pydantic's errors and the JSON Schema of the request.

The codes: missing, blank, unknown_name, misplaced_name, wrong_type, not_allowed, out_of_range, too_short, too_long,
wrong_format, unsupported, conflict, too_large, gone, too_deep, invalid_json, invalid.
"""

import json
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, cast

from pydantic_core import ErrorDetails

from imagegen.errors import MOST_FAULTS, Fault
from imagegen.registry.documents import Place, closest_match
from imagegen.registry.names import suggest_equivalent, suggest_name
from imagegen.registry.values import BLANK, SYNC_MODE, WHY_NO_SYNC_MODE

SECTIONS = ("inputs", "options")
LONGEST_ECHO = 100  # characters of a caller's name or value that an answer repeats
_TYPE_WORDS = {
    "string_type": "text",
    "int_type": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "list_type": "a list",
    "dict_type": "an object",
    "model_type": "an object",
    "model_attributes_type": "an object",
    # Of query parameters, whose text is read as a number or a boolean.
    "int_parsing": "a whole number",
    "int_parsing_size": "a whole number of fewer digits",
    "int_from_float": "a whole number",
    "bool_parsing": "true or false",
}
_OWN_CODES = frozenset({"unsupported", "wrong_format", "wrong_type", "out_of_range", "too_deep", BLANK})
Schema = Mapping[str, Any]
Explain = Callable[[Schema], tuple[str, str]]


@dataclass(frozen=True, slots=True)
class RequestSchema:
    """The JSON Schema of a request, for lookups by place.

    Attributes:
        subject: what accepts the members, for messages: the model's name.
        root: the schema, with its definitions under `$defs`.
        known: parameters of fal, whether or not this model accepts them.
    """

    subject: str
    root: Schema
    known: Collection[str] = ()

    def at(self, place: Place) -> Schema:
        """The schema of the value at a place; empty if there is none."""
        found = self._resolved(self.root)
        for step in place:
            found = self._step(found, step)
        return found

    def names(self, place: Place) -> tuple[str, ...]:
        """The members of the object at a place."""
        return tuple(self._properties(self.at(place)))

    def enum(self, place: Place) -> tuple[str, ...]:
        """The valid values at a place; empty if they cannot be listed."""
        return tuple(str(value) for branch in self._branches(self.at(place)) for value in branch.get("enum", ()))

    def or_an_object(self, place: Place) -> str:
        """Words for the members of the object that is valid at a place beside its listed values, if there is one."""
        branches = self._branches(self.at(place))
        names = next((tuple(branch["properties"]) for branch in branches if "properties" in branch), ())
        return f", or an object with {' and '.join(names)}" if names else ""

    def _step(self, schema: Schema, step: str | int) -> Schema:
        if isinstance(step, str):
            return self._resolved(self._properties(schema).get(step, {}))
        return self._resolved(schema.get("items", {}))

    def _properties(self, schema: Schema) -> Mapping[str, Schema]:
        return {name: member for part in self._branches(schema) for name, member in part.get("properties", {}).items()}

    def _branches(self, schema: Schema) -> list[Schema]:
        return [self._resolved(branch) for branch in schema.get("anyOf", [schema])]

    def _resolved(self, schema: Schema) -> Schema:
        reference = schema.get("$ref")
        if reference:
            return self.root["$defs"][reference.rpartition("/")[2]]
        choices = [choice for choice in schema.get("anyOf", ()) if choice.get("type") != "null"]
        return self._resolved(choices[0]) if len(choices) == 1 else schema


def faults_from_errors(errors: Iterable[ErrorDetails], shape: RequestSchema, prefix: Place = ()) -> list[Fault]:
    """A fault for each of pydantic's first MOST_FAULTS errors. Their places are below `prefix`."""
    return [_fault(error, (*prefix, *error["loc"]), shape) for error in islice(errors, MOST_FAULTS)]


def missing_fault(place: Place) -> Fault:
    """The fault of a missing required member."""
    return Fault(pointer=json_pointer(place), code="missing", message=f"{dotted_path(place)} is required.")


def json_pointer(place: Place) -> str:
    """The JSON Pointer (RFC 6901) of a place. Names are cut to LONGEST_ECHO characters."""
    steps = (truncate(str(step)) for step in place)
    return "".join("/" + step.replace("~", "~0").replace("/", "~1") for step in steps)


def dotted_path(place: Place) -> str:
    """A place as people write it: `inputs.loras[0].path`."""
    path = ""
    for step in place:
        path += f"[{step}]" if isinstance(step, int) else f".{truncate(step)}"
    return path.removeprefix(".") or "The body"


def truncate(text: str) -> str:
    """The text in valid Unicode and at most LONGEST_ECHO characters, so that an answer stays small."""
    shown = text if len(text) <= LONGEST_ECHO else f"{text[: LONGEST_ECHO - 1]}…"
    return shown.encode(errors="replace").decode()


def _fault(error: ErrorDetails, place: Place, shape: RequestSchema) -> Fault:
    kind = error["type"]
    if kind == "extra_forbidden":
        return _unknown_name(place, shape)
    if kind == "missing":
        return missing_fault(place)
    if kind in {"literal_error", "enum"}:
        return _not_allowed(error, place, shape)
    code, end = _explained(error, shape.at(place))
    return Fault(pointer=json_pointer(place), code=code, message=f"{dotted_path(place)} {end}.")


def _unknown_name(place: Place, shape: RequestSchema) -> Fault:
    *parent, name = place
    name, where = str(name), json_pointer(place)
    if name == SYNC_MODE:
        return Fault(pointer=where, code="unsupported", message=f"{SYNC_MODE} {WHY_NO_SYNC_MODE}.")
    home = _home(name, tuple(parent), shape)
    if home is not None:
        return Fault(pointer=where, code="misplaced_name", message=f"{name!r} belongs {home}.")
    valid = shape.names(tuple(parent))
    is_known = name in shape.known and len(parent) == 1
    suggestion = (suggest_equivalent if is_known else suggest_name)(name, valid)
    subject = dotted_path(tuple(parent)) if len(parent) > 1 else shape.subject
    section = f" in {parent[0]}" if len(parent) == 1 else ""
    end = f"; did you mean {suggestion!r}?" if suggestion else _accepted_names(valid, is_known=is_known)
    message = f"{subject} takes no {truncate(name)!r}{section}{end}"
    return Fault(pointer=where, code="unknown_name", message=message, valid=valid, suggestion=suggestion)


def _accepted_names(valid: Sequence[str], *, is_known: bool) -> str:
    taken = f"it takes {', '.join(valid)}." if valid else "it takes none."
    return f", a parameter of other fal.ai models; {taken}" if is_known else f"; {taken}"


def _home(name: str, parent: Place, shape: RequestSchema) -> str | None:
    if len(parent) > 1:
        return None
    for section in SECTIONS:
        if parent != (section,) and name in shape.names((section,)):
            return f"in {section}"
    return "at the top of the body" if parent and name in shape.names(()) else None


def _not_allowed(error: ErrorDetails, place: Place, shape: RequestSchema) -> Fault:
    valid = shape.enum(place)
    given = error.get("input")
    words = [value for value in valid if any(character.isalpha() for character in value)]
    suggestion = closest_match(given, words) if isinstance(given, str) else None
    hint = f"; did you mean {suggestion!r}?" if suggestion else "."
    message = f"{dotted_path(place)} must be one of {', '.join(valid)}{shape.or_an_object(place)}{hint}"
    return Fault(pointer=json_pointer(place), code="not_allowed", message=message, valid=valid, suggestion=suggestion)


def _explained(error: ErrorDetails, schema: Schema) -> tuple[str, str]:
    """The code of an error, and the rest of the sentence that begins with the place."""
    kind = error["type"]
    if kind in _OWN_CODES:
        return kind, error["msg"]
    if kind in _TYPE_WORDS:
        return "wrong_type", f"must be {_TYPE_WORDS[kind]}"
    if kind.startswith(("datetime_", "timezone_")):
        return "wrong_format", "must be a time in ISO 8601 with an offset, such as 2026-11-22T16:57:49Z"
    if kind.startswith("date_"):
        return "wrong_format", "must be a day such as 2026-11-22"
    explain = _EXPLAINED.get(kind)
    return explain(schema) if explain else ("invalid", f"is not valid: {error['msg']}")


def _range(schema: Schema) -> tuple[str, str]:
    low, high = schema.get("minimum"), schema.get("maximum")
    if low is not None and high is not None:
        return "out_of_range", f"must be between {low} and {high}"
    words = {"minimum": "at least", "maximum": "at most", "exclusiveMinimum": "above", "exclusiveMaximum": "below"}
    bounds = [f"{word} {schema[key]}" for key, word in words.items() if key in schema]
    return "out_of_range", "must be " + " and ".join(bounds)


def _length(unit: str, least: str, most: str) -> tuple[Explain, Explain]:
    """Functions that explain a value that is too short or too long, from these keywords of its schema."""

    def too_short(schema: Schema) -> tuple[str, str]:
        count = schema.get(least, 1)
        return "too_short", "must not be empty" if count == 1 else f"must have at least {count} {unit}"

    def too_long(schema: Schema) -> tuple[str, str]:
        return "too_long", f"must have at most {schema.get(most)} {unit}"

    return too_short, too_long


def _wrong_format(schema: Schema) -> tuple[str, str]:
    examples = cast("list[object]", schema.get("examples", []))
    if examples:
        return "wrong_format", f"must look like {json.dumps(examples[0])}"
    return "wrong_format", f"must match {schema.get('pattern')}"


_TEXT_TOO_SHORT, _TEXT_TOO_LONG = _length("characters", "minLength", "maxLength")
_LIST_TOO_SHORT, _LIST_TOO_LONG = _length("items", "minItems", "maxItems")
_EXPLAINED: Mapping[str, Explain] = {
    **dict.fromkeys(("greater_than", "greater_than_equal", "less_than", "less_than_equal"), _range),
    "finite_number": lambda _: ("out_of_range", "must be a finite number"),
    "string_too_short": _TEXT_TOO_SHORT,
    "string_too_long": _TEXT_TOO_LONG,
    "too_short": _LIST_TOO_SHORT,
    "too_long": _LIST_TOO_LONG,
    "string_pattern_mismatch": _wrong_format,
    "string_unicode": lambda _: ("wrong_format", "must be valid Unicode, without half surrogate pairs"),
}
