"""`imagegen keys` adds, lists and revokes keys, and reports errors in one line."""

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from imagegen.cli.app import app
from imagegen.keys import read_keys


class Shell:
    """`imagegen keys …`, as typed."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def run(self, *arguments: str) -> tuple[int, str, str]:
        answer = CliRunner().invoke(app, ["keys", *arguments])
        return answer.exit_code, answer.stdout, answer.stderr


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shell:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("IMAGEGEN_API_KEYS_FILE", "keys.json")
    return Shell(tmp_path / "keys.json")


def test_key_is_added_listed_and_revoked(shell: Shell) -> None:
    status, token, told = shell.run("add", "the shop", "--user", "ann", "--user", "bob", "--model", "flux-pro")
    key_id = token.split("_")[1]
    assert (status, re.fullmatch(r"ig_\w{10}_\w{43}\n", token) is not None) == (0, True)
    assert "shown only once" in told
    assert read_keys(shell.path).find_key(token.strip()) is not None

    _, listed, _ = shell.run("list")
    heading, row = listed.splitlines()
    assert heading.split() == ["ID", "CREATED", "NAME", "ACCESS"]
    assert row.startswith(f"{key_id}  20")
    assert row.endswith("  the shop  users ann, bob, models flux-pro")

    assert shell.run("revoke", key_id)[0] == 0
    assert shell.run("list") == (0, "", "There are no keys: `imagegen keys add NAME` makes one.\n")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["add", "shop", "--model", "flux-por"], "Did you mean 'flux-pro'?"),
        (["add", "shop", "--user", ""], "at least 1 character"),
        (["revoke", "0123456789"], "there is no key 0123456789"),
        (["list"], "`imagegen keys add NAME` creates it"),
    ],
)
def test_errors_are_printed_without_a_traceback(shell: Shell, arguments: list[str], words: str) -> None:
    status, _, told = shell.run(*arguments)

    assert (status, words in told.replace("\n", " "), "Traceback" in told) == (2, True, False)


def test_missing_keys_file_setting_names_the_variable(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("IMAGEGEN_API_KEYS_FILE")

    assert "IMAGEGEN_API_KEYS_FILE is not set" in shell.run("add", "shop")[2]


@pytest.mark.parametrize(
    "arguments",
    [
        ["two\nlines"],
        ["\x1b[31mred"],
        [""],
        ["ok", "--user", "a\nb"],
        ["ok", "--user", " a"],
        ["ok", "--user", "u" * 129],
    ],
)
def test_unprintable_and_unusable_names_are_refused(shell: Shell, arguments: list[str]) -> None:
    assert shell.run("add", *arguments)[0] == 2
    assert not shell.path.exists()
