"""The one way to print a table: plain columns without borders or color.

On a terminal, the last column wraps between words. In a pipe, a row is one line, however long. No cell is ever cut off
and no word is broken, so that ids and URLs can be copied.
"""

import shutil
import sys
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import typer
from rich.cells import cell_len

_GAP: Final = "  "
_NOTE_INDENT: Final = " " * 4
_NARROWEST: Final = 20


@dataclass(frozen=True, slots=True)
class Column:
    """A column; numbers are aligned to the right."""

    heading: str
    is_number: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """A row, and lines of their own below it, for what is too long for a column."""

    cells: tuple[str, ...]
    notes: tuple[str, ...] = ()


def print_table(columns: Sequence[Column], rows: Sequence[Row]) -> None:
    """Print a table to stdout."""
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    for line in table_lines(columns, rows, width=width):
        typer.echo(line)


def table_lines(columns: Sequence[Column], rows: Sequence[Row], *, width: int | None) -> Iterator[str]:
    """The lines of a table.

    Args:
        columns: from left to right.
        rows: with a cell for each column.
        width: where the last column wraps; None for never.
    """
    shown = [Row(tuple(column.heading for column in columns)), *map(_printable, rows)]
    widths = [max(cell_len(row.cells[place]) for row in shown) for place in range(len(columns))]
    for row in shown:
        *padded, last = map(_padded, row.cells, columns, widths)
        before = "".join(f"{cell}{_GAP}" for cell in padded)
        first, *more = _wrapped(last, None if width is None else width - cell_len(before))
        yield f"{before}{first}".rstrip()
        yield from (" " * cell_len(before) + line for line in more)
        yield from (f"{_NOTE_INDENT}{note}" for note in row.notes)


def _padded(cell: str, column: Column, width: int) -> str:
    space = " " * (width - cell_len(cell))
    return f"{space}{cell}" if column.is_number else f"{cell}{space}"


def _wrapped(cell: str, width: int | None) -> list[str]:
    if width is None or cell_len(cell.rstrip()) <= width:
        return [cell]
    return textwrap.wrap(cell, max(width, _NARROWEST), break_long_words=False, break_on_hyphens=False)


def _printable(row: Row) -> Row:
    """The row with control characters spelled out: stored text must not move the cursor or begin a line."""
    return Row(tuple(map(_spelled_out, row.cells)), tuple(map(_spelled_out, row.notes)))


def _spelled_out(text: str) -> str:
    return text if text.isprintable() else "".join(sign if sign.isprintable() else repr(sign)[1:-1] for sign in text)
