"""Where in a request pictures are named, and how what names them is replaced."""

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import JsonValue

from imagegen.data_uris import is_data_uri
from imagegen.registry.documents import Place
from imagegen.registry.faults import Shape

_WEB_ADDRESSES = ("http://", "https://")
_INLINE_PICTURE = "data:image/"
_SAYS_WHAT_IT_IS = frozenset({"type", "anyOf", "$ref", "enum", "const"})


def picture_addresses(value: JsonValue, shape: Shape, place: Place) -> Iterator[tuple[Place, str]]:
    """Every URL and data URI below a place, where the schema has an address.

    A parameter that takes any JSON has no schema; there a data URI of a picture counts.
    """
    match value:
        case str():
            if _begins_like_one(value) and _is_address(shape.at(place), value):
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


def _begins_like_one(text: str) -> bool:
    return is_data_uri(text) or text[: len("https://")].casefold().startswith(_WEB_ADDRESSES)


def _is_address(schema: Mapping[str, Any], text: str) -> bool:
    if not _SAYS_WHAT_IT_IS & schema.keys():
        return text[: len(_INLINE_PICTURE)].casefold() == _INLINE_PICTURE
    return any(branch.get("format") == "uri" for branch in schema.get("anyOf", [schema]))
