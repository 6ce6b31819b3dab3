"""How many jobs can wait at once in one process, and what each of them costs meanwhile."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Final

from bench.connections import Database, database
from bench.double import JWKS
from bench.figures import Case, Figures, Outcome, at_most, measure
from bench.generating import BODIES, PATH, generate
from bench.load import send
from bench.plan import Plan
from bench.programs import BenchmarkError, Program
from bench.servers import Servers

_MEBIBYTE: Final = 2**20
_KIBIBYTE: Final = 2**10
_NUMBERS: Final = (100, 1000, 5000)
_LONG: Final = 3600.0  # seconds that fal takes unless it is released
_PATIENCE: Final = 300.0
_WATCHED_FOR: Final = 5.0
_WARMING: Final = 200
_BETWEEN_LOOKS: Final = 0.2
_MOST_KIB: Final = 40
_NOTE: Final = (
    "Every job was completed, with its picture stored. Jobs wait for fal's signed webhook, or each on a status stream: "
    "where a process may not hold that many, the others poll."
)
_MOST_HEALTH_MS: Final = 100


async def run(servers: Servers, plan: Plan) -> Outcome:
    """Jobs that all wait for fal at once, in one process; health is asked meanwhile; then all of them end."""
    numbers = [number for number in _NUMBERS if number <= plan.in_flight]
    hinted = [await _case(servers, number, webhooks=True) for number in numbers]
    streamed = [await _case(servers, number, webhooks=False) for number in numbers]
    cases = [*hinted, *streamed]
    most = max(case.subject["KiB/job"].median for case in hinted[1:] or hinted)
    health = max(case.subject["health p99 ms"].median for case in cases)
    demands = [
        at_most(
            f"memory per waiting job with webhooks, from 1 000 on: at most {_MOST_KIB} KiB", most, _MOST_KIB, "KiB"
        ),
        at_most(f"p99 of health meanwhile: less than {_MOST_HEALTH_MS} ms", health, _MOST_HEALTH_MS, "ms"),
    ]
    return Outcome(cases=cases, demands=demands, notes=[_NOTE])


async def _case(servers: Servers, number: int, *, webhooks: bool) -> Case:
    """One round, with a process of its own: what counts is memory, which does not come back."""
    how = "webhooks" if webhooks else "streams"
    name = f"bench-in-flight-{number}-{how}"
    room = {"IMAGEGEN_CONCURRENCY": str(number + 100), "MONGODB_DATABASE": name, "NATS_STREAM": name}
    if webhooks:
        room |= {"PUBLIC_URL": servers.address(name), "FAL_JWKS_URL": f"{servers.double.program.url}{JWKS}"}

    async def measured() -> Figures:
        await servers.double.set(seconds=0)
        async with servers.service(name, **room) as ours, database(servers.settings.mongodb, name) as stored:
            await generate(ours, jobs=_WARMING, at_once=32)
            return await _waiting(servers, ours, number, stored)

    return await measure(f"{number} jobs, {how}", 1, measured)


async def _waiting(servers: Servers, ours: Program, number: int, stored: Database) -> Figures:
    async def all_submitted() -> bool:
        return (await servers.double.counts())["submitted"] == before["submitted"] + number

    async def all_completed() -> bool:
        return await stored["jobs"].count_documents({"status": "completed"}) == _WARMING + number

    await servers.double.set(seconds=_LONG)
    before, idle = await servers.double.counts(), ours.memory_bytes
    accepted = await send(
        f"{ours.url}{PATH}",
        requests=number,
        at_once=32,
        bodies=BODIES,
        headers={"prefer": "respond-async"},
        expected=202,
    )
    await _until(all_submitted, f"{number} jobs submitted")
    memory, spent = ours.memory_bytes, ours.cpu_seconds
    await asyncio.sleep(_WATCHED_FOR)
    busy = (ours.cpu_seconds - spent) / _WATCHED_FOR
    health = await send(f"{ours.url}/health/live", requests=500, at_once=4)
    memory = max(memory, ours.memory_bytes)
    released = time.monotonic()
    await servers.double.release()
    await _until(all_completed, f"{number} jobs completed")
    return {
        "KiB/job": (memory - idle) / _KIBIBYTE / number,
        "RSS MiB": memory / _MEBIBYTE,
        "accepted/s": accepted.rate,
        "CPU % while waiting": busy * 100,
        "health p99 ms": health.percentile(99),
        "s until all had ended": time.monotonic() - released,
    }


async def _until(reached: Callable[[], Awaitable[bool]], what: str) -> None:
    ends = time.monotonic() + _PATIENCE
    while not await reached():
        if time.monotonic() > ends:
            raise BenchmarkError(f"not within {_PATIENCE:.0f} s: {what}")
        await asyncio.sleep(_BETWEEN_LOOKS)
