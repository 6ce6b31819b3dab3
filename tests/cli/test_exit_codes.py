"""Exit codes and JSON: the same shape for every command, and the same table in docs/cli.md."""

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest
import typer
from typer.testing import CliRunner

from imagegen.cli.app import app
from imagegen.cli.errors import InvalidArgument, Refused, reporting_errors
from imagegen.cli.exit_codes import ExitCode
from imagegen.errors import (
    CannotImport,
    CatalogError,
    DatabaseUnavailable,
    ImagegenError,
    KeysFileError,
    SettingsError,
    StartupError,
    UnknownModel,
)
from imagegen.settings import Settings
from tests.support.pages import ROOT
from tests.support.processes import environment

INTERRUPTED: Final = """
import sys

class Interrupting:
    def find_spec(self, name, *_):
        if name == "imagegen.cli.app":
            raise KeyboardInterrupt

sys.meta_path.insert(0, Interrupting())
from imagegen.__main__ import main
main()
"""
PAGE: Final = (ROOT / "docs/cli.md").read_text(encoding="utf-8")
ERRORS: Final[dict[str, ImagegenError]] = {
    "invalid_settings": SettingsError(["FAL_KEY is wrong", "NATS_URL is wrong"]),
    "invalid_catalog": CatalogError("mine.yaml", 3, "fox", "no such key"),
    "unusable_keys_file": KeysFileError("there is no keys.json"),
    "refused_endpoint": CannotImport("a/b", "video", "it makes videos.", "This service makes images only."),
    "invalid_argument": InvalidArgument("there is no key 0123456789"),
    "unavailable": DatabaseUnavailable("MongoDB does not answer"),
    "refused": Refused({"code": "invalid_input", "detail": "inputs.prompt is required."}),
    "failed": StartupError("cannot listen on 127.0.0.1:5000"),
}


def test_the_page_has_every_exit_code_and_no_other() -> None:
    rows = re.findall(r"^\| (\d+) \| `(\w+)` \|", PAGE, re.MULTILINE)

    assert [(int(code), name) for code, name in rows] == [(code.value, code.name) for code in ExitCode]


def test_the_page_has_every_error_code_and_no_other() -> None:
    _, _, table = PAGE.partition("| `error.code` |")

    assert re.findall(r"^\| `([a-z_]+)` \| ", table, re.MULTILINE) == list(ERRORS)


@pytest.mark.parametrize("code", ERRORS)
def test_an_error_is_one_json_object_on_stdout(code: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(typer.Exit) as ended, reporting_errors("It cannot be done", as_json=True):
        raise ERRORS[code]

    printed = capsys.readouterr()
    answer = json.loads(printed.out)
    assert (ended.value.exit_code, printed.err, answer["data"]) == (ExitCode.COULD_NOT_RUN, "", None)
    members = {"code", "message", "details", *(["problem"] if code == "refused" else [])}
    assert (answer["error"]["code"], answer["error"].keys()) == (code, members)


def test_an_error_is_text_on_stderr_otherwise(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(typer.Exit), reporting_errors("It cannot be done"):
        raise UnknownModel("flux-por", ["flux-pro"], "flux-pro")

    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err == "It cannot be done:\n  There is no model 'flux-por'. Did you mean 'flux-pro'?\n"


def test_ctrl_c_has_the_code_of_the_signal() -> None:
    with pytest.raises(typer.Exit) as ended, reporting_errors("It cannot be done"):
        raise KeyboardInterrupt

    assert ended.value.exit_code == ExitCode.INTERRUPTED


def test_ctrl_c_while_the_command_line_is_imported_has_it_too() -> None:
    ended = subprocess.run([sys.executable, "-c", INTERRUPTED], capture_output=True, check=False, timeout=60)  # noqa: S603

    assert (ended.returncode, ended.stdout, ended.stderr) == (ExitCode.INTERRUPTED, b"", b"")


@pytest.fixture
def shell(own: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[int, dict[str, Any]]]:
    """`imagegen … --json` in an empty folder: the exit code and the object on stdout."""
    monkeypatch.chdir(tmp_path)
    for name, value in environment(own).items():
        monkeypatch.setenv(name, value)

    def typed(*arguments: str) -> tuple[int, dict[str, Any]]:
        answer = CliRunner().invoke(app, [*arguments, "--json"])
        return answer.exit_code, json.loads(answer.stdout)

    return typed


def test_keys_are_added_listed_and_revoked_in_json(shell: Callable[..., tuple[int, dict[str, Any]]]) -> None:
    added = shell("keys", "add", "shop", "--user", "ann")
    listed = shell("keys", "list")
    key = added[1]["data"]["key"]
    revoked = shell("keys", "revoke", key["id"])

    assert [added[0], listed[0], revoked[0]] == [ExitCode.OK] * 3
    assert key.keys() > {"id", "name", "users", "models", "scopes", "createdAt", "expiresAt", "revokedAt"}
    assert added[1]["data"]["token"].startswith(f"ig_{key['id']}_")
    assert listed[1] == {"data": {"keys": [key]}, "error": None}
    assert revoked[1] == {"data": {"revoked": key["id"]}, "error": None}


@pytest.mark.parametrize("command", ["keys list", "usage rebuild", "doctor"])
def test_wrong_settings_are_told_in_json(
    shell: Callable[..., tuple[int, dict[str, Any]]], monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    monkeypatch.setenv("IMAGEGEN_WAIT", "soon")
    code, answer = shell(*command.split())
    fault = "IMAGEGEN_WAIT is 'soon': expected a duration such as 30s, 10m or 24h"

    if command == "doctor":  # which looks for faults, and has found one
        finding = {"result": "fault", "check": "settings", "message": fault}
        assert (code, answer) == (ExitCode.FOUND_FAULTS, {"data": {"findings": [finding]}, "error": None})
    else:
        error = {"code": "invalid_settings", "message": "The settings are wrong", "details": [fault]}
        assert (code, answer) == (ExitCode.COULD_NOT_RUN, {"data": None, "error": error})
