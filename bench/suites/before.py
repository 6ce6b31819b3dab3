"""What a job costs beside an earlier commit: both services run against the same servers, double and load, in turn."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Final

from bench.budget import RESERVATIONS, create_budget, require_use, reserving
from bench.checkout import checked_out, commit_of
from bench.figures import Case, Demand, Figures, Measured, Outcome, at_least, at_most, compare, measure, speed
from bench.generating import generate, jobs_per_round
from bench.plan import Plan
from bench.programs import Program
from bench.servers import Servers

_SECONDS: Final = 0.05
PLAIN: Final = {"1 at once": 1, "32 at once": 32}
BUDGETED: Final = {"1 at once, with a budget": 1, "32 at once, with a budget": 32}
_MANY: Final = {"128 at once": 128}
AS_IT_COMES: Final = "32 at once, settings as they come"
HOT: Final = "64 reservations of one budget at once"
_RESERVATIONS: Final = 500  # in a round, for each of its seconds
ADDED: Final = "p50 above fal's, ms"
MONGODB: Final = "MongoDB's CPU ms/job"
_NATS: Final = "NATS's CPU ms/job"
_SKIPPED: Final = "name the commit to compare with: `make bench SUITE=before REF=<commit>`."
_WARM_UP: Final = 128
_AFTERWARDS: Final = 1.0  # seconds, in which the last jobs are counted and settled


async def run(servers: Servers, plan: Plan) -> Outcome:
    """50 ms with 1, 32 and 128 requests at once, with a budget on today's side, and with the settings as they come."""
    if plan.ref is None:
        return Outcome(reference="before", skipped=_SKIPPED)
    outcome = await beside(plan.ref, servers, plan, with_budget=True)
    apart = servers.settings.mongodb.model_copy(update={"database": "bench-reservations"})
    hot = reserving(apart, reservations=round(_RESERVATIONS * plan.seconds))
    outcome = replace(outcome, cases=[*outcome.cases, await measure(HOT, plan.rounds, hot)])
    notes = [
        *outcome.notes,
        "With a budget: today's service has one that all jobs count in; the commit before has none.",
    ]
    return replace(outcome, demands=demands(outcome), notes=notes)


async def beside(ref: str, servers: Servers, plan: Plan, *, with_budget: bool = False) -> Outcome:
    """The cases of today's service and of the one at this commit, in turn; without demands."""
    await servers.double.set(seconds=_SECONDS)
    commit = await commit_of(ref)
    async with checked_out(ref, servers.directory) as path:
        async with _sides(servers, path) as sides:
            cases = [await _case(*each, servers, plan, sides) for each in (PLAIN | _MANY).items()]
            if with_budget:
                cases += await _with_a_budget(servers, plan, sides)
        async with _sides(replace(servers, is_roomy=False), path) as sides:
            cases.append(await _case(AS_IT_COMES, 32, servers, plan, sides))
    note = f"A round lasts about {plan.seconds:g} s on either side. The packages are those of today's lock on both."
    return Outcome(reference=f"at {commit}", cases=cases, notes=[note])


async def _with_a_budget(servers: Servers, plan: Plan, sides: tuple[Program, Program]) -> list[Case]:
    """The cases in which each job of today's service counts in a budget; the service keeps the budget."""
    await create_budget(sides[0])
    cases = [await _case(*each, servers, plan, sides) for each in BUDGETED.items()]
    await require_use(sides[0])
    return cases


@asynccontextmanager
async def _sides(servers: Servers, path: str) -> AsyncGenerator[tuple[Program, Program]]:
    """Today's service and the earlier one, each with a database and a queue of its own."""
    kind = "roomy" if servers.is_roomy else "plain"
    names = [f"bench-{side}-{kind}" for side in ("now", "before")]
    now, before = ({"MONGODB_DATABASE": name, "NATS_STREAM": name} for name in names)
    async with (
        servers.service(names[0], **now) as subject,
        servers.service(names[1], **before, PYTHONPATH=path) as reference,
    ):
        for program in (subject, reference):
            await generate(program, jobs=_WARM_UP, at_once=32)
        yield subject, reference


async def _case(name: str, at_once: int, servers: Servers, plan: Plan, sides: tuple[Program, Program]) -> Case:
    jobs = await jobs_per_round(sides[1], plan.seconds, at_once)
    subject, reference = (_generating(servers, side, jobs=jobs, at_once=at_once) for side in sides)
    return await compare(name, plan.rounds, subject, reference)


def _generating(servers: Servers, program: Program, *, jobs: int, at_once: int) -> Measured:
    """One round of so many jobs, with what the servers spent on it."""

    async def measured() -> Figures:
        spent, mongodb, nats = (each.cpu_seconds for each in (program, *_beside(servers)))
        load = await generate(program, jobs=jobs, at_once=at_once)
        await asyncio.sleep(_AFTERWARDS)
        mongodb, nats = (
            (each.cpu_seconds - before) * 1000 / jobs
            for each, before in zip(_beside(servers), (mongodb, nats), strict=True)
        )
        figures = speed(load, program, spent)
        added = figures["p50 ms"] - _SECONDS * 1000
        return {**figures, ADDED: added, MONGODB: mongodb, _NATS: nats}

    return measured


def _beside(servers: Servers) -> tuple[Program, Program]:
    return servers.programs["MongoDB"], servers.programs["NATS"]


def demands(outcome: Outcome) -> list[Demand]:
    """A job may cost little more than at the commit before, and not much more with a budget."""
    most = dict.fromkeys(PLAIN, 1.03) | dict.fromkeys(BUDGETED, 1.15)
    return [
        *(
            at_most(f"CPU per job, {case}: at most {bound} times", outcome.ratio(case, "CPU ms/job"), bound)
            for case, bound in most.items()
        ),
        at_least("one budget: at least 300 reservations/s", outcome.subject_of(HOT, RESERVATIONS), 300, "/s"),
    ]
