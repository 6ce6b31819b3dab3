"""How commands print: data to stdout, as a table or as one JSON object; messages about the work to stderr.

With `--json`, stdout holds one object of the same shape for every command: `{"data": {…}, "error": null}`, or
`{"data": null, "error": {"code": …, "message": …, "details": […]}}` if the command could not run.
"""

import json
from collections.abc import Sequence
from decimal import Decimal
from typing import Annotated

import typer
from pydantic import JsonValue
from rich.console import Console

from imagegen.json_object import JsonObject

JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of text.")]


def print_json(data: JsonObject) -> None:
    """Print a command's data."""
    _print_envelope({"data": {**data}, "error": None})


def print_json_error(code: str, message: str, details: Sequence[str], *, problem: JsonObject | None = None) -> None:
    """Print why a command could not run, with the problem that a service answered, if one did."""
    error: dict[str, JsonValue] = {"code": code, "message": message, "details": [*details]}
    if problem is not None:
        error["problem"] = {**problem}
    _print_envelope({"data": None, "error": error})


def print_message(text: str, *, style: str = "") -> None:
    """Print a message to stderr: on one line, and colored only on a terminal."""
    messages().print(text, markup=False, style=style, soft_wrap=True)


def dollars(amount: float | Decimal) -> str:
    """An amount as people write it: cents, and more digits only if there are fractions of a cent."""
    cents, digits = f"{amount:.2f}", f"{amount:.4f}".rstrip("0")
    return f"${max(cents, digits, key=len)}"


def messages() -> Console:
    """The console for messages and progress; it heeds NO_COLOR and prints no escape codes into a pipe."""
    return Console(stderr=True, highlight=False)


def _print_envelope(envelope: JsonObject) -> None:
    typer.echo(json.dumps(envelope, indent=2, ensure_ascii=False))
