"""README.md and .env.example say what is true of the settings and of `make`. The examples: test_examples.py."""

import re
from itertools import pairwise
from pathlib import Path
from typing import Final

import pytest
from dotenv import dotenv_values
from pages import ROOT, Page, pages
from pydantic import BaseModel
from typer import Typer

from imagegen.cli import app
from imagegen.settings import Settings

PAGE: Final = Page(ROOT / "README.md")
README: Final = PAGE.text


def settings_groups() -> list[BaseModel]:
    return [value for _, value in Settings.model_validate({}) if isinstance(value, BaseModel)]


def variables() -> list[str]:
    return [str(info.validation_alias) for group in settings_groups() for info in type(group).model_fields.values()]


def settings_table() -> dict[str, str]:
    """Each variable of the table with its default as text, empty where it is unset."""
    rows = re.findall(r"^\| `([A-Z0-9_]+)` \| (?:`([^`]+)` )?\| .+ \|$", README, re.MULTILINE)
    return dict(rows)


def test_the_settings_table_has_every_variable_in_the_codes_order() -> None:
    assert list(settings_table()) == variables()


def test_the_settings_table_has_the_codes_defaults() -> None:
    shown = {name: value for name, value in settings_table().items() if value}
    as_shown = [type(group).model_validate(shown) for group in settings_groups()]

    assert as_shown == settings_groups()
    assert [name for name, value in defaults().items() if value] == list(shown)


def defaults() -> dict[str, object]:
    fields = [info for group in settings_groups() for info in type(group).model_fields.values()]
    return {str(info.validation_alias): info.default for info in fields}


def test_the_example_env_sets_nothing_as_it_stands() -> None:
    assert dotenv_values(ROOT / ".env.example") == {}


def test_the_example_env_has_every_variable_with_a_comment_above() -> None:
    lines = (ROOT / ".env.example").read_text(encoding="utf-8").splitlines()
    pairs = [(above, line) for above, line in pairwise(lines) if re.match("#[A-Z]", line)]

    assert [line[1:].partition("=")[0] for _, line in pairs] == variables()
    assert [above for above, _ in pairs if not above.startswith("# ")] == []


def test_the_example_env_is_valid_with_every_line_taken_in(tmp_path: Path) -> None:
    text = (ROOT / ".env.example").read_text(encoding="utf-8")
    (tmp_path / ".env").write_text(re.sub("^#(?=[A-Z])", "", text, flags=re.MULTILINE))

    assert Settings.read({}, dotenv=tmp_path / ".env").unset_servers == ()


def test_the_example_env_shows_the_codes_defaults() -> None:
    text = (ROOT / ".env.example").read_text(encoding="utf-8")
    shown = dict(re.findall("^#([A-Z0-9_]+)=(.+)$", text, re.MULTILINE))

    assert {name: shown[name] for name, value in settings_table().items() if value} == {
        name: value for name, value in settings_table().items() if value
    }


def test_every_make_target_that_is_named_exists() -> None:
    spans = [*re.findall(r"`([^`\n]+)`", README), *(block.text for block in PAGE.blocks if block.language == "sh")]
    named = {target for span in spans for target in re.findall(r"\bmake ([a-z]+)", span)}
    targets = set(re.findall(r"^([a-z]+):.*## ", (ROOT / "Makefile").read_text(), re.MULTILINE))

    assert named
    assert named <= targets


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.name)
def test_every_command_of_imagegen_that_is_named_exists(page: Page) -> None:
    spans = [*re.findall(r"`([^`\n]+)`", page.text), *(block.text for block in page.blocks if block.language == "sh")]
    named = {
        words for span in spans for words in re.findall(r"(?:^|/)imagegen ([a-z]+(?: [a-z]+)?)", span, re.MULTILINE)
    }

    assert {words for words in named if words not in commands() and words.split()[0] not in names(app)} == set()


def commands() -> set[str]:
    """`serve`, …, `keys`, and `keys add`, …."""
    of_groups = [(group.name, group.typer_instance) for group in app.registered_groups]
    nested = {f"{name} {command}" for name, group in of_groups if group for command in names(group)}
    return names(app) | nested | {str(name) for name, _ in of_groups}


def names(group: Typer) -> set[str]:
    found = [(info.name, info.callback) for info in group.registered_commands]
    return {name or callback.__name__ for name, callback in found if callback}
