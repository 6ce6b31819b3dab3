"""How near the service comes to a route that does nothing but the I/O that cannot be avoided."""

from dataclasses import replace
from typing import Final

from bench.figures import Case, Outcome, at_least, compare
from bench.generating import generate, generating, jobs_per_round
from bench.plan import Plan
from bench.programs import Program
from bench.servers import Servers

_AT_ONCE: Final = (1, 32, 128)
_SHARE: Final = 0.9


async def run(servers: Servers, plan: Plan) -> Outcome:
    """`generate`, fal taking 50 ms, with 1, 32 and 128 requests at once."""
    async with servers.service() as ours, servers.reference("bench.bare") as theirs:
        await servers.double.set(seconds=0.05)
        for program in (ours, theirs):
            await generate(program, jobs=64, at_once=32)
        cases = [await _case(plan, (ours, theirs), at_once) for at_once in _AT_ONCE]
    outcome = Outcome(reference="bare route", cases=cases)
    share = outcome.ratio("32 at once", "jobs/s")
    demand = at_least(f"jobs/s at 32: at least {_SHARE} times the bare route's", share, _SHARE)
    return replace(outcome, demands=[demand])


async def _case(plan: Plan, sides: tuple[Program, Program], at_once: int) -> Case:
    jobs = await jobs_per_round(sides[0], plan.seconds, at_once)
    ours, theirs = (generating(side, jobs=jobs, at_once=at_once) for side in sides)
    return await compare(f"{at_once} at once", plan.rounds, ours, theirs)
