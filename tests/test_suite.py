"""The test suite itself: what a run of pure tests costs, and the settings of property tests."""

import asyncio
import sys
from pathlib import Path
from typing import Final

from tests.support.properties import given, settings, st

ROOT: Final = Path(__file__).parent.parent
HEAVY: Final = {"aioboto3", "fastapi", "hypothesis", "imagegen.local", "imagegen.settings", "motor", "uvicorn"}


async def test_pure_run_starts_no_server_and_imports_nothing_heavy() -> None:
    child = await asyncio.create_subprocess_exec(
        *(
            sys.executable,
            "-X",
            "importtime",
            "-m",
            "pytest",
            "-q",
            "-s",
            "-p",
            "no:cacheprovider",
            "tests/test_costs.py",
        ),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    printed, times = (await child.communicate())[:2]

    imported = {line.rpartition("|")[2].strip() for line in times.decode().splitlines()}
    assert child.returncode == 0, printed.decode()
    assert "imagegen.jobs.cost" in imported
    assert imported & HEAVY == set()  # without `imagegen.local` no server can have started


@given(st.integers())
def a_property(_number: int) -> None: ...


def test_property_tests_know_no_deadline_and_no_chance() -> None:
    profile: settings = vars(a_property)["_hypothesis_internal_use_settings"]

    assert (profile.deadline, profile.derandomize) == (None, True)
