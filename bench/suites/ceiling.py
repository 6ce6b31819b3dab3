"""How near the service comes to a route that does nothing but the I/O that cannot be avoided."""

from typing import Final

from bench.figures import Case, Outcome, at_least, compare
from bench.generating import generate, generating
from bench.plan import Plan
from bench.programs import Program
from bench.servers import Servers

# Requests at once, jobs in a round.
_CASES: Final = ((1, 40), (32, 160), (128, 384))
_SHARE: Final = 0.8


async def run(servers: Servers, plan: Plan) -> Outcome:
    """`generate`, fal taking 50 ms, with 1, 32 and 128 requests at once."""
    async with servers.service() as ours, servers.reference("bench.bare") as theirs:
        await servers.double.set(seconds=0.05)
        for program in (ours, theirs):
            await generate(program, jobs=64, at_once=32)
        cases = [await _case(plan.rounds, (ours, theirs), *case) for case in _CASES]
    worst = min(case.ratio["jobs/s"].median for case in cases)
    demand = at_least(f"jobs/s in the worst case: at least {_SHARE} times the bare route's", worst, _SHARE)
    return Outcome(reference="bare route", cases=cases, demands=[demand])


async def _case(rounds: int, sides: tuple[Program, Program], at_once: int, jobs: int) -> Case:
    ours, theirs = (generating(side, jobs=jobs, at_once=at_once) for side in sides)
    return await compare(f"{at_once} at once", rounds, ours, theirs)
