"""How long it takes to start."""

import sys
import time
from typing import Final

from bench.figures import Figures, Measured, Outcome, at_most, measure
from bench.plan import Plan
from bench.programs import output_of
from bench.servers import Servers

_CODE: Final = "import time; began = time.perf_counter(); import {}; print(time.perf_counter() - began)"
_LONGEST_START: Final = 1.5
_LONGEST_IMPORT: Final = 0.2


async def run(servers: Servers, plan: Plan) -> Outcome:
    """`imagegen serve` until it is ready, every server given; and the imports, each in a fresh Python."""

    async def start() -> Figures:
        began = time.perf_counter()
        async with servers.service("start"):
            return {"s": time.perf_counter() - began}

    cases = [
        await measure("`imagegen serve` until ready", plan.rounds, start),
        await measure("`import imagegen`", plan.rounds, _importing(servers, "imagegen")),
        await measure("`import imagegen.cli`", plan.rounds, _importing(servers, "imagegen.cli.app")),
    ]
    ready, package, _ = (case.subject["s"].median for case in cases)
    demands = [
        at_most(f"ready within {_LONGEST_START} s", ready, _LONGEST_START, "s"),
        at_most(f"`import imagegen` within {_LONGEST_IMPORT} s", package, _LONGEST_IMPORT, "s"),
    ]
    return Outcome(cases=cases, demands=demands)


def _importing(servers: Servers, module: str) -> Measured:
    async def measured() -> Figures:
        seconds = await output_of(*_python(_CODE.format(module)), environ=servers.environ())
        return {"s": float(seconds)}

    return measured


def _python(code: str) -> tuple[str, ...]:
    return (sys.executable, "-c", code)
