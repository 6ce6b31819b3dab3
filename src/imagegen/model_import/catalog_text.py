"""Entries as text of YAML, and their places in the text of a catalog, whose other lines stay as they are."""

import io
import textwrap
from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any, Final, cast

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.scalarstring import DoubleQuotedScalarString

from imagegen.errors import CatalogError
from imagegen.model_import.entry_mapping import MappedEntry

_WIDTH: Final = 118
_LINE: Final = 96  # what is shorter is on one line
_IN_BLOCKS: Final = frozenset({"parameters", "example", "pricing", "table", "prices"})


def entry_text(mapped: MappedEntry) -> str:
    """The entry as YAML, with what was guessed and left out in comments above it."""
    lines = [*mapped.notes, *(f"Guessed: {each}." for each in mapped.guessed)]
    lines += [f"Left out: {each}." for each in mapped.left_out]
    comments = [part for line in lines for part in textwrap.wrap(line, _WIDTH - 2)]
    return "".join(f"# {line}\n" for line in comments) + dumped({mapped.name: mapped.entry})


def dumped(value: Mapping[str, Any]) -> str:
    """A mapping as YAML: short lists and objects on one line."""
    yaml: Any = YAML()
    yaml.width = _WIDTH
    yaml.indent(mapping=2, sequence=4, offset=2)
    yaml.representer.add_representer(Decimal, _represent_amount)
    stream = io.StringIO()
    yaml.dump(_laid_out(value, ""), stream)
    return "".join(f"{line.rstrip()}\n" for line in stream.getvalue().splitlines())


def block_of(text: str, name: str, file: str) -> tuple[int, int]:
    """The lines of an entry in a catalog, from 0, the last one exclusive: with the comments right above it.

    Raises:
        CatalogError: the file has no such entry at the start of a line.
    """
    lines = text.splitlines()
    starts = [number for number, line in enumerate(lines) if _is_key(line)]
    start = next((number for number in starts if _key(lines[number]) == name), None)
    if start is None:
        raise CatalogError(file, 0, name, "expected this entry at the start of a line of its own")
    end = next((_with_comments(lines, number) for number in starts if number > start), len(lines))
    while end > start + 1 and not lines[end - 1].strip():
        end -= 1
    return _with_comments(lines, start), end


def _represent_amount(representer: Any, amount: Decimal) -> Any:
    return representer.represent_scalar("tag:yaml.org,2002:float", f"{amount:f}")


def _laid_out(value: Any, key: str) -> Any:
    match value:
        case Mapping():
            laid = CommentedMap({name: _laid_out(part, name) for name, part in cast("Json", value).items()})
        case list() | tuple():
            laid = CommentedSeq([_laid_out(part, "") for part in cast("Sequence[Any]", value)])
        case str() if key == "verifiedAt":
            return date.fromisoformat(value)
        case str():
            return DoubleQuotedScalarString(value) if ":" in value and "://" not in value else value
        case _:
            return value
    is_long = len(repr(cast("object", value))) >= _LINE
    if not value or (key not in _IN_BLOCKS and (not is_long or isinstance(laid, CommentedSeq))):
        cast("Any", laid).fa.set_flow_style()
    return laid


Json = Mapping[str, Any]


def _is_key(line: str) -> bool:
    return bool(line) and not line[0].isspace() and line[0] not in "#-%." and ":" in line


def _key(line: str) -> str:
    return line.partition(":")[0].strip().strip("\"'")


def _with_comments(lines: Sequence[str], number: int) -> int:
    while number > 0 and lines[number - 1].startswith("#"):
        number -= 1
    return number
