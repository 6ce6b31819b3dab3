"""From a parameter of fal's to one of an entry: its section, its meaning, and how it differs from the vocabulary."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final, cast

from ruamel.yaml import YAML

from imagegen.model_import.json_schemas import IMAGE_SIZE, IMAGE_URL, Json, SchemaReader
from imagegen.registry.input_schemas import ParameterSchema
from imagegen.registry.loading import built_in_vocabulary
from imagegen.registry.vocabulary import Vocabulary

# The vocabulary's bounds hold for these even if fal names none: they bound what is stored or charged.
_BOUNDED_ANYWAY: Final = frozenset(
    {"prompt", "negative_prompt", "system_prompt", "seed", "image_urls", "num_images", "loras"}
)
_AS_INPUT: Final = re.compile(r"prompt|instruction|mask|lora|seed|guidance|strength|steps|text|cfg|reference|control")
_DOCUMENTATION: Final = frozenset({"default", "description", "example", "title"})
_HIGHEST: Final = ("maximum", "exclusiveMaximum", "maxLength", "maxItems")
_LOWEST: Final = ("minimum", "exclusiveMinimum", "minLength", "minItems")
_HEADS: Final = ("type", "anyOf", "$ref", "items")
_PROSE: Final = re.compile(r"prompt|instruction|description|text", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class MappedParameter:
    """A parameter of an entry.

    Attributes:
        section: `inputs` or `options`.
        schema: in the catalog's form, as the document has it.
        change: what the entry says under `parameters`; empty if the vocabulary says it all.
        sample: a value of the schema.
        guesses: what was decided without the document saying so, as sentences.
    """

    name: str
    section: str
    schema: Json
    change: Json
    sample: Any
    guesses: tuple[str, ...]

    @property
    def takes_images(self) -> bool:
        """Whether its values are addresses of images."""
        return self.schema == IMAGE_URL or self.schema.get("items") == IMAGE_URL


def map_parameter(name: str, schema: object, root: Mapping[str, Any], *, required: bool) -> MappedParameter:
    """Map one parameter of a document. A pattern is kept only if a sample for a required one is known."""
    vocabulary = built_in_vocabulary()
    reader = SchemaReader(root)
    stated = reader.stated(name, schema)
    if required and "pattern" in stated and not re.search(stated["pattern"], str(sample(name, stated))):
        stated = {key: value for key, value in stated.items() if key != "pattern"}
        reader.guesses.append("has a pattern that is not checked")
    known = vocabulary.find(name)
    change, guesses = stated, list(dict.fromkeys(reader.guesses))
    narrowed = None if known is None else _narrowed(name, stated, known, vocabulary)
    if narrowed is not None:
        change, inherited = narrowed
        guesses += inherited
    elif not stated:
        guesses.append("takes any JSON; the document gives no type")
    full = narrowed is None
    if full:
        change = {**stated, "description": describe(name, stated)}
    return MappedParameter(
        name=name,
        section=_section(name, stated),
        schema={key: value for key, value in stated.items() if key not in _DOCUMENTATION},
        change=change,
        sample=sample(name, stated),
        guesses=tuple(f"{name} {guess}" for guess in guesses),
    )


def effective(name: str, change: Json) -> Json:
    """The keywords of a parameter of an entry that says `change` of it, without documentation."""
    known = built_in_vocabulary().find(name)
    own: Json = _without_documentation(change)
    if known is None or {"type", "anyOf", "$ref"} & change.keys():
        return own
    return {**_own(known), **own}


def takes_more(schema: Json, other: Json) -> bool:
    """Whether a schema takes values that another one does not, as far as bounds and enumerations say."""
    kinds = [_canonical({key: each.get(key) for key in _HEADS}) for each in (schema, other)]
    if other and kinds[0] != kinds[1] and (schema.get("type"), other.get("type")) != ("integer", "number"):
        return True
    if "enum" in other and not {*schema.get("enum", (None,))} <= {*other["enum"]}:
        return True
    low, high = -math.inf, math.inf
    return any(schema.get(bound, high) > other.get(bound, high) for bound in _HIGHEST) or any(
        schema.get(bound, low) < other.get(bound, low) for bound in _LOWEST
    )


def describe(name: str, stated: Json) -> str:
    """What a parameter means: as written for it, else its name in words."""
    known = built_in_vocabulary().find(name)
    if name in {"width", "height"}:
        return f"{name.capitalize()} of the image in pixels."
    if name == "image_size" and IMAGE_SIZE not in stated.get("anyOf", ()):
        return "The size of the image, by its name."
    if known is not None and known.description:
        return known.description
    return _notes().get(name, ("", ""))[1] or f"{name.replace('_', ' ').strip().capitalize()}."


def sample(name: str, stated: Json) -> Any:  # noqa: PLR0911 - a table
    """A value of a schema."""
    if stated.get("enum"):
        return stated.get("default", stated["enum"][0])
    if stated == {} or stated.get("$ref"):
        return _SAMPLES.get(stated.get("$ref"), "text")
    if branches := stated.get("anyOf"):
        return sample(name, branches[0])
    match stated["type"]:
        case "string":
            if stated.get("default"):
                return stated["default"]
            text = "A lighthouse in winter" if _PROSE.search(name) else "text"
            return _of_length(text, stated.get("minLength", 1), stated.get("maxLength"))
        case "integer" | "number":
            return stated.get("default", _number(stated))
        case "boolean":
            return True
        case "array":
            return [sample(name, stated.get("items", {}))] * stated.get("minItems", 1)
        case _:
            members = stated.get("properties", {})
            wanted = stated.get("required", ()) or [*members][:1]
            return {member: sample(member, members[member]) for member in wanted}


_SAMPLES: Final[Mapping[str | None, Any]] = {
    IMAGE_URL["$ref"]: "https://example.com/photo.jpg",
    IMAGE_SIZE["$ref"]: {"width": 1024, "height": 768},
    "#/definitions/LoraWeight": {"path": "https://example.com/loras/model.safetensors", "scale": 0.8},
}


def _of_length(text: str, least: int, most: int | None) -> str:
    text = text if most is None else text[:most]
    return text + "." * (least - len(text))


def _number(stated: Json) -> float:
    low = stated.get("minimum", stated.get("exclusiveMinimum"))
    high = stated.get("maximum", stated.get("exclusiveMaximum"))
    if low is None:
        return 1 if high is None or high > 1 else high - (0 if "maximum" in stated else 1)
    if "minimum" in stated:
        return low
    return low + 1 if high is None or low + 1 < high or stated["type"] == "integer" else (low + high) / 2


def _section(name: str, stated: Json) -> str:
    """As the vocabulary or the notes have it; else by the name, and by whether it holds images or objects."""
    vocabulary = built_in_vocabulary()
    if name in {"width", "height"}:
        return "inputs"
    if name in vocabulary.inputs or name in vocabulary.options:
        return "inputs" if name in vocabulary.inputs else "options"
    if name in _notes():
        return _notes()[name][0]
    is_plain = stated.get("type") == "boolean" or "enum" in stated
    holds_images = stated == IMAGE_URL or IMAGE_URL in (stated.get("items"), *stated.get("anyOf", []))
    return "inputs" if holds_images or (_AS_INPUT.search(name) and not is_plain) else "options"


def _narrowed(name: str, stated: Json, known: ParameterSchema, vocabulary: Vocabulary) -> tuple[Json, list[str]] | None:
    """What an entry says of a parameter of the vocabulary; None if the two are of different kinds."""
    ours = _own(known)
    resolved = _own(vocabulary.resolved(ParameterSchema.model_validate(stated)))
    heads = [{key: schema.get(key) for key in _HEADS} for schema in (ours, resolved)]
    if _canonical(heads[0]) != _canonical(heads[1]):
        return None
    if any(key not in resolved for key in ours) and name not in _BOUNDED_ANYWAY and not _is_image(stated):
        return None
    values: list[str] = resolved.get("enum", [])
    if "pattern" in ours and not all(re.search(ours["pattern"], value) for value in values):
        return None
    change = {key: value for key, value in resolved.items() if key not in _HEADS and ours.get(key) != value}
    if not _is_within(change, ours):
        return None
    if "default" in stated and stated["default"] != known.default:
        change["default"] = stated["default"]
    guessed = [key for key in ("maximum", "maxItems") if key in ours and key not in resolved]
    if guessed and name != "seed":
        return change, [f"is at most {ours[guessed[0]]}; the document names no bound"]
    return change, []


def _is_within(change: Json, ours: Json) -> bool:
    """Whether the bounds that are left of the vocabulary's do not contradict those of the document."""
    merged = {**ours, **change}
    pairs = (("minimum", "maximum"), ("minLength", "maxLength"), ("minItems", "maxItems"))
    return all(low not in merged or high not in merged or merged[low] <= merged[high] for low, high in pairs)


