"""README.md and the pages name `make` targets and commands that exist. The examples: test_examples.py."""

import re
import shlex
from typing import Final

import pytest
from typer import Typer
from typer.core import TyperGroup
from typer.main import get_command

from imagegen.cli.app import app
from tests.support.pages import ROOT, Page, pages

PAGE: Final = Page(ROOT / "README.md")
README: Final = PAGE.text
LONGEST: Final = 150


def test_the_readme_is_one_page_and_leads_to_every_guide() -> None:
    guides = [file.relative_to(ROOT).as_posix() for file in ROOT.glob("docs/guides/*.md")]

    assert len(README.splitlines()) <= LONGEST
    assert [guide for guide in guides if f"({guide}" not in README] == []


def test_the_figures_beside_litellm_are_those_of_the_benchmark() -> None:
    results = (ROOT / "docs/benchmarks.md").read_text(encoding="utf-8")
    gateway = results.partition("\n## gateway\n")[2].partition("\n## ")[0]
    alone, together = (gateway.partition(f"| {many} at once |")[2] for many in (1, 32))

    assert first_ratio(alone, "p50 ms") == shown_ratio("Time of one image, when fal takes 50 ms")
    assert first_ratio(together, "jobs/s") == shown_ratio("Images per second, 32 at once")


def first_ratio(results: str, figure: str) -> str:
    """Our figure as a multiple of LiteLLM's, both measured in one run."""
    row = results[results.index(f" {figure} |") :]
    return re.findall(r"\| ([\d.]+) x \(", row)[0]


def shown_ratio(case: str) -> str:
    (row,) = [line.split("|") for line in README.splitlines() if line.startswith(f"| {case} ")]
    return re.findall(r"([\d.]+) times", row[4])[0]


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


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.name)
def test_every_option_in_a_typed_command_exists(page: Page) -> None:
    typed = [line for block in page.blocks if block.language == "sh" for line in block.text.splitlines()]
    lines = [re.split(r"(?:^|/)imagegen ", line.partition(" #")[0], maxsplit=1)[1:] for line in typed]

    assert [word for line in lines for rest in line for word in unknown_options(shlex.split(rest))] == []


def unknown_options(words: list[str]) -> list[str]:
    command = get_command(app)
    while isinstance(command, TyperGroup) and words:
        command = command.commands[words.pop(0)]
    known = {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)}
    return [word for word in words if re.match(r"--?[a-z]", word) and word.partition("=")[0] not in known]


def commands() -> set[str]:
    """`serve`, …, `keys`, and `keys add`, …."""
    of_groups = [(group.name, group.typer_instance) for group in app.registered_groups]
    nested = {f"{name} {command}" for name, group in of_groups if group for command in names(group)}
    return names(app) | nested | {str(name) for name, _ in of_groups}


def names(group: Typer) -> set[str]:
    found = [(info.name, info.callback) for info in group.registered_commands]
    return {name or callback.__name__ for name, callback in found if callback}
