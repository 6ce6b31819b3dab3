"""The browser of this machine, and questions on its terminal."""

import sys
import webbrowser

import typer

from imagegen.cli.errors import InvalidArgument
from imagegen.cli.output import print_message


def open_in_browser(address: str) -> None:
    """Open an address in the browser, if there is one."""
    if not webbrowser.open(address):
        print_message("There is no browser here: open the address yourself.")


def confirm(question: str, *, yes: bool) -> None:
    """Ask on a terminal; without one, only --yes agrees.

    Raises:
        InvalidArgument: the answer is no, or it cannot be asked.
    """
    if yes:
        return
    if not sys.stdin.isatty():
        raise InvalidArgument(f"{question} There is no terminal to confirm on: add --yes.")
    if not typer.confirm(question, err=True):
        raise InvalidArgument("It was not confirmed; nothing was done.")
