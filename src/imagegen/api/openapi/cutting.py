"""Cuts the OpenAPI document down to some models, with the components that are still referred to."""

from collections.abc import Collection, Iterator
from typing import Any, Final, cast

from imagegen.api.openapi.json_schema import UNIONS

Node = dict[str, Any]
_BODIES_OF_MODELS: Final = ("generateImage", "estimateCost")
_REFERENCE: Final = "#/components/"


def cut_to_models(document: Node, models: Collection[str]) -> Node:
    """Remove the requests of all other models, in place. The rest of the document stays.

    Args:
        document: with the requests of these models, and of others.
        models: own names of models, at least one.
    """
    schemas = cast("dict[str, Node]", document["components"]["schemas"])
    examples = _examples_by_model(document)
    for union in UNIONS:
        _cut_union(schemas[union], models)
    for operation in (each for path in document["paths"].values() for each in path.values()):
        for content in operation.get("requestBody", {}).get("content", {}).values():
            if operation["operationId"] in _BODIES_OF_MODELS:
                content["examples"] = {name: each for name, each in content["examples"].items() if name in models}
            if content["schema"].get("$ref", "").endswith("/BatchRequest"):
                _cut_batch(content["examples"]["example"]["value"], examples, models)
    for batch in schemas["BatchRequest"]["examples"]:
        _cut_batch(batch, examples, models)
    document["components"] = _referred_to(document)
    return document


def _examples_by_model(document: Node) -> dict[str, Node]:
    """The example of each model's requests, in the order of the document."""
    for operation in (each for path in document["paths"].values() for each in path.values()):
        if operation["operationId"] == _BODIES_OF_MODELS[0]:
            (content,) = operation["requestBody"]["content"].values()
            return {name: each["value"] for name, each in content["examples"].items()}
    raise LookupError(_BODIES_OF_MODELS[0])


def _cut_union(union: Node, models: Collection[str]) -> None:
    mapping = {name: target for name, target in union["discriminator"]["mapping"].items() if name in models}
    union["discriminator"]["mapping"] = mapping
    union["oneOf"] = [branch for branch in union["oneOf"] if branch["$ref"] in mapping.values()]


def _cut_batch(batch: Node, examples: dict[str, Node], models: Collection[str]) -> None:
    """Leave the requests of these models in the example of a batch; if there are none, those of the first two."""
    kept = [request for request in batch["requests"] if request["model"] in models]
    of_models = [example for name, example in examples.items() if name in models]
    batch["requests"] = kept or [_without_user(example) for example in of_models[:2]]


def _without_user(request: Node) -> Node:
    return {name: value for name, value in request.items() if name != "userId"}


def _referred_to(document: Node) -> Node:
    """The components that the rest of the document refers to, directly or through others."""
    components = cast("Node", document["components"])
    wanted = set(_references({name: part for name, part in document.items() if name != "components"}))
    unread = list(wanted)
    while unread:
        kind, name = unread.pop()
        more = set(_references(components[kind][name])) - wanted
        wanted |= more
        unread += more
    kept = {
        kind: {name: node for name, node in named.items() if (kind, name) in wanted or kind == "securitySchemes"}
        for kind, named in components.items()
    }
    return {kind: named for kind, named in kept.items() if named}


def _references(node: object) -> Iterator[tuple[str, str]]:
    """The kind and the name of each component that is referred to."""
    if isinstance(node, dict):
        members = cast("Node", node)
        target = members.get("$ref")
        if isinstance(target, str) and target.startswith(_REFERENCE):
            kind, _, name = target.removeprefix(_REFERENCE).partition("/")
            yield kind, name
        for member in members.values():
            yield from _references(member)
    elif isinstance(node, list):
        for item in cast("list[object]", node):
            yield from _references(item)
