"""Entries made from documents and from the index, and requests that their models accept."""

import random
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from imagegen.endpoint_index import endpoint_index
from imagegen.errors import CannotImport
from imagegen.model_import.catalog_files import with_entries
from imagegen.model_import.costs import given_cost
from imagegen.model_import.entry_mapping import MappedEntry
from imagegen.model_import.importing import import_endpoint, indexed_source
from imagegen.registry import Registry, load_registry
from imagegen.registry.model import Model

Json = dict[str, Any]
INDEX = endpoint_index()
DRAWN = 4  # requests with some of the parameters, for each model
KNOWN = [name for name in INDEX.ids if (found := INDEX.find(name)) and found.inputs is not None]


def imported(endpoint: str) -> MappedEntry:
    """The entry of an endpoint of the index, at its price or at 3 cents."""
    found = INDEX.find(endpoint)
    cost = None if found and found.price else given_cost("0.03")
    return import_endpoint(endpoint, indexed_source(endpoint), name=f"own-{KNOWN.index(endpoint)}", cost=cost)


def some_entries(count: int, seed: int) -> list[MappedEntry]:
    """Entries of endpoints drawn from the index, without those that make no images."""
    drawn = random.Random(seed).sample(KNOWN, min(len(KNOWN), count + 5))
    entries: list[MappedEntry] = []
    for endpoint in drawn:
        with suppress(CannotImport):
            entries.append(imported(endpoint))
    assert len(entries) >= min(count, len(drawn) - 3)
    return entries[:count]


def registry_of(entries: Iterable[MappedEntry], folder: Path) -> Registry:
    """The registry with these entries as a user's catalog."""
    file = folder / "models.yaml"
    file.write_text(with_entries("", [*entries]), encoding="utf-8")
    return load_registry([file])


def drawn_request(model: Model, chance: random.Random, *, share: float = 0.5) -> Json:
    """A request that the model's schemas allow, with this share of its optional parameters."""
    schemas = (model.inputs_schema(), model.options_schema())
    inputs, options = (_members(schema, schema, chance, share) for schema in schemas)
    sizes = {"width", "height"} & options.keys()
    if "image_size" in options or len(sizes) == 1:
        options = {name: value for name, value in options.items() if name not in sizes}
    return {"model": model.name, "inputs": inputs, "options": options, "userId": "user123"}


def requests_of(model: Model) -> list[Json]:
    """The smallest request, the example, one with every parameter, and some in between."""
    chance = random.Random(model.name)
    example: Json = model.example()
    smallest = {**example, "inputs": {name: example["inputs"][name] for name in model.required_inputs}, "options": {}}
    drawn = [drawn_request(model, chance, share=share) for share in (1, *[0.5] * DRAWN)]
    for body in drawn if model.conflicts.routes else ():
        body["options"]["acceleration"] = "regular"  # what the route takes too
    return [smallest, example, *drawn]


def sent(registry: Registry, model: Model, body: Json) -> tuple[str, Json]:
    """What fal is sent for a valid request: the endpoint and the body."""
    request = registry.parse(body)
    parts = (part.model_dump(mode="json", exclude_unset=True) for part in (request.inputs, request.options))
    asked = model.fal_request(*parts)
    return asked.endpoint, dict(asked.payload)


def _members(schema: Mapping[str, Any], root: Mapping[str, Any], chance: random.Random, share: float = 0.5) -> Json:
    required = schema.get("required", ())
    members = schema.get("properties", {}).items()
    return {name: _value(part, root, chance) for name, part in members if name in required or chance.random() < share}


def _value(schema: Mapping[str, Any], root: Mapping[str, Any], chance: random.Random) -> Any:  # noqa: PLR0911
    if "$ref" in schema:
        return _members(root["$defs"][schema["$ref"].rpartition("/")[2]], root, chance)
    if "anyOf" in schema:
        return _value(chance.choice(schema["anyOf"]), root, chance)
    if "enum" in schema or "const" in schema:
        return chance.choice(schema.get("enum") or [schema["const"]])
    match schema.get("type"):
        case "string":
            return _text(schema, chance)
        case "integer" | "number" as kind:
            return _number(schema, chance, whole=kind == "integer")
        case "boolean":
            return chance.random() < 0.5
        case "array":
            least = schema.get("minItems", 0)
            count = chance.randint(least, max(least, min(3, schema.get("maxItems", 3))))
            return [_value(schema.get("items", {}), root, chance) for _ in range(count)]
        case "object":
            return _members(schema, root, chance)
        case _:
            return "anything"


def _text(schema: Mapping[str, Any], chance: random.Random) -> str:
    if schema.get("format") == "uri":
        return f"https://example.com/{chance.randrange(100)}.jpg"
    if ":[1-9]" in schema.get("pattern", ""):
        return "16:9"
    return "lighthouse" * (1 + schema.get("minLength", 0) // 10)


def _number(schema: Mapping[str, Any], chance: random.Random, *, whole: bool) -> float:
    low = schema.get("minimum", schema.get("exclusiveMinimum", 0))
    high = schema.get("maximum", schema.get("exclusiveMaximum", low + 100))
    if whole:
        return chance.randint(int(low), int(min(high, low + 1000)))
    return round(low + (high - low) * chance.uniform(0.1, 0.9), 3)
