"""Reads a YAML file into JSON values with the line of each, so that errors name the line."""

import difflib
import math
import re
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, cast

from pydantic import JsonValue, ValidationError
from pydantic_core import ErrorDetails
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from imagegen.errors import CatalogError
from imagegen.registry.fault_collector import FaultCollector

Place = tuple[str | int, ...]
_TAG = "tag:yaml.org,2002:"
_MAX_DEPTH = 32
_SHOULD = re.compile(r"^[A-Z][\w ]*? should (?:be|have) ")  # "Input should be …", "String should have …"


class _Mark(Protocol):
    line: int


class _Node(Protocol):
    """A node of ruamel.yaml, which is untyped. `id`, scalar, sequence or mapping, determines the type of `value`."""

    id: str
    tag: object
    value: Any
    start_mark: _Mark


class _YamlProblem(Protocol):
    problem: str | None
    problem_mark: _Mark | None


def closest_match(name: str, valid: Iterable[str]) -> str | None:
    """The valid name most similar to `name`, ignoring case and separators; None if none is similar."""
    shapes = {_shape(candidate): candidate for candidate in valid}
    found = difflib.get_close_matches(_shape(name[:100]), shapes, n=1)
    return shapes[found[0]] if found else None


def _shape(name: str) -> str:
    return name.replace("_", "").replace("-", "").casefold()


def did_you_mean(name: str, valid: Iterable[str]) -> str:
    """The end of a message: `, did you mean 'seed'?`, or nothing."""
    suggestion = closest_match(name, valid)
    return f", did you mean {suggestion!r}?" if suggestion else ""


@dataclass(frozen=True, slots=True)
class Document:
    """A file that holds one mapping.

    Attributes:
        file: its path, as shown in messages.
        value: its content.
        lines: the line, from 1, of every value by its place: the keys and indexes that lead to it.
    """

    file: str
    value: dict[str, JsonValue]
    lines: dict[Place, int]

    def error(self, place: Place, expected: str) -> CatalogError:
        """The error of a value at a place, or at the nearest enclosing place that the file has."""
        without_first = tuple(step for step in place if step != 0)  # of a list that may be written as its only item
        if place not in self.lines and without_first in self.lines:
            place = without_first
        while place not in self.lines:
            place = place[:-1]
        return CatalogError(self.file, self.lines[place], _dotted(place), expected)

    def errors_from(
        self, place: Place, error: ValidationError, keys_at: Callable[[Place], Sequence[str]]
    ) -> list[CatalogError]:
        """The errors that pydantic found below a place; `keys_at` gives the valid keys of a place below it.

        Unknown keys come first, because a misspelt key is usually also the missing one.
        """
        found = error.errors(include_url=False, include_input=False)
        found.sort(key=lambda each: each["type"] != "extra_forbidden")
        misspelt = {hint.split("'")[1] for each in found if (hint := self._suggestion(each, keys_at))}
        return [self._error_of(place, each, keys_at) for each in found if not _is_missing(each, misspelt)]

    def _suggestion(self, found: ErrorDetails, keys_at: Callable[[Place], Sequence[str]]) -> str:
        if found["type"] != "extra_forbidden":
            return ""
        return did_you_mean(str(found["loc"][-1]), keys_at(found["loc"]))

    def _error_of(self, place: Place, found: ErrorDetails, keys_at: Callable[[Place], Sequence[str]]) -> CatalogError:
        where = (*place, *found["loc"])
        match found["type"]:
            case "extra_forbidden":
                hint = self._suggestion(found, keys_at) or ","
                return self.error(where, f"no such key{hint} expected one of {', '.join(keys_at(found['loc']))}")
            case "missing":
                return self.error(where, f"expected the key {found['loc'][-1]!r}")
            case "model_type" | "dict_type" | "mapping_type":
                return self.error(where, "expected a mapping of keys to values")
            case "decimal_type" | "decimal_parsing" | "finite_number":
                return self.error(where, "expected a decimal number such as 0.05")
            case _:
                message = _SHOULD.sub("expected ", found["msg"].removeprefix("Value error, "))
                return self.error(where, message[:1].lower() + message[1:])


