"""Gives names to what the document repeats: equal headers, responses and members of requests become components.

A schema with listed values, with choices or with members of its own stays where it is: generators make a class of it,
and name it after its place.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final, cast

from imagegen.api.openapi.json_schema import REFERENCE, UNIONS
from imagegen.api.openapi.operations import operations_of

Node = dict[str, Any]
_WITH_SECTIONS: Final = ("GenerateRequest", "EstimateRequest")  # the items of a batch have those of requests
_SECTIONS: Final = ("inputs", "options")
_OF_CLASSES: Final = ('"enum"', '"const"', '"anyOf"', '"oneOf"', '"$ref"', '"object"')
_PROBLEM: Final = "application/problem+json"


def share_components(document: Node) -> None:
    """Replace what occurs more than once by a reference, in place."""
    components = cast("dict[str, dict[str, Node]]", document["components"])
    responses = [cast("Node", operation["responses"]) for operation in operations_of(document)]
    headers = [response["headers"] for each in responses for response in each.values() if "headers" in response]
    _Sharing("headers", components, lambda name, _: name).share(headers)
    _Sharing("responses", components, _response_name, _is_problem).share(responses)
    schemas = components["schemas"]
    _Sharing("schemas", components, _member_name, _has_no_class).share(list(_requests(schemas, UNIONS)))
    sections = [part for members in _requests(schemas, _WITH_SECTIONS) for part in _sections(members, schemas)]
    # A model has each parameter twice, in requests and in estimates.
    _Sharing("schemas", components, _parameter_name, _has_no_class, most_apart=2).share(sections)


class _Sharing:
    """Makes components of one kind.

    Args:
        kind: under which the document has them.
        components: all of the document's.
        name_of: the name for a component, from the member's name and its content; a number is added if it is taken.
        may_be: which members may become components.
        most_apart: up to how many equal members stay as they are.
    """

    def __init__(
        self,
        kind: str,
        components: dict[str, dict[str, Node]],
        name_of: Callable[[str, Node], str],
        may_be: Callable[[Node], bool] = lambda node: "$ref" not in node,
        *,
        most_apart: int = 1,
    ) -> None:
        self._named = components.setdefault(kind, {})
        self._place, self._name_of = f"#/components/{kind}/", name_of
        self._may_be, self._most_apart = may_be, most_apart
        self._names = dict[tuple[str, str], str]()

    def share(self, holders: Iterable[Node]) -> None:
        """Replace each member of the holders that equals others of the same name."""
        members = [(holder, name, node) for holder in holders for name, node in holder.items() if self._may_be(node)]
        keys = [(name, json.dumps(node, sort_keys=True)) for _, name, node in members]
        counts = Counter(keys)
        for key, (holder, name, node) in zip(keys, members, strict=True):
            if counts[key] > self._most_apart:
                holder[name] = {"$ref": self._place + self._component(key, node)}

    def _component(self, key: tuple[str, str], node: Node) -> str:
        """The name of the component with this content."""
        if key not in self._names:
            wanted, count = self._name_of(key[0], node), 1
            name = wanted
            while name in self._named:
                count += 1
                name = f"{wanted}{count}"
            self._names[key], self._named[name] = name, node
        return self._names[key]


def _requests(schemas: dict[str, Node], unions: Iterable[str]) -> Iterator[Node]:
    """The members of the requests of all models."""
    for union in unions:
        # With one model there is no union, but its request itself.
        branches = cast("list[Node]", schemas[union].get("oneOf", [schemas[union]]))
        for branch in branches:
            yield _resolved(branch, schemas)["properties"]


def _sections(members: Node, schemas: dict[str, Node]) -> Iterator[Node]:
    """The members of the inputs and of the options of a request."""
    for section in _SECTIONS:
        yield _resolved(members[section], schemas).get("properties", {})


def _resolved(schema: Node, schemas: dict[str, Node]) -> Node:
    return schemas[schema["$ref"].removeprefix(REFERENCE)] if "$ref" in schema else schema


def _is_problem(response: Node) -> bool:
    return _PROBLEM in response.get("content", {})


def _has_no_class(schema: Node) -> bool:
    """Whether no generator makes a class of the schema."""
    text = json.dumps({name: part for name, part in schema.items() if name not in {"description", "examples"}})
    return "type" in schema and not any(word in text for word in _OF_CLASSES)


def _member_name(member: str, _: Node) -> str:
    return member[:1].upper() + member[1:]


def _parameter_name(parameter: str, _: Node) -> str:
    return "".join(part.capitalize() for part in parameter.split("_")) + "Parameter"


def _response_name(status: str, response: Node) -> str:
    """After its first problem, otherwise after its status."""
    code = next(iter(response["content"][_PROBLEM].get("examples", ())), f"status_{status}")
    return "".join(part.capitalize() for part in code.split("_"))
