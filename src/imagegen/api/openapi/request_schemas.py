"""Adds the schemas of the requests of all models.

FastAPI has placeholders for them: it validates its document in one step, during which no other thread runs.
"""

from typing import Any, cast

from imagegen.api.openapi.json_schema import REFERENCE, UNIONS
from imagegen.registry import Registry

Node = dict[str, Any]


def add_requests(schemas: dict[str, Node], registry: Registry) -> None:
    """Replace the placeholders, and add what they refer to; then the schemas are in the order of their names."""
    found = registry.request_schemas(REFERENCE)
    for name, example in registry.examples().items():
        found[name]["examples"] = [example]
    for schema in found.values():
        _state_alternatives(schema)
    new_names = dict(_new_names(found, schemas))
    for schema in found.values():
        _rename(schema, {REFERENCE + old: REFERENCE + new for old, new in new_names.items()})
    schemas |= {new_names.get(name, name): schema for name, schema in found.items()}
    ordered = sorted(schemas.items())
    schemas.clear()
    schemas.update(ordered)


def _state_alternatives(node: object) -> None:
    """Write `oneOf` for choices of different types, which exclude each other, in place.

    openapi-generator makes an object of an `anyOf`, to which no program can assign a text.
    """
    if isinstance(node, dict):
        members = cast("Node", node)
        choices = cast("list[Node]", members.get("anyOf", []))
        types = {"object" if "$ref" in choice else choice.get("type") for choice in choices}
        if choices and len(types) == len(choices) and None not in types and not types >= {"integer", "number"}:
            members["oneOf"] = members.pop("anyOf")
        for member in members.values():
            _state_alternatives(member)
    elif isinstance(node, list):
        for item in cast("list[object]", node):
            _state_alternatives(item)


def _new_names(found: dict[str, Node], schemas: dict[str, Node]) -> list[tuple[str, str]]:
    """New names for schemas of models that have the name of another schema of the API, in pairs."""
    renamed: list[tuple[str, str]] = []
    for name in (name for name in found if name in schemas and name not in UNIONS and found[name] != schemas[name]):
        new, count = name, 1
        while new in schemas or new in found:
            count += 1
            new = f"{name}{count}"
        renamed.append((name, new))
    return renamed


def _rename(node: object, references: dict[str, str]) -> None:
    """Change the references within a schema, in place; those of a union are texts of a mapping as well."""
    if isinstance(node, dict):
        members = cast("Node", node)
        for name, member in members.items():
            if isinstance(member, str):
                members[name] = references.get(member, member)
            else:
                _rename(member, references)
    elif isinstance(node, list):
        for item in cast("list[object]", node):
            _rename(item, references)
