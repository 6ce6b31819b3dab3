"""`imagegen keys` administers the keys of the database, and reports errors in one line."""

import asyncio
import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from imagegen.cli.app import app
from imagegen.cli.key_administration import expiry
from imagegen.settings import Settings
from tests.support.processes import environment
from tests.support.service import running

TOKEN = r"ig_[a-z0-9]{10}_[A-Za-z0-9]{43}\n"


class Shell:
    """`imagegen keys …`, as typed."""

    def run(self, *arguments: str) -> tuple[int, str, str]:
        answer = CliRunner().invoke(app, ["keys", *arguments])
        return answer.exit_code, answer.stdout, answer.stderr

    def data(self, *arguments: str) -> Any:
        status, printed, told = self.run(*arguments, "--json")
        assert status == 0, told
        return json.loads(printed)["data"]


@pytest.fixture
def shell(own: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shell:
    monkeypatch.chdir(tmp_path)
    for name, value in environment(own).items():
        monkeypatch.setenv(name, value)
    return Shell()


def test_key_is_added_listed_and_revoked(shell: Shell) -> None:
    status, token, told = shell.run("add", "the shop", "--user", "ann", "--user", "bob", "--model", "flux-pro")
    key_id = token.split("_")[1]
    assert (status, re.fullmatch(TOKEN, token) is not None) == (0, True)
    assert "shown only once" in told

    heading, row = shell.run("list")[1].splitlines()
    assert heading.split() == ["ID", "CREATED", "STATE", "NAME", "ACCESS"]
    assert row.startswith(f"{key_id}  20")
    assert row.endswith("  valid  the shop  users ann, bob, models flux-pro, generate read")

    assert [shell.run("revoke", key_id)[0], shell.run("revoke", key_id)[0]] == [0, 0]
    assert "  revoked  the shop  " in shell.run("list")[1]


def test_key_has_the_rates_of_the_options(shell: Shell) -> None:
    made = shell.data("add", "shop", "--requests-per-minute", "60")["key"]

    assert made["rates"] == {"requestsPerMinute": 60, "imagesPerMinute": None, "openJobs": None}
    assert shell.data("add", "few", "--open-jobs", "3")["key"]["rates"]["openJobs"] == 3
    shown = shell.run("show", made["id"])[1]
    assert ("60" in shown, "none of its own" in shown) == (True, True)
    assert shell.run("add", "shop", "--images-per-minute", "0")[0] != 0


def test_key_has_the_scopes_the_expiry_and_the_default_user_of_the_options(shell: Shell) -> None:
    options = ["--scope", "admin", "--scope", "read", "--user", "ann", "--default-user", "ann", "--expires", "90d"]
    made = shell.data("add", "operator", *options)["key"]

    assert (made["scopes"], made["users"], made["defaultUser"]) == (["read", "admin"], ["ann"], "ann")
    left = datetime.fromisoformat(made["expiresAt"]) - datetime.now(UTC)
    assert timedelta(days=89.9) < left <= timedelta(days=90)
    assert shell.data("show", made["id"])["key"] == made
    rows = dict(line.split(maxsplit=1) for line in shell.run("show", made["id"])[1].splitlines()[1:] if "  " in line)
    assert (rows["name"].strip(), rows["scopes"].strip()) == ("operator", "read, admin")


def test_key_has_the_tags_of_the_options(shell: Shell) -> None:
    tags = ["--allowed-tag", "spring", "--allowed-tag", "summer", "--required-tag", "spring"]
    made = shell.data("add", "shop", *tags)["key"]

    assert (made["allowedTags"], made["requiredTags"]) == (["spring", "summer"], ["spring"])
    shown = " ".join(shell.run("show", made["id"])[1].split())
    assert "allowed tags spring, summer required tags spring" in shown


def test_change_names_what_changes(shell: Shell) -> None:
    key_id = shell.data("add", "shop", "--user", "ann", "--model", "flux-pro")["key"]["id"]

    changed = shell.data("change", key_id, "--name", "store", "--all-models", "--expires", "90d")["key"]
    again = shell.data("change", key_id, "--model", "flux-dev", "--all-users", "--scope", "read")["key"]

    assert (changed["name"], changed["models"], changed["allModels"], changed["users"]) == (
        "store",
        None,
        True,
        ["ann"],
    )
    assert (again["name"], again["models"], again["allModels"], again["users"]) == ("store", ["flux-dev"], False, None)
    assert (again["scopes"], again["expiresAt"]) == (["read"], changed["expiresAt"])
    assert "models flux-dev, read" in shell.run("change", key_id)[2]


def test_rotated_key_has_another_token(shell: Shell) -> None:
    added = shell.data("add", "shop")
    status, token, _ = shell.run("rotate", added["key"]["id"])

    assert (status, re.fullmatch(TOKEN, token) is not None, token.strip() == added["token"]) == (0, True, False)
    shell.run("revoke", added["key"]["id"])
    status, printed, told = shell.run("rotate", added["key"]["id"])
    assert (status, printed, "is revoked for good" in told) == (2, "", True)


def test_many_users_are_counted_in_the_list_and_named_by_show(shell: Shell) -> None:
    users = [f"user{number}" for number in range(30)]
    made = shell.data("add", "shop", *(part for user in users for part in ("--user", user)))["key"]

    assert "  30 users, all models, generate read\n" in shell.run("list")[1]
    assert ", ".join(users) in shell.run("show", made["id"])[1]


def test_file_of_keys_is_imported_and_nothing_is_revived(shell: Shell, tmp_path: Path) -> None:
    keys: list[dict[str, Any]] = [
        {"id": f"{n}" * 10, "name": f"k{n}", "sha256": f"{n}" * 64, "users": None, "models": None}
        | {"createdAt": "2026-01-02T00:00:00Z"}
        for n in range(3)
    ]
    (tmp_path / "keys.json").write_text(json.dumps({"keys": keys[:2]}))
    first = shell.data("import", "keys.json")
    shell.run("revoke", keys[0]["id"])
    (tmp_path / "keys.json").write_text(json.dumps({"keys": keys}))
    again = shell.data("import", "keys.json")

    ids = [key["id"] for key in keys]
    assert first == {"new": ids[:2], "known": [], "revoked": []}
    assert again == {"new": [ids[2]], "known": [ids[1]], "revoked": [ids[0]]}
    shown = shell.data("show", ids[0])["key"]
    assert (shown["scopes"], shown["revokedAt"] is None) == (["generate", "read"], False)
    assert "0 new, 2 known, 1 revoked" in shell.run("import", "keys.json")[2].replace("\n", " ")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["add", "shop", "--model", "flux-por"], "Did you mean 'flux-pro'?"),
        (["add", "shop", "--user", ""], "users[0] must not be empty"),
        (["add", "shop", "--user", "ann", "--default-user", "bob"], "defaultUser must be one of users"),
        (["add", "shop", "--scope", "admn"], "did you mean 'admin'?"),
        (["add", "shop", "--expires", "soon"], "expected a date or time such as 2027-01-31"),
        (["add", "shop", "--expires", "2020-01-31"], "expiresAt must be in the future"),
        (["show", "0123456789"], "There is no API key 0123456789"),
        (["revoke", "0123456789"], "There is no API key 0123456789"),
        (["rotate", "x" * 500], "There is no API key xxx"),
        (["change", "0123456789", "--all-models"], "There is no API key 0123456789"),
        (["change", "0123456789", "--all-models", "--model", "flux-pro"], "--model and --all-models contradict"),
        (["change", "0123456789", "--user", "ann", "--all-users"], "--user and --all-users contradict"),
        (["add", "shop", "--all-models", "--model", "flux-pro"], "--model and --all-models contradict"),
        (["import", "none.json"], "none.json does not exist"),
    ],
)
def test_errors_are_printed_without_a_traceback(shell: Shell, arguments: list[str], words: str) -> None:
    status, printed, told = shell.run(*arguments)

    assert (status, printed, words in told.replace("\n", " "), "Traceback" in told) == (2, "", True, False)


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
    assert shell.data("list")["keys"] == []


def test_expiry_is_a_day_a_time_or_a_time_from_now() -> None:
    assert expiry("2027-01-31") == "2027-01-31T00:00:00+00:00"
    assert expiry("2027-01-31T12:00:00+01:00") == "2027-01-31T12:00:00+01:00"
    assert datetime.fromisoformat(expiry("12h")) - datetime.now(UTC) < timedelta(hours=12)


async def test_running_service_applies_a_change_of_the_command_at_once(own: Settings, shell: Shell) -> None:
    async with running(own, with_runner=False) as service:
        token = (await asyncio.to_thread(shell.data, "add", "shop"))["token"]
        headers = {"Authorization": f"Bearer {token}"}
        assert (await service.client.get("/api/jobs", headers=headers)).status_code == 200

        await asyncio.to_thread(shell.run, "revoke", token.split("_")[1])
        async with asyncio.timeout(2):
            while (await service.client.get("/api/jobs", headers=headers)).status_code != 401:
                await asyncio.sleep(0.05)
