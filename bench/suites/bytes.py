"""What moving pictures costs, and how much memory it takes."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Final

from bench.figures import Case, Demand, Figures, Measured, Outcome, at_least, at_most, compare
from bench.generating import generate
from bench.plan import Plan
from bench.programs import ROOT, Program, free_ports, output_of, python_module, running
from bench.servers import Servers

_MEBIBYTE: Final = 2**20
_AT_ONCE: Final = 16
# MiB of a picture, pictures in a round.
_Shape = tuple[float, int]
_CASES: Final[tuple[_Shape, ...]] = ((0.1, 96), (1, 48), (10, 32), (60, 16))
_SLACK_MIB: Final = 16
_BETWEEN_LOOKS: Final = 0.01
_READING: Final = "beside httpx to nowhere"
_UPLOADING: Final = "beside aioboto3 that only uploads"
_DROPPING: Final = "to a store that keeps nothing, beside httpx to nowhere"
_NOTE: Final = (
    "A job downloads its picture and uploads it; the first reference only downloads, the second only uploads. "
    "`bench/store.py` is an S3 that lets go of every byte: with it, SeaweedFS is not what is measured."
)


async def run(servers: Servers, plan: Plan) -> Outcome:
    """Pictures of 0.1 to 60 MiB, 16 at once, fal taking no time; into SeaweedFS, and a store that keeps nothing."""
    await servers.double.set(seconds=0)
    async with servers.service() as ours, _lean_store(servers) as lean:
        idle, lean_idle = [await _warm(program) for program in (ours, lean)]
        cases: list[Case] = []
        for shape in _CASES:
            await servers.double.set(seconds=0, size=int(shape[0] * _MEBIBYTE))
            stored, dropped = _moving(ours, idle, *shape), _moving(lean, lean_idle, *shape)
            reading, uploading = _reading(servers, *shape), _uploading(servers, *shape)
            for words, subject, reference in (
                (_READING, stored, reading),
                (_UPLOADING, stored, uploading),
                (_DROPPING, dropped, reading),
            ):
                cases.append(await compare(f"{shape[0]:g} MiB, {words}", plan.rounds, subject, reference))
    budget = servers.settings.service.transfer_memory / _MEBIBYTE
    return Outcome(reference="reference", cases=cases, demands=_demands(cases, budget), notes=[_NOTE])


@asynccontextmanager
async def _lean_store(servers: Servers) -> AsyncGenerator[Program]:
    """The service with a store that keeps nothing."""
    port = free_ports(servers.directory, "store")["store"]
    url = f"http://127.0.0.1:{port}"
    name = "bench-lean-store"
    own = {"S3_ENDPOINT_URL": url, "MONGODB_DATABASE": name, "NATS_STREAM": name}
    command = python_module("bench.store", "--port", str(port))
    environ = {"PYTHONPATH": str(ROOT)}
    async with (
        running(*command, environ=environ, directory=servers.directory, ready=url),
        servers.service(name, **own) as it,
    ):
        yield it


async def _warm(program: Program) -> int:
    await generate(program, jobs=64, at_once=_AT_ONCE)
    return program.memory_bytes


def _demands(cases: list[Case], budget: float) -> list[Demand]:
    most = max(case.subject["peak MiB"].high for case in cases)
    limit = budget + _SLACK_MIB
    worst = {
        words: min(case.ratio["MiB/s"].median for case in cases if case.name.endswith(words))
        for words in (_READING, _UPLOADING, _DROPPING)
    }
    return [
        at_most(f"memory above idle, at its highest: at most the budget and {_SLACK_MIB} MiB", most, limit, "MiB"),
        *(
            at_least(f"MiB/s in the worst case, {words}: at least 0.5 times", ratio, 0.5)
            for words, ratio in worst.items()
        ),
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


def _uploading(servers: Servers, size: float, pictures: int) -> Measured:
    arguments = ("--bytes", str(int(size * _MEBIBYTE)), "--pictures", str(pictures), "--at-once", str(_AT_ONCE))

    async def measured() -> Figures:
        seconds = await output_of(*python_module("bench.put", *arguments), environ=servers.environ())
        return {"MiB/s": size * pictures / float(seconds)}

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
