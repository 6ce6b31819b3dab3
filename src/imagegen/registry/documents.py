"""Reads a YAML file into JSON values and remembers the line of each, so that a mistake is shown where it stands."""

import difflib
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, cast

from pydantic import JsonValue, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from imagegen.errors import CatalogError

Place = tuple[str | int, ...]
_TAG = "tag:yaml.org,2002:"
_MAX_DEPTH = 32


class _Mark(Protocol):
    line: int


class _Node(Protocol):
    """A node of ruamel.yaml, which has no types: `id` is scalar, sequence or mapping, and says what `value` holds."""

    id: str
    tag: object
    value: Any
    start_mark: _Mark


class _YamlProblem(Protocol):
    problem: str | None
    problem_mark: _Mark | None


def nearest(name: str, valid: Iterable[str]) -> str | None:
    """The valid name that looks most like `name`, whatever its case and separators; None if none does."""
    shapes = {_shape(candidate): candidate for candidate in valid}
    found = difflib.get_close_matches(_shape(name[:100]), shapes, n=1)
    return shapes[found[0]] if found else None


def _shape(name: str) -> str:
    return name.replace("_", "").replace("-", "").casefold()


def did_you_mean(name: str, valid: Iterable[str]) -> str:
    """The end of a message: `, did you mean 'seed'?`, or nothing."""
    suggestion = nearest(name, valid)
    return f", did you mean {suggestion!r}?" if suggestion else ""


@dataclass(frozen=True, slots=True)
class Document:
    """A file that holds one mapping.

    Attributes:
        file: its path, as messages show it.
        value: what it holds.
        lines: the line (from 1) of every value, by its place: the keys and indexes that lead to it.
    """

    file: str
    value: dict[str, JsonValue]
    lines: dict[Place, int]

    def error(self, place: Place, expected: str) -> CatalogError:
        """What is wrong at a place, or at the nearest place around it that stands in the file."""
        while place not in self.lines:
            place = place[:-1]
        return CatalogError(self.file, self.lines[place], _dotted(place), expected)

    def error_of(self, place: Place, error: ValidationError, keys_at: Callable[[Place], Sequence[str]]) -> CatalogError:
        """What pydantic found wrong below a place; `keys_at` knows the valid keys, by the place below that one.

        A key that nobody knows is told first: it is most often the one that is then missing.
        """
        errors = error.errors(include_url=False, include_input=False)
        first = next((found for found in errors if found["type"] == "extra_forbidden"), errors[0])
        where = (*place, *first["loc"])
        match first["type"]:
            case "extra_forbidden":
                keys = keys_at(first["loc"])
                hint = did_you_mean(str(first["loc"][-1]), keys) or ","
                return self.error(where, f"no such key{hint} expected one of {', '.join(keys)}")
            case "missing":
                return self.error(where, f"expected the key {first['loc'][-1]!r}")
            case "model_type" | "dict_type" | "mapping_type":
                return self.error(where, "expected a mapping of keys to values")
            case _:
                said = first["msg"].removeprefix("Value error, ").replace("Input should be", "expected")
                return self.error(where, said[:1].lower() + said[1:])


def _dotted(place: Place) -> str:
    return ".".join(str(part) for part in place) or "the file"


def read_document(path: Path, *, keep_text: Callable[[Place], bool] = lambda _: False) -> Document:
    """Read a file that holds one mapping.

    Args:
        path: the file.
        keep_text: says at which places a number stays as it is written, for money is no float.

    Raises:
        CatalogError: the file cannot be read, is no YAML, holds no mapping, or gives a key twice.
    """
    reader = _Reader(str(path), keep_text)
    root = reader.compose(path)
    if root is None or root.id != "mapping" or not root.value:
        raise reader.error(root, (), "expected a mapping of names to entries; it is empty or something else")
    return Document(str(path), reader.mapping(root, ()), reader.lines)


class _Reader:
    """Turns the nodes of one file into JSON values, and notes their lines on the way."""

    def __init__(self, file: str, keep_text: Callable[[Place], bool]) -> None:
        self._file, self._keep_text = file, keep_text
        self._yaml: Any = YAML(typ="safe", pure=True)
        self.lines: dict[Place, int] = {(): 1}

    def error(self, node: _Node | None, place: Place, expected: str) -> CatalogError:
        return CatalogError(self._file, _line(node) if node else 1, _dotted(place), expected)

    def compose(self, path: Path) -> _Node | None:
        try:
            return self._yaml.compose(path.read_text(encoding="utf-8"))
        except OSError as error:
            raise self.error(None, (), f"cannot be read: {error.strerror}") from error
        except UnicodeDecodeError as error:
            raise self.error(None, (), "cannot be read: it is no UTF-8 text") from error
        except MarkedYAMLError as error:
            found = cast("_YamlProblem", error)
            line = found.problem_mark.line + 1 if found.problem_mark else 1
            raise CatalogError(self._file, line, _dotted(()), f"is no valid YAML: {found.problem}") from error
        except YAMLError as error:
            raise self.error(None, (), f"is no valid YAML: {error}") from error

    def mapping(self, node: _Node, place: Place) -> dict[str, JsonValue]:
        held: dict[str, JsonValue] = {}
        pairs: list[tuple[_Node, _Node]] = node.value
        for key_node, value_node in pairs:
            if key_node.id != "scalar":
                raise self.error(key_node, place, "expected keys that are names")
            key = str(key_node.value)
            where = (*place, key)
            if key in held:
                raise self.error(key_node, where, f"is given twice, first on line {self.lines[where]}")
            held[key] = self._value(value_node, where)
            self.lines[where] = _line(key_node)
        return held

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
