"""What `--help` and a usage error look like on 80 columns and in a pipe."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from typing import Final

import pytest
from typer.core import TyperGroup
from typer.main import get_command

from imagegen.cli.app import app
from imagegen.cli.exit_codes import ExitCode
from tests.support.pages import ROOT

# Types each command line into one process, whose environment does not force colors.
TYPED: Final = """
import json, sys
from typer.testing import CliRunner
from imagegen.cli.app import app
answers = [CliRunner().invoke(app, line.split(), prog_name="imagegen") for line in sys.argv[1:]]
print(json.dumps([[answer.exit_code, answer.stdout, answer.stderr] for answer in answers]))
"""
PAGE: Final = (ROOT / "docs/cli.md").read_text(encoding="utf-8")
MISTAKES: Final = ("bogus", "serve --port x", "doctor --bogus", "keys add")


def commands(group: object, path: str = "") -> Iterator[str]:
    """Every command and group that help lists, as typed after `imagegen`."""
    yield path.strip()
    if isinstance(group, TyperGroup):
        for name, command in group.commands.items():
            if not command.hidden:
                yield from commands(command, f"{path} {name}")


COMMANDS: Final = list(commands(get_command(app)))
Answers = Mapping[str, tuple[int, str, str]]


@pytest.fixture(scope="module")
def answers() -> Answers:
    """Exit code, stdout and stderr of each command line."""
    lines = [*(f"{command} --help" for command in COMMANDS), *MISTAKES]
    script = [sys.executable, "-c", TYPED, *lines]
    made = subprocess.run(script, capture_output=True, check=True, timeout=60, env={"COLUMNS": "80"})  # noqa: S603
    printed: list[tuple[int, str, str]] = json.loads(made.stdout)
    return {line: (code, shown, told) for line, (code, shown, told) in zip(lines, printed, strict=True)}


def test_the_page_has_every_command_and_no_other() -> None:
    groups = {command.rpartition(" ")[0] for command in COMMANDS if " " in command} - {"usage"}

    assert re.findall(r"^\| `imagegen ([a-z ]+)` \|", PAGE, re.MULTILINE) == [
        command for command in COMMANDS if command and command not in groups
    ]


def test_the_page_has_the_data_of_every_command_with_json(answers: Answers) -> None:
    _, _, table = PAGE.partition("| Command | `data` |")
    in_json = {command for command in COMMANDS if "--json" in answers[f"{command} --help"][1]}

    assert set(re.findall(r"^\| `([a-z ]+)` \| `\w+`.* ", table, re.MULTILINE)) == in_json


@pytest.mark.parametrize("command", COMMANDS)
def test_help_fits_80_columns_without_escape_codes(answers: Answers, command: str) -> None:
    code, shown, told = answers[f"{command} --help"]

    assert (code, told, "\x1b" in shown) == (ExitCode.OK, "", False)
    assert max(map(len, shown.splitlines())) <= 80
    assert f"Usage: imagegen {command}".rstrip() in shown


def test_each_command_is_described_on_one_line(answers: Answers) -> None:
    lines = answers[" --help"][1].splitlines()
    begin = next(place for place, line in enumerate(lines) if " Commands " in line)
    table = [line.strip("│ ").split()[0] for line in lines[begin + 1 :] if line.startswith("│")]

    assert table == [command for command in COMMANDS if command and " " not in command]


@pytest.mark.parametrize("line", MISTAKES)
def test_a_usage_error_is_told_on_stderr(answers: Answers, line: str) -> None:
    code, shown, told = answers[line]

    assert (code, shown, "Error" in told, "\x1b" in told) == (ExitCode.COULD_NOT_RUN, "", True, False)


def test_the_program_is_called_imagegen_however_it_is_started() -> None:
    module = [sys.executable, "-m", "imagegen", "bogus"]
    made = subprocess.run(module, capture_output=True, text=True, check=False, timeout=60)  # noqa: S603

    assert (made.returncode, "Try 'imagegen --help' for help." in made.stderr) == (ExitCode.COULD_NOT_RUN, True)
