"""Sending `generate` to a program, and what it cost."""

from collections.abc import Sequence
from typing import Final

from pydantic import JsonValue

from bench.figures import Figures, Measured, speed
from bench.load import Load, send
from bench.programs import Program

PATH: Final = "/api/images/generate"
# Several users, as there would be: what the service does in turn for one user is not in turn for all.
BODIES: Final[Sequence[JsonValue]] = [
    {"model": "flux-dev", "inputs": {"prompt": "a red fox"}, "userId": f"user{number}"} for number in range(16)
]


def generating(program: Program, *, jobs: int, at_once: int) -> Measured:
    """One round of so many jobs, measured from outside."""

    async def measured() -> Figures:
        spent = program.cpu_seconds
        load = await generate(program, jobs=jobs, at_once=at_once)
        return speed(load, program, spent)

    return measured


async def jobs_per_round(program: Program, seconds: float, at_once: int) -> int:
    """How many jobs keep this program busy for so many seconds; measured by a few."""
    probe = await generate(program, jobs=max(2 * at_once, 10), at_once=at_once)
    return max(2 * at_once, round(probe.rate * seconds))


async def generate(program: Program, *, jobs: int, at_once: int) -> Load:
    """Send so many requests and wait for their pictures."""
    return await send(f"{program.url}{PATH}", requests=jobs, at_once=at_once, bodies=BODIES)
