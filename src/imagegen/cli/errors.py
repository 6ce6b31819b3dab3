"""From errors to messages and exit codes, for all commands."""

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import Any, cast

import typer

from imagegen.cli.exit_codes import ExitCode
from imagegen.cli.output import print_json_error, print_message
from imagegen.errors import (
    BudgetNotFound,
    CannotImport,
    CatalogError,
    ImagegenError,
    InvalidRequest,
    KeyNotFound,
    KeysFileError,
    ProviderUnavailable,
    SettingsError,
    Unavailable,
)


class InvalidArgument(ImagegenError):
    """An argument that the parser accepts and the command cannot use."""


class LocalFileError(ImagegenError):
    """A file of this machine cannot be written."""


class ServiceUnreachable(ImagegenError):
    """The service that a command talks to does not answer."""


class Refused(ImagegenError):
    """The service answers with an error: `problem`, as in RFC 9457."""

    def __init__(self, problem: dict[str, Any]) -> None:
        faults = cast("list[dict[str, str]]", problem.get("errors") or [])
        # A problem with one fault has its words as detail.
        lines = [fault["message"] for fault in faults] if len(faults) > 1 else [str(problem["detail"])]
        super().__init__("\n".join(lines))
        self.problem = problem

    @property
    def code(self) -> str:
        """The problem's stable code."""
        return str(self.problem.get("code", ""))

    @property
    def failed_job(self) -> str | None:
        """The job's id, if the problem is that of a job which ended without images."""
        return str(self.problem["jobId"]) if {"jobId", "charged"} <= self.problem.keys() else None


@contextmanager
def reporting_errors(heading: str, *, as_json: bool = False) -> Generator[None]:
    """Report an error that leaves the block, and end the command with its exit code.

    Args:
        heading: what the command could not do, without a full stop.
        as_json: whether the error is printed as JSON to stdout or as text to stderr.
    """
    try:
        yield
    except KeyboardInterrupt:
        raise typer.Exit(ExitCode.INTERRUPTED) from None
    except SettingsError as error:
        _report(error, "The settings are wrong", as_json=as_json)
    except ImagegenError as error:
        _report(error, heading, as_json=as_json)
    else:
        return
    raise typer.Exit(ExitCode.COULD_NOT_RUN)


def _report(error: ImagegenError, heading: str, *, as_json: bool) -> None:
    if as_json:
        problem = error.problem if isinstance(error, Refused) else None
        print_json_error(_code(error), heading, _details(error), problem=problem)
        return
    print_message(f"{heading}:", style="bold red")
    for detail in _details(error):
        print_message(f"  {detail}")


def _details(error: ImagegenError) -> Sequence[str]:
    return [error.advice] if isinstance(error, Unavailable) else str(error).splitlines()


def _code(error: ImagegenError) -> str:  # noqa: PLR0911 - a table
    """The word for programs; docs/cli.md lists them."""
    match error:
        case SettingsError():
            return "invalid_settings"
        case CatalogError():
            return "invalid_catalog"
        case KeysFileError():
            return "unusable_keys_file"
        case InvalidArgument() | InvalidRequest() | KeyNotFound() | BudgetNotFound():
            return "invalid_argument"
        case CannotImport():
            return "refused_endpoint"
        case Unavailable() | ServiceUnreachable() | ProviderUnavailable():
            return "unavailable"
        case Refused():
            return "refused"
        case _:
            return "failed"
