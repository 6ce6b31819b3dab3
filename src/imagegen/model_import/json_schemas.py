"""Reads JSON Schema as fal writes it, and states it in the subset that the catalog has.

What fal's documents have and the catalog has not: references and `allOf` with siblings, `anyOf` with null, bounds that
are flags, enumerations and defaults of another type than their parameter, addresses that are plain strings.
"""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, cast

from pydantic import ValidationError

from imagegen.registry.input_schemas import ParameterSchema

Json = dict[str, Any]
IMAGE_URL: Final[Json] = {"$ref": "#/definitions/ImageUrl"}
IMAGE_SIZE: Final[Json] = {"$ref": "#/definitions/ImageSize"}
LORA: Final[Json] = {"$ref": "#/definitions/LoraWeight"}
_DEEPEST: Final = 6  # objects within objects; deeper ones take any JSON
_MOST_STEPS: Final = 50_000  # of one document
_ADDRESS: Final = re.compile(r"(^|_)(urls?|uris?)(_|$)", re.IGNORECASE)
_IMAGE: Final = re.compile(
    r"(^|_)(images?|masks?|photos?|pictures?|face|selfie)(_\d+)?(_(urls?|uris?))?$", re.IGNORECASE
)
_IMAGE_INSIDE: Final = re.compile(r"image|mask|photo|picture|face|garment|portrait", re.IGNORECASE)
_NO_IMAGE: Final = re.compile(
    r"video|audio|archive|zip|lora_url|weights|config|pdf|model_url|file|webhook", re.IGNORECASE
)
_TEXTS: Final = {"minLength": "minLength", "maxLength": "maxLength", "pattern": "pattern"}
_MOST: Final = 2**63  # a bound beyond 64 bits is none
_BOUNDS: Final = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum")


