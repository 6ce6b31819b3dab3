"""`imagegen doctor`: the report on every server and permission."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

import typer

from imagegen.cli.errors import reporting_errors
from imagegen.cli.exit_codes import ExitCode
from imagegen.cli.output import JsonOption, print_json
from imagegen.cli.runtime import run
from imagegen.cli.tables import Column, Row, print_table
from imagegen.errors import SettingsError

if TYPE_CHECKING:
    from imagegen.cli.doctor_checks import Finding

_COLUMNS = (Column("RESULT"), Column("CHECK"), Column("MESSAGE"))


def doctor(*, as_json: JsonOption = False) -> None:
    """Check every configured server and permission.

    `fault` lines say what to fix; the exit code is then 1.
    """
    with reporting_errors("The checks cannot run", as_json=as_json):
        findings = _findings()
    if as_json:
        print_json({"findings": [asdict(finding) for finding in findings]})
    else:
        print_table(_COLUMNS, [Row((finding.result, finding.check, finding.message)) for finding in findings])
    if any(finding.result == "fault" for finding in findings):
        raise typer.Exit(ExitCode.FOUND_FAULTS)


def _findings() -> "Sequence[Finding]":
    from imagegen.cli.doctor_checks import Finding, Result, run_checks
    from imagegen.observability.logs import start_logging
    from imagegen.settings import Settings

    try:
        settings = Settings.read()
    except SettingsError as error:
        return [Finding(Result.FAULT, "settings", fault) for fault in error.faults]
    start_logging("error", "console", settings.secrets)
    return run(run_checks(settings))