def _is_missing(found: ErrorDetails, misspelt: Collection[str]) -> bool:
    """Whether a key is missing because it is misspelt, which is already reported."""
    return found["type"] == "missing" and found["loc"][-1] in misspelt


def _dotted(place: Place) -> str:
    return ".".join(str(part) for part in place)


def read_document(path: Path, *, keep_text: Callable[[Place], bool] = lambda _: False) -> Document:
    """Read a file that holds one mapping.

    Args:
        path: the file.
        keep_text: at which places a number is kept as its text, because money must not become a float.

    Raises:
        CatalogError: the file cannot be read, is not YAML, has no mapping, or has a key twice.
    """
    reader = _Reader(str(path), keep_text)
    root = reader.compose(path)
    if root is None or root.id != "mapping" or not root.value:
        raise reader.error(root, (), "expected a mapping of names to entries; it is empty or something else")
    document = Document(str(path), reader.mapping(root, ()), reader.lines)
    reader.faults.raise_if_any()
    return document


class _Reader:
    """Turns the nodes of one file into JSON values, and records their lines."""

    def __init__(self, file: str, keep_text: Callable[[Place], bool]) -> None:
        self._file, self._keep_text = file, keep_text
        self._yaml: Any = YAML(typ="safe", pure=True)
        self.lines: dict[Place, int] = {(): 1}
        self.faults = FaultCollector()

    def error(self, node: _Node | None, place: Place, expected: str) -> CatalogError:
        return CatalogError(self._file, _line(node) if node else 1, _dotted(place), expected)

    def compose(self, path: Path) -> _Node | None:
        try:
            return self._yaml.compose(path.read_text(encoding="utf-8"))
        except OSError as error:
            raise CatalogError(self._file, 0, "", f"cannot be read: {error.strerror}") from error
        except UnicodeDecodeError as error:
            raise CatalogError(self._file, 0, "", "cannot be read: it is not UTF-8 text") from error
        except MarkedYAMLError as error:
            found = cast("_YamlProblem", error)
            line = found.problem_mark.line + 1 if found.problem_mark else 1
            raise CatalogError(self._file, line, _dotted(()), f"is not valid YAML: {found.problem}") from error
        except YAMLError as error:
            raise self.error(None, (), f"is not valid YAML: {error}") from error

    def mapping(self, node: _Node, place: Place) -> dict[str, JsonValue]:
        held: dict[str, JsonValue] = {}
        pairs: list[tuple[_Node, _Node]] = node.value
        for key_node, value_node in pairs:
            with self.faults.collecting():
                where = (*place, self._key(key_node, place, held))
                held[where[-1]] = self._value(value_node, where)
                self.lines[where] = _line(key_node)
        return held

    def _key(self, node: _Node, place: Place, held: Collection[str]) -> str:
        if node.id != "scalar":
            raise self.error(node, place, "expected keys that are names")
        key = str(node.value)
        if key in held:
            where = (*place, key)
            raise self.error(node, where, f"is given twice, first on line {self.lines[where]}")
        return key

    def _value(self, node: _Node, place: Place) -> JsonValue:
        self.lines[place] = _line(node)
        if len(place) > _MAX_DEPTH:
            raise self.error(node, place[:3], f"is nested more than {_MAX_DEPTH} levels deep")
        if node.id == "mapping":
            return self.mapping(node, place)
        if node.id == "sequence":
            return [self._value(item, (*place, index)) for index, item in enumerate(node.value)]
        return self._scalar(node, place)

    def _scalar(self, node: _Node, place: Place) -> JsonValue:
        text, kind = str(node.value), str(node.tag).removeprefix(_TAG)
        match kind:
            case "str" | "timestamp":
                return text
            case "null":
                return None
            case "bool":
                return text.casefold() == "true"
            case "int" | "float":
                return text if self._keep_text(place) else self._number(node, place)
            case _:
                raise self.error(node, place, f"expected plain YAML, not the tag {node.tag}")

    def _number(self, node: _Node, place: Place) -> int | float:
        try:
            number = self._yaml.constructor.construct_object(node)
        except ValueError as error:
            raise self.error(node, place, "expected a number") from error
        if not isinstance(number, int | float) or not math.isfinite(number):
            raise self.error(node, place, "expected a finite number")
        return number


def _line(node: _Node) -> int:
    return node.start_mark.line + 1
