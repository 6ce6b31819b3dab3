"""What a job costs beside an earlier commit: both services run against the same servers, double and load, in turn."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Final

from bench.checkout import checked_out, commit_of
from bench.figures import Case, Demand, Figures, Measured, Outcome, at_least, at_most, compare, speed
from bench.generating import generate, jobs_per_round
from bench.plan import Plan
from bench.programs import Program
from bench.servers import Servers

_SECONDS: Final = 0.05
_AT_ONCE: Final = (1, 32, 128)
_AS_IT_COMES: Final = "32 at once, settings as they come"
_ADDED: Final = "p50 above fal's, ms"
_MONGODB: Final = "MongoDB's CPU ms/job"
_NATS: Final = "NATS's CPU ms/job"
_SKIPPED: Final = "name the commit to compare with: `make bench SUITE=before REF=<commit>`."
_WARM_UP: Final = 128


async def run(servers: Servers, plan: Plan) -> Outcome:
    """50 ms with 1, 32 and 128 requests at once, and 32 with the settings as they come."""
    if plan.ref is None:
        return Outcome(reference="before", skipped=_SKIPPED)
    await servers.double.set(seconds=_SECONDS)
    commit = await commit_of(plan.ref)
    async with checked_out(plan.ref, servers.directory) as path:
        async with _sides(servers, path) as sides:
            cases = [await _case(f"{count} at once", servers, plan, sides, count) for count in _AT_ONCE]
        async with _sides(replace(servers, is_roomy=False), path) as sides:
            cases.append(await _case(_AS_IT_COMES, servers, plan, sides, 32))
    outcome = Outcome(reference=f"at {commit}", cases=cases)
    notes = [f"A round lasts about {plan.seconds:g} s on either side. The packages are those of today's lock on both."]
    return replace(outcome, demands=_demands(outcome), notes=notes)


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


async def _case(name: str, servers: Servers, plan: Plan, sides: tuple[Program, Program], at_once: int) -> Case:
    jobs = await jobs_per_round(sides[1], plan.seconds, at_once)
    subject, reference = (_generating(servers, side, jobs=jobs, at_once=at_once) for side in sides)
    return await compare(name, plan.rounds, subject, reference)


def _generating(servers: Servers, program: Program, *, jobs: int, at_once: int) -> Measured:
    """One round of so many jobs, with what the servers spent on it."""

    async def measured() -> Figures:
        spent, mongodb, nats = (each.cpu_seconds for each in (program, *_beside(servers)))
        load = await generate(program, jobs=jobs, at_once=at_once)
        mongodb, nats = (
            (each.cpu_seconds - before) * 1000 / jobs
            for each, before in zip(_beside(servers), (mongodb, nats), strict=True)
        )
        figures = speed(load, program, spent)
        added = figures["p50 ms"] - _SECONDS * 1000
        return {**figures, _ADDED: added, _MONGODB: mongodb, _NATS: nats}

    return measured


def _beside(servers: Servers) -> tuple[Program, Program]:
    return servers.programs["MongoDB"], servers.programs["NATS"]


def _demands(outcome: Outcome) -> list[Demand]:
    rates = [outcome.ratio(f"{count} at once", "jobs/s") for count in (32, 128)]
    plain = outcome.ratio(_AS_IT_COMES, "CPU ms/job"), outcome.ratio(_AS_IT_COMES, "jobs/s")
    return [
        at_most("CPU per job at 32: at most 0.6 times", outcome.ratio("32 at once", "CPU ms/job"), 0.6),
        at_least("jobs/s at 32 and 128, the worse: at least 1.5 times", min(rates), 1.5),
        at_most("p50 above fal's 50 ms, alone: at most 0.6 times", outcome.ratio("1 at once", _ADDED), 0.6),
        at_most("CPU per job alone: at most 0.6 times", outcome.ratio("1 at once", "CPU ms/job"), 0.6),
        at_most("MongoDB's CPU per job at 32: at most 0.7 times", outcome.ratio("32 at once", _MONGODB), 0.7),
        at_most("CPU per job at 32, settings as they come: at most 0.6 times", plain[0], 0.6),
        at_least("jobs/s at 32, settings as they come: at least 1.5 times", plain[1], 1.5),
    ]