def _is_image(stated: Json) -> bool:
    return stated == IMAGE_URL or stated.get("$ref") == IMAGE_URL["$ref"] or stated.get("items") == IMAGE_URL


def _own(schema: ParameterSchema) -> Json:
    """The keywords of a schema as written, without documentation, also in its parts."""
    written: Json = schema.model_dump(by_alias=True, exclude_unset=True, mode="json")
    return _without_documentation(written)


def _canonical(value: Any) -> str:
    """A schema as text in which the order of branches and of names does not count."""
    match value:
        case dict():
            members = cast("Json", value).items()
            return "{" + ",".join(sorted(f"{key}:{_canonical(part)}" for key, part in members)) + "}"
        case list():
            return "[" + ",".join(sorted(_canonical(part) for part in cast("list[Any]", value))) + "]"
        case _:
            return repr(value)


def _without_documentation(written: Any) -> Any:
    match written:
        case dict():
            members = cast("Json", written).items()
            return {key: _without_documentation(value) for key, value in members if key not in _DOCUMENTATION}
        case list():
            return [_without_documentation(each) for each in cast("list[Any]", written)]
        case _:
            return written


@cache
def _notes() -> Mapping[str, tuple[str, str]]:
    """Section and description of each parameter that is described here."""
    reader: Any = YAML(typ="safe")
    sections: Mapping[str, Mapping[str, str]] = reader.load(Path(__file__).parent / "parameter_notes.yaml")
    return {name: (section, text) for section, names in sections.items() for name, text in names.items()}
