"""`imagegen keys` adds, lists and revokes keys, and reports errors in one line."""

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from imagegen.cli.app import app
from imagegen.settings import Settings
from tests.support.processes import environment


class Shell:
    """`imagegen keys …`, as typed."""

    def run(self, *arguments: str) -> tuple[int, str, str]:
        answer = CliRunner().invoke(app, ["keys", *arguments])
        return answer.exit_code, answer.stdout, answer.stderr


@pytest.fixture
def shell(own: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shell:
    monkeypatch.chdir(tmp_path)
    for name, value in environment(own).items():
        monkeypatch.setenv(name, value)
    return Shell()


def test_key_is_added_listed_and_revoked(shell: Shell) -> None:
    status, token, told = shell.run("add", "the shop", "--user", "ann", "--user", "bob", "--model", "flux-pro")
    key_id = token.split("_")[1]
    assert (status, re.fullmatch(r"ig_\w{10}_\w{43}\n", token) is not None) == (0, True)
    assert "shown only once" in told

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
        (["add", "shop", "--user", ""], "must not be empty"),
        (["revoke", "0123456789"], "there is no key 0123456789"),
    ],
)
def test_errors_are_printed_without_a_traceback(shell: Shell, arguments: list[str], words: str) -> None:
    status, _, told = shell.run(*arguments)

    assert (status, words in told.replace("\n", " "), "Traceback" in told) == (2, True, False)


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
    assert shell.run("list")[1] == ""
