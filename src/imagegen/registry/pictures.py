"""Where in a request pictures are named, and how what names them is replaced."""

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import JsonValue

from imagegen.registry.documents import Place
from imagegen.registry.faults import Shape

_ADDRESSES = ("http://", "https://", "data:")
_INLINE_PICTURE = "data:image/"
_SAYS_WHAT_IT_IS = frozenset({"type", "anyOf", "$ref", "enum", "const"})


def picture_addresses(value: JsonValue, shape: Shape, place: Place) -> Iterator[tuple[Place, str]]:
    """Every URL and data URI below a place, where the schema has an address.

    A parameter that takes any JSON has no schema; there a data URI of a picture counts.
    """
    match value:
        case str():
            head = value[: len(_INLINE_PICTURE)].casefold()
            if head.startswith(_ADDRESSES) and _is_address(shape.at(place), head):
                yield place, value
        case dict():
            for name, part in value.items():
                yield from picture_addresses(part, shape, (*place, name))
        case list():
            for index, part in enumerate(value):
                yield from picture_addresses(part, shape, (*place, index))
        case _:
            pass


def with_texts_replaced(value: JsonValue, texts: Mapping[str, str]) -> JsonValue:
    """The same JSON, with each text that is a key of `texts` replaced by what it maps to."""
    match value:
        case str():
            return texts.get(value, value)
        case dict():
            return {name: with_texts_replaced(part, texts) for name, part in value.items()}
        case list():
            return [with_texts_replaced(part, texts) for part in value]
        case _:
            return value


def _is_address(schema: Mapping[str, Any], head: str) -> bool:
    if not _SAYS_WHAT_IT_IS & schema.keys():
        return head == _INLINE_PICTURE
    return any(branch.get("format") == "uri" for branch in schema.get("anyOf", [schema]))
