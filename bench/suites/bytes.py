"""What moving pictures costs, and how much memory it takes."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Final

from bench.figures import Case, Demand, Figures, Measured, Outcome, at_least, at_most, compare
from bench.generating import generate
from bench.plan import Plan
from bench.programs import Program, output_of, python_module
from bench.servers import Servers

_MEBIBYTE: Final = 2**20
_AT_ONCE: Final = 16
# MiB of a picture, pictures in a round.
_Shape = tuple[float, int]
_CASES: Final[tuple[_Shape, ...]] = ((0.1, 96), (1, 48), (10, 32), (60, 16))
_SLACK_MIB: Final = 16
_BETWEEN_LOOKS: Final = 0.01


async def run(servers: Servers, plan: Plan) -> Outcome:
    """Pictures of 0.1 to 60 MiB, 16 at once, fal taking no time; beside httpx that reads and drops the same bytes."""
    async with servers.service() as ours:
        await servers.double.set(seconds=0)
        await generate(ours, jobs=64, at_once=_AT_ONCE)
        idle = ours.memory_bytes
        cases = [await _case(servers, plan.rounds, ours, idle, shape) for shape in _CASES]
    budget = servers.settings.service.transfer_memory / _MEBIBYTE
    return Outcome(reference="httpx to nowhere", cases=cases, demands=_demands(cases, budget))


async def _case(servers: Servers, rounds: int, ours: Program, idle: int, shape: _Shape) -> Case:
    size, pictures = shape
    await servers.double.set(seconds=0, size=int(size * _MEBIBYTE))
    subject = _moving(ours, idle, size, pictures)
    return await compare(f"{size:g} MiB", rounds, subject, _reading(servers, size, pictures))


def _demands(cases: list[Case], budget: float) -> list[Demand]:
    most = max(case.subject["peak MiB"].high for case in cases)
    limit = budget + _SLACK_MIB
    slowest = min(case.ratio["MiB/s"].median for case in cases)
    return [
        at_most(f"memory above idle, at its highest: at most the budget and {_SLACK_MIB} MiB", most, limit, "MiB"),
        at_least("MiB/s in the worst case: at least 0.5 times those of httpx", slowest, 0.5),
    ]


def _moving(ours: Program, idle: int, size: float, pictures: int) -> Measured:
    async def measured() -> Figures:
        spent = ours.cpu_seconds
        async with _watched(ours) as peak:
            load = await generate(ours, jobs=pictures, at_once=_AT_ONCE)
        moved = size * pictures
        return {
            "MiB/s": moved / load.seconds,
            "CPU ms/MiB": (ours.cpu_seconds - spent) * 1000 / moved,
            "peak MiB": (max(peak) - idle) / _MEBIBYTE,
        }

    return measured


def _reading(servers: Servers, size: float, pictures: int) -> Measured:
    url = f"{servers.double.program.url}/pictures/1.png"
    arguments = ("--url", url, "--pictures", str(pictures), "--at-once", str(_AT_ONCE))

    async def measured() -> Figures:
        seconds = await output_of(*python_module("bench.fetch", *arguments), environ=servers.environ())
        return {"MiB/s": size * pictures / float(seconds)}

    return measured


@asynccontextmanager
async def _watched(program: Program) -> AsyncGenerator[list[int]]:
    """Look at the program's memory every 10 ms beside the body."""
    seen = [program.process.memory_info().rss]

    async def look() -> None:
        while True:
            seen.append(program.process.memory_info().rss)
            await asyncio.sleep(_BETWEEN_LOOKS)

    watch = asyncio.create_task(look())
    try:
        yield seen
    finally:
        watch.cancel()
