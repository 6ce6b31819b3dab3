"""docs/settings.md is what the code says, and .env.example keeps in step with it."""

import re
from itertools import pairwise
from pathlib import Path

from dotenv import dotenv_values
from pydantic import BaseModel

from imagegen.settings import Settings
from tests.support.pages import ROOT
from website import settings_page


def test_the_page_is_written_from_the_code() -> None:
    assert settings_page.PAGE.read_text(encoding="utf-8") == settings_page.render(), "run `make pages`"


def settings_groups() -> list[BaseModel]:
    return [value for _, value in Settings.model_validate({}) if isinstance(value, BaseModel)]


def variables() -> list[str]:
    return [str(info.validation_alias) for group in settings_groups() for info in type(group).model_fields.values()]


def settings_table() -> dict[str, str]:
    """Each variable of the table with its default as text, empty where it is unset."""
    page = settings_page.PAGE.read_text(encoding="utf-8")
    rows = re.findall(r"^\| `([A-Z0-9_]+)` \| (?:`([^`]+)` )?\| .*\| .+ \|$", page, re.MULTILINE)
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
