"""Reads a YAML file into plain values, and remembers the line of each, so that a mistake can be shown where it stands."""

import difflib
from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, JsonValue, ValidationError
from pydantic_core import ErrorDetails
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from imagegen.errors import CatalogError

Place = tuple[str | int, ...]
_TAG = "tag:yaml.org,2002:"
_TEXT_TAGS = {"str", "timestamp"}
_WORDS = {"true": True, "false": False}
_MAX_DEPTH = 32


def nearest(name: str, valid: Iterable[str]) -> str | None:
    """The valid name that looks most like `name`, whatever its case and separators; None if none does."""
    shapes = {_shape(candidate): candidate for candidate in valid}
    found = difflib.get_close_matches(_shape(name), shapes, n=1, cutoff=0.6)
    return shapes[found[0]] if found else None


def _shape(name: str) -> str:
    return name.replace("_", "").replace("-", "").casefold()


def json_of(value: object) -> JsonValue:
    """The JSON value of what a document holds: its exact decimals become floats."""
    match value:
        case Decimal():
            return float(value)
        case dict():
            return {str(key): json_of(item) for key, item in value.items()}  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType] - a document's values
        case list():
            return [json_of(item) for item in value]  # pyright: ignore[reportUnknownVariableType] - a document's values
        case None | bool() | int() | str():
            return value
        case _:
            raise TypeError(f"{type(value).__name__} is no value of a document")