@dataclass(slots=True)
class SchemaReader:
    """Reads the schemas of one document.

    Attributes:
        root: the document, in which references are looked up.
        guesses: what was decided without the document saying so, in words that follow a parameter's name.
    """

    root: Mapping[str, Any]
    guesses: list[str] = field(default_factory=list[str])
    _steps: int = 0

    def flat(self, schema: object, level: int = 0) -> Json:
        """The schema with its references and `allOf` replaced by their content, and without null."""
        flat = dict(cast("Mapping[str, Any]", schema)) if isinstance(schema, Mapping) else {}
        while self._may_go_on(level):
            branches = flat.get("anyOf") or flat.get("oneOf")
            if isinstance(reference := flat.pop("$ref", None), str):
                flat = {**self._at(reference), **flat}
            elif isinstance(parts := flat.pop("allOf", None), list):
                flat = _merged([*(self.flat(part, level + 1) for part in cast("list[object]", parts)), flat])
            elif isinstance(branches, list):
                present = [self.flat(branch, level + 1) for branch in cast("list[object]", branches)]
                present = [branch for branch in present if branch.get("type") != "null"]
                flat = {key: value for key, value in flat.items() if key not in {"anyOf", "oneOf"}}
                if len(present) != 1:
                    return {**flat, "anyOf": present}
                flat = {**present[0], **flat}
                if "anyOf" in flat:
                    return flat
            else:
                return _with_one_type(flat)
        return {}

    def _may_go_on(self, level: int) -> bool:
        """False in a circle of references, and in a document made of nothing else."""
        self._steps += 1
        return level <= _DEEPEST and self._steps < _MOST_STEPS

    def stated(self, name: str, schema: object, depth: int = 0) -> Json:
        """The schema of a parameter in the catalog's form, without a description; `{}` takes any JSON."""
        flat = self.flat(schema)
        stated = self._kind(name, flat, depth)
        default = _fitting_default(flat.get("default"), stated)
        if default is not None and depth == 0:
            stated = {**stated, "default": default}
        return _accepted(stated)

    def _at(self, reference: str) -> Json:
        """What a reference leads to; nothing, if it leads nowhere."""
        place: Any = self.root
        for step in reference.removeprefix("#/").split("/"):
            place = as_object(place).get(step.replace("~1", "/").replace("~0", "~"))
        return dict(as_object(place))

    def _kind(self, name: str, flat: Json, depth: int) -> Json:  # noqa: PLR0911 - a table
        values = _values(flat)
        if depth > _DEEPEST:
            self.guesses.append("is nested too deeply to be typed")
            return {}
        if "anyOf" in flat:
            return self._any_of(name, flat["anyOf"], depth)
        if values:
            return self._enumeration(values, flat.get("type"))
        match flat.get("type"):
            case "string":
                return self._text(name, flat)
            case "integer" | "number":
                return _number(flat)
            case "boolean":
                return {"type": "boolean"}
            case "array":
                return self._array(name, flat, depth)
            case "object":
                return self._object(flat, depth)
            case _:
                return self._object(flat, depth) if flat.get("properties") else {}

    def _any_of(self, name: str, branches: Sequence[object], depth: int) -> Json:
        stated: list[Json] = []
        for branch in branches:
            part = self.stated(name, branch, depth + 1)
            part.pop("default", None)
            if part and part not in stated:
                stated.append(part)
        plain = [part for part in stated if part.get("type") == "string" and part.keys() == {"type"}]
        enums = [part for part in stated if "enum" in part]
        if plain and enums:
            self.guesses.append("takes any text, not only the names that the document lists")
            stated = [part for part in stated if part not in enums]
        elif len(enums) > 1 and len({part["type"] for part in enums}) == 1:
            values = [value for part in enums for value in part["enum"]]
            stated = [{**enums[0], "enum": list(dict.fromkeys(values))}, *(p for p in stated if p not in enums)]
        if {part.get("type") for part in stated} <= {"integer", "number"} and len(stated) > 1:
            return {"type": "number"}
        if len(stated) == 1:
            return stated[0]
        return {"anyOf": stated} if stated else {}

    def _enumeration(self, values: Sequence[object], kind: object) -> Json:
        """Values of one type: as the parameter's, if they can be, else as text."""
        numbers = [value for value in values if isinstance(value, int | float) and not isinstance(value, bool)]
        if all(isinstance(value, bool) for value in values):
            return {"type": "boolean"}
        if kind in {"integer", "number"} and len(numbers) < len(values):
            numbers = [number for value in values if (number := _as_number(value)) is not None]
        if len(numbers) == len(values) and kind != "string":
            if all(float(number).is_integer() for number in numbers):
                return {"type": "integer", "enum": list(dict.fromkeys(int(number) for number in numbers))}
            self.guesses.append(f"takes any number from {min(numbers)} to {max(numbers)}; fal lists some")
            return {"type": "number", "minimum": min(numbers), "maximum": max(numbers)}
        texts = [str(value) for value in values if isinstance(value, str | int | float)]
        return {"type": "string", "enum": list(dict.fromkeys(texts))} if texts else {}

    def _text(self, name: str, flat: Json) -> Json:
        if is_image_url(name, flat):
            return dict(IMAGE_URL)
        if _ADDRESS.search(name):
            return {"type": "string", "minLength": 1, "maxLength": 8192}
        held = {ours: flat[theirs] for ours, theirs in _TEXTS.items() if flat.get(theirs) is not None}
        if "pattern" in held and not _is_known_pattern(held["pattern"]):
            del held["pattern"]
            self.guesses.append("has a pattern that is not checked")
        return {"type": "string", **{key: value for key, value in held.items() if value != 0}}

    def _array(self, name: str, flat: Json, depth: int) -> Json:
        items = self.stated(name, flat.get("items") or {}, depth + 1)
        items.pop("default", None)
        bounds = {key: flat[key] for key in ("minItems", "maxItems") if _is_count(flat.get(key))}
        return {"type": "array", **({"items": items} if items else {}), **bounds}

    def _object(self, flat: Json, depth: int) -> Json:
        members: Mapping[str, Any] = flat.get("properties") or {}
        if members.keys() == {"width", "height"}:
            return dict(IMAGE_SIZE)
        if members.keys() == {"path", "scale"} and "path" in (flat.get("required") or ()):
            return dict(LORA)
        if not members:
            return {"type": "object"}
        properties = {name: self.stated(name, part, depth + 1) for name, part in members.items()}
        required = [name for name in flat.get("required") or () if name in properties]
        return {"type": "object", "properties": properties, **({"required": required} if required else {})}


