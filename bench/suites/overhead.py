"""What the service costs beside the script that users have today."""

from typing import Final

from bench.figures import Case, Demand, Outcome, at_least, at_most, compare
from bench.generating import generate, generating
from bench.plan import Plan
from bench.programs import Program
from bench.servers import Servers

# Seconds that fal takes, requests at once, jobs in a round.
_Shape = tuple[float, int, int]
_CASES: Final[tuple[_Shape, ...]] = (
    (0.05, 1, 40),
    (0.05, 32, 160),
    (0.05, 128, 384),
    (2.0, 1, 4),
    (2.0, 32, 64),
    (2.0, 128, 256),
)
_CROWD: Final = "128 at once"


async def run(servers: Servers, plan: Plan) -> Outcome:
    """`generate`, fal taking 50 ms and 2 s, with 1, 32 and 128 requests at once."""
    async with servers.service() as ours, servers.reference("bench.script") as theirs:
        await servers.double.set(seconds=0.05)
        for program in (ours, theirs):
            await generate(program, jobs=64, at_once=32)
        cases = [await _case(servers, plan.rounds, (ours, theirs), case) for case in _CASES]
    return Outcome(reference="script", cases=cases, demands=_demands(cases))


async def _case(servers: Servers, rounds: int, sides: tuple[Program, Program], shape: _Shape) -> Case:
    seconds, at_once, jobs = shape
    await servers.double.set(seconds=seconds)
    ours, theirs = (generating(side, jobs=jobs, at_once=at_once) for side in sides)
    return await compare(f"fal {seconds:g} s, {at_once} at once", rounds, ours, theirs)


def _demands(cases: list[Case]) -> list[Demand]:
    crowded = [case for case in cases if case.name.endswith(_CROWD)]
    return [
        at_most("p50 in the worst case: at most the script's", _worst(cases, "p50 ms"), 1.0),
        at_most("CPU per job in the worst case: at most 1.25 times the script's", _worst(cases, "CPU ms/job"), 1.25),
        at_least("jobs/s at 128 in the worse case: more than the script's", _least(crowded, "jobs/s"), 1.0),
    ]


def _worst(cases: list[Case], figure: str) -> float:
    return max(case.ratio[figure].median for case in cases)


def _least(cases: list[Case], figure: str) -> float:
    return min(case.ratio[figure].median for case in cases)
