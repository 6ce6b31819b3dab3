"""What `make` passes on, and what it shows while it installs."""

import os
import pty
import subprocess
from pathlib import Path
from typing import Final

import pytest

from tests.support.pages import ROOT

WHEEL: Final = "propcache-0.5.4-cp311-cp311-manylinux2014_x86_64.manylinux_2_17_x86_64.whl"
PIP: Final = "".join(f"Collecting name{number}==1.0\n" for number in range(1, 20)) + f"Processing /wheels/{WHEEL}\n"


def output(*command: str, given: str = "", status: int = 0) -> list[str]:
    """The lines that a program prints; it must end with this status.

    The tests themselves may be run by `make`, whose variables would make another one print its directory.
    """
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    ended = subprocess.run(  # noqa: S603 - commands of ours
        command, cwd=ROOT, env=environ, input=given, stdout=subprocess.PIPE, text=True, check=False
    )
    assert ended.returncode == status
    return ended.stdout.splitlines()


def progress(folder: Path) -> tuple[str, ...]:
    """The program that shows pip's progress."""
    return ("awk", "-v", "total=30", "-v", f"logfile={folder}/setup.log", "-f", "requirements/progress.awk")


@pytest.mark.parametrize("target", ["serve", "demo"])
def test_the_port_is_passed_on(target: str) -> None:
    (recipe,) = output("make", "--dry-run", "--assume-old=.venv/.ready", target, "PORT=5001")

    assert recipe.split() == [".venv/bin/imagegen", target, "--port", "5001"]


def test_the_list_of_targets_fits_a_terminal() -> None:
    assert [line for line in output("make", "help") if len(line) > 80] == []


def test_a_pipe_gets_the_first_package_and_every_twentieth(tmp_path: Path) -> None:
    shown = output(*progress(tmp_path), given=PIP)

    assert shown == ["  1 of 30 packages: name1==1.0", "  20 of 30 packages: propcache-0.5.4"]


def test_a_terminal_gets_one_line_that_changes(tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    subprocess.run(progress(tmp_path), cwd=ROOT, input=PIP.encode(), stdout=theirs, check=True)  # noqa: S603 - a command of ours
    os.close(theirs)
    shown = os.read(ours, 100_000).decode()
    os.close(ours)

    assert (shown.count("\r  "), shown.count("\n")) == (20, 1)
    assert {len(part.rstrip("\r\n")) for part in shown.split("\r  ")[1:]} == {76}


def test_a_failure_shows_the_end_of_the_output(tmp_path: Path) -> None:
    shown = output(*progress(tmp_path), given=f"{PIP}ERROR: no space\nsetup failed\n", status=1)

    assert shown[-2:] == ["ERROR: no space", f"The whole output is in {tmp_path}/setup.log"]
