"""The pages under docs/ agree with the code, with each other, and with the version."""

import re
import tomllib
from pathlib import Path
from typing import Final

import pytest

import imagegen

ROOT: Final = Path(__file__).parent.parent
PAGES: Final = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]
RECORDS: Final = sorted(ROOT.glob("docs/decisions/*.md"))
PARTS: Final = (
    ["Context", "Decision", "Consequences", "Also considered"],
    ["Context", "Decision", "Consequences", "What else was considered"],
)


def name(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_link_to_a_file_leads_to_one(page: Path) -> None:
    links = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))

    assert [link for link in links if not (page.parent / link).exists()] == []


def test_the_table_of_rooms_is_the_contract_of_import_linter() -> None:
    page = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (`\w+`(?:, `\w+`)*) \|", page, re.MULTILINE)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    (layers,) = [rule["layers"] for rule in project["tool"]["importlinter"]["contracts"] if rule["type"] == "layers"]

    assert [re.findall(r"\w+", row) for row in rows] == [layer.split(" | ") for layer in layers]


@pytest.mark.parametrize("record", RECORDS, ids=name)
def test_a_record_has_its_number_and_its_four_parts(record: Path) -> None:
    text = record.read_text(encoding="utf-8")

    assert text.startswith(f"# {int(record.name[:4])}. ")
    assert re.findall("^## (.+)$", text, re.MULTILINE) in PARTS


def test_every_record_has_a_number_of_its_own() -> None:
    numbers = [record.name[:4] for record in RECORDS]

    assert numbers == sorted(set(numbers))


def test_the_changelog_has_the_next_version_and_then_this_one_on_top() -> None:
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")

    assert re.findall(r"^## \[(.+?)\]", changelog, re.MULTILINE)[:2] == ["Unreleased", imagegen.__version__]