def as_object(value: object) -> Json:
    """A JSON object as it is; anything else as an empty one."""
    return cast("Json", value) if isinstance(value, dict) else {}


def is_image_url(name: str, flat: Mapping[str, Any]) -> bool:
    """Whether a text is the address of an image: by its format, its name, or what the document says of it."""
    if flat.get("type") != "string" or flat.get("enum"):
        return False
    words = f"{flat.get('title') or ''} {flat.get('description') or ''}"
    is_address = flat.get("format") in {"uri", "url"} or bool(_ADDRESS.search(name)) or bool(_IMAGE.search(name))
    is_address = is_address or bool(re.search(r"\bURLs?\b", words) and _IMAGE_INSIDE.search(name))
    shows_image = bool(_IMAGE_INSIDE.search(name) or re.search(r"\bimage\b", words, re.IGNORECASE))
    return is_address and shows_image and not _NO_IMAGE.search(name.replace("image_file", "image"))


def _with_one_type(flat: Json) -> Json:
    """`type: [string, "null"]` is a string; several types are branches."""
    kinds = flat.get("type")
    if not isinstance(kinds, list):
        return flat
    present = [kind for kind in cast("list[object]", kinds) if kind != "null"]
    if len(present) == 1:
        return {**flat, "type": present[0]}
    return {
        **{key: value for key, value in flat.items() if key != "type"},
        "anyOf": [{"type": kind} for kind in present],
    }


def _merged(parts: Sequence[Json]) -> Json:
    """`allOf`: the keywords of all parts, with the members and required members of all."""
    merged: Json = {}
    for part in parts:
        properties = {**merged.get("properties", {}), **part.get("properties", {})}
        required = [*merged.get("required", []), *part.get("required", [])]
        merged = {**merged, **part}
        merged |= {"properties": properties} if properties else {}
        merged |= {"required": list(dict.fromkeys(required))} if required else {}
    return merged


def _values(flat: Json) -> list[object]:
    if "const" in flat:
        return [flat["const"]]
    values = flat.get("enum")
    return [value for value in cast("list[object]", values) if value is not None] if isinstance(values, list) else []


def _number(flat: Json) -> Json:
    kind = flat["type"]
    held: Json = {"type": kind}
    for bound, edge in (("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")):
        if flat.get(bound) is True:  # as OpenAPI 3.0 has it
            flat = {**flat, bound: flat.get(edge), edge: None}
    for bound in _BOUNDS:
        value = flat.get(bound)
        if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < _MOST:
            held[bound] = int(value) if float(value).is_integer() else value
    return held


def _as_number(value: object) -> float | None:
    if isinstance(value, bool):
        return None
    try:
        return float(cast("Any", value))
    except (TypeError, ValueError):
        return None


def _fitting_default(default: Any, stated: Json) -> Any:  # noqa: PLR0911 - a table
    """The default as a value of the schema; None if it is none."""
    if default is None or not stated:
        return None
    if enum := stated.get("enum"):
        return next((value for value in enum if value == default or str(value) == str(default)), None)
    match stated.get("type"):
        case "string":
            return default if isinstance(default, str) else None
        case "integer" | "number":
            number = _as_number(default)
            return (
                None if number is None or not math.isfinite(number) else int(number) if number.is_integer() else number
            )
        case "boolean":
            return default if isinstance(default, bool) else None
        case "array":
            return cast("Any", default) if isinstance(default, list) and default else None
        case _:
            return default if _fits_a_branch(default, stated) else None


def _fits_a_branch(default: Any, stated: Json) -> bool:
    if isinstance(default, dict):
        return True
    branches: list[Json] = stated.get("anyOf", [])
    return any(_fitting_default(default, branch) == default for branch in branches if branch.get("type"))


def _accepted(stated: Json) -> Json:
    """The schema if the catalog takes it; else any JSON."""
    try:
        parsed = ParameterSchema.model_validate(stated)
    except ValidationError:
        return {}
    return {} if [*parsed.contradictions(["ImageSize", "LoraWeight", "ImageUrl"])] else stated


def _is_known_pattern(pattern: object) -> bool:
    try:
        ParameterSchema.model_validate({"type": "string", "pattern": pattern})
    except ValidationError:
        return False
    return True


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0
