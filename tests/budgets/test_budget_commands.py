"""`imagegen budgets` administers the budgets of the database, and reports errors in one line."""

import json
from pathlib import Path
from typing import Any

import pytest
from dirty_equals import IsPartialDict
from typer.testing import CliRunner

from imagegen.cli.app import app
from imagegen.settings import Settings
from tests.support.processes import environment


class Shell:
    """`imagegen …`, as typed."""

    def run(self, *arguments: str) -> tuple[int, str, str]:
        answer = CliRunner().invoke(app, [*arguments])
        return answer.exit_code, answer.stdout, answer.stderr

    def data(self, *arguments: str) -> Any:
        status, printed, told = self.run("budgets", *arguments, "--json")
        assert status == 0, (printed, told)
        return json.loads(printed)["data"]


@pytest.fixture
def shell(own: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shell:
    monkeypatch.chdir(tmp_path)
    for name, value in environment(own).items():
        monkeypatch.setenv(name, value)
    return Shell()


def rows_of(printed: str) -> dict[str, str]:
    pairs = (line.split("  ", 1) for line in printed.splitlines()[1:])
    return {name: value.strip() for name, value in pairs}


def test_budget_is_added_listed_and_deleted(shell: Shell) -> None:
    status, printed, told = shell.run("budgets", "add", "Ann", "--user", "ann", "--amount", "25", "--period", "month")
    assert (status, printed) == (0, "")
    assert told.endswith(" for Ann (user ann, $25.00 per month, $25.00 left).\n")

    heading, row = shell.run("budgets", "list")[1].splitlines()
    assert heading.split() == ["ID", "FOR", "PERIOD", "LIMIT", "LEFT", "NAME"]
    assert row.endswith("  user ann  per month  $25.00  $25.00  Ann")

    budget_id = row.split()[0]
    assert [shell.run("budgets", "delete", budget_id)[0] for _ in range(2)] == [0, 0]
    assert "There are no budgets" in shell.run("budgets", "list")[2]
    assert rows_of(shell.run("budgets", "show", budget_id)[1])["deleted"].endswith("UTC")


@pytest.mark.parametrize(
    ("options", "scope"),
    [
        (["--each-user"], {"kind": "user", "value": "*"}),
        (["--all"], {"kind": "all", "value": None}),
        (["--user", "bob"], {"kind": "user", "value": "bob"}),
    ],
)
def test_scope_is_that_of_the_options(shell: Shell, options: list[str], scope: dict[str, Any]) -> None:
    assert shell.data("add", "x", "--amount", "1", *options)["budget"]["scope"] == scope


def test_budget_of_a_key(shell: Shell) -> None:
    added = shell.run("keys", "add", "shop", "--json")[1]
    key_id = json.loads(added)["data"]["key"]["id"]

    assert shell.data("add", "x", "--amount", "1", "--key", key_id)["budget"]["scope"]["value"] == key_id


def test_budget_is_changed_as_the_options_say(shell: Shell) -> None:
    options = ["--period", "day", "--time-zone", "Europe/Berlin", "--model", "flux-pro", "--alert", "90", "--soft"]
    made = shell.data("add", "x", "--all", "--amount", "1.5", *options)["budget"]
    assert made == IsPartialDict(timeZone="Europe/Berlin", models=["flux-pro"], alerts=[90], hard=False, amount=1.5)

    changed = shell.data("change", made["id"], "--amount", "3", "--all-models", "--hard", "--name", "y")["budget"]
    assert changed == {**made, "amount": 3.0, "limit": 3.0, "remaining": 3.0, "models": None, "hard": True, "name": "y"}
    assert shell.data("show", made["id"])["budget"] == changed
    assert rows_of(shell.run("budgets", "show", made["id"])[1]) == IsPartialDict(
        {"for": "all", "kind": "refuses jobs", "limit": "$3.00", "left": "$3.00", "used": "$0.00"}
    )


def test_adjustment_is_made_once_under_its_name_and_is_in_the_ledger(shell: Shell) -> None:
    made = shell.data("add", "x", "--all", "--amount", "10")["budget"]
    top_up = ["adjust", made["id"], "--amount", "5", "--reason", "paid", "--idempotency-key", "invoice-7"]

    assert [shell.data(*top_up)["budget"]["limit"] for _ in range(2)] == [15.0, 15.0]
    assert shell.data("adjust", made["id"], "--amount", "-2", "--reason", "refund")["budget"]["limit"] == 13.0
    entries = shell.data("ledger", made["id"])["entries"]
    assert [(entry["kind"], entry["amount"], entry["reason"]) for entry in entries] == [
        ("adjust", -2.0, "refund"),
        ("adjust", 5.0, "paid"),
    ]
    lines = shell.run("budgets", "ledger", made["id"])[1].splitlines()
    assert (lines[0].split()[:3], lines[1].split()[3:]) == (["AT", "KIND", "AMOUNT"], ["adjust", "$-2.00", "refund"])


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["add", "x", "--amount", "1"], "Say whose jobs count"),
        (["add", "x", "--amount", "1", "--all", "--user", "ann"], "Say whose jobs count"),
        (["add", "x", "--amount", "0", "--all"], "amount must be above 0."),
        (["add", "x", "--amount", "1", "--all", "--time-zone", "UTC"], "timeZone must be left out"),
        (["add", "x", "--amount", "1", "--key", "ab12cd34ef"], "must be the id of an API key"),
        (["show", "01ARZ3NDEKTSV4RRFFQ69G5FAV"], "There is no budget 01ARZ3NDEKTSV4RRFFQ69G5FAV."),
        (["adjust", "01ARZ3NDEKTSV4RRFFQ69G5FAV", "--amount", "1", "--reason", "x"], "There is no budget"),
    ],
)
def test_error_is_one_line_and_a_code(shell: Shell, arguments: list[str], told: str) -> None:
    status, printed, reported = shell.run("budgets", *arguments)
    assert (status, printed, told in reported) == (2, "", True)

    status, printed, _ = shell.run("budgets", *arguments, "--json")
    assert (status, json.loads(printed)["error"]["code"]) == (2, "invalid_argument")
