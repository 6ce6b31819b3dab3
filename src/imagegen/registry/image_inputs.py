"""Finds the URLs of input images in a request, and replaces them."""

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import JsonValue

from imagegen.data_uris import is_data_uri
from imagegen.registry.documents import Place
from imagegen.registry.faults import RequestSchema

_WEB_SCHEMES = ("http://", "https://")
_INLINE_IMAGE = "data:image/"
_TYPE_KEYWORDS = frozenset({"type", "anyOf", "$ref", "enum", "const"})


def image_urls(value: JsonValue, shape: RequestSchema, place: Place) -> Iterator[tuple[Place, str]]:
    """Every URL and data URI below a place whose schema has the format `uri`, each with its place.

    A parameter that accepts any JSON has no schema; there, data URIs of images are found.
    """
    match value:
        case str():
            if _looks_like_url(value) and _is_image_url(shape.at(place), value):
                yield place, value
        case dict():
            for name, part in value.items():
                yield from image_urls(part, shape, (*place, name))
        case list():
            for index, part in enumerate(value):
                yield from image_urls(part, shape, (*place, index))
        case _:
            pass


def replace_texts(value: JsonValue, texts: Mapping[str, str]) -> JsonValue:
    """A copy of the JSON in which each text that is a key of `texts` is replaced by its value."""
    match value:
        case str():
            return texts.get(value, value)
        case dict():
            return {name: replace_texts(part, texts) for name, part in value.items()}
        case list():
            return [replace_texts(part, texts) for part in value]
        case _:
            return value


def _looks_like_url(text: str) -> bool:
    return is_data_uri(text) or text[: len("https://")].casefold().startswith(_WEB_SCHEMES)


def _is_image_url(schema: Mapping[str, Any], text: str) -> bool:
    if not _TYPE_KEYWORDS & schema.keys():
        return text[: len(_INLINE_IMAGE)].casefold() == _INLINE_IMAGE
    return any(branch.get("format") == "uri" for branch in schema.get("anyOf", [schema]))
