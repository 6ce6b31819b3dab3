"""The pages under docs/ agree with the code, with each other, and with the version."""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from pkgutil import resolve_name
from typing import Final

import pytest

import imagegen

ROOT: Final = Path(__file__).parent.parent
PAGES: Final = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]
RECORDS: Final = sorted(ROOT.glob("docs/decisions/*.md"))
ARCHITECTURE: Final = sorted(ROOT.glob("docs/architecture/*.md"))
CONTRIBUTING: Final = ROOT / "CONTRIBUTING.md"
MOST_TERMS: Final = 25
PARTS: Final = (
    ["Context", "Decision", "Consequences", "Also considered"],
    ["Context", "Decision", "Consequences", "What else was considered"],
)


def name(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_link_to_a_file_leads_to_one(page: Path) -> None:
    links = re.findall(r"\]\(([^)#:]*)(#[^)]*)?\)", page.read_text(encoding="utf-8"))

    assert [file for file, _ in links if not (page.parent / file).exists()] == []
    assert [anchor for file, anchor in links if anchor and anchor[1:] not in anchors(page, file)] == []


def anchors(page: Path, link: str) -> set[str]:
    """The headings of the page that a link leads to, as GitHub names them in addresses."""
    text = (page.parent / link if link else page).read_text(encoding="utf-8")
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_the_table_of_rooms_is_the_contract_of_import_linter() -> None:
    page = (ROOT / "docs/architecture/rooms.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (`\w+`(?:, `\w+`)*) \|", page, re.MULTILINE)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    (layers,) = [
        rule["layers"]
        for rule in project["tool"]["importlinter"]["contracts"]
        if rule.get("containers") == ["imagegen"]
    ]

    assert [re.findall(r"\w+", row) for row in rows] == [layer.split(" | ") for layer in layers]


@pytest.mark.parametrize("page", [CONTRIBUTING, *ARCHITECTURE], ids=name)
def test_every_name_in_the_code_exists(page: Path) -> None:
    """`storage.jobs.store.Jobs`, in code type or in a drawing, is dotted from the package."""
    text = page.read_text(encoding="utf-8")

    paths = re.findall(r"`((?:src|docs|tests)/[\w./-]+)`", text)
    assert [path for path in paths if not (ROOT / path).exists()] == []
    assert [dotted for dotted in dotted_names(text) if not is_defined(dotted)] == []


def dotted_names(page: str) -> Iterator[str]:
    rooms = "|".join(path.stem for path in (ROOT / "src/imagegen").iterdir())
    written = re.findall(r"`([^`\n]+)`", page) + re.findall(r"^```mermaid\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    for text in written:
        yield from re.findall(rf"(?<![\w/.-])(?:{rooms})(?:\.[A-Za-z_]\w*)+", text.replace("fal.ai", ""))


def is_defined(dotted: str) -> bool:
    try:
        resolve_name(f"imagegen.{dotted}")
    except (ImportError, AttributeError):
        return False
    return True


@pytest.mark.parametrize("record", RECORDS, ids=name)
def test_a_record_has_its_number_and_its_four_parts(record: Path) -> None:
    text = record.read_text(encoding="utf-8")

    assert text.startswith(f"# {int(record.name[:4])}. ")
    assert re.findall("^## (.+)$", text, re.MULTILINE) in PARTS


def test_the_glossary_is_short_and_of_words_in_the_code() -> None:
    terms = re.findall(r"^\| \*\*(.+?)\*\* \|", CONTRIBUTING.read_text(encoding="utf-8"), re.MULTILINE)
    code = "".join(file.read_text(encoding="utf-8") for file in ROOT.glob("src/imagegen/**/*.py")).lower()

    assert 0 < len(terms) <= MOST_TERMS
    assert terms == sorted(set(terms))
    assert [term for term in terms if not re.search(rf"\b{term.replace(' ', '[ _]')}", code)] == []


@pytest.mark.parametrize("record", RECORDS, ids=name)
def test_every_file_that_a_record_names_exists(record: Path) -> None:
    named = re.findall(r"`([\w-]+(?:/[\w-]+)+\.(?:py|yaml|json|conf))`", record.read_text(encoding="utf-8"))

    assert [path for path in named if not (ROOT / path).exists() and not (ROOT / "src/imagegen" / path).exists()] == []


def test_every_record_has_a_number_of_its_own() -> None:
    numbers = [record.name[:4] for record in RECORDS]

    assert numbers == sorted(set(numbers))


def test_the_changelog_has_the_next_version_and_then_this_one_on_top() -> None:
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")

    assert re.findall(r"^## \[(.+?)\]", changelog, re.MULTILINE)[:2] == ["Unreleased", imagegen.__version__]
