"""Whether lists and sums of jobs stay as fast as they were when there are many jobs."""

import random
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from bench.connections import database
from bench.figures import Case, Figures, Measured, Outcome, at_most, compare
from bench.generating import generate
from bench.load import send
from bench.plan import Plan
from bench.programs import Program
from bench.servers import Servers
from imagegen.jobs import new_job_id

Document = dict[str, Any]
_FEW: Final = 1000
_USERS: Final = 10
_DAYS: Final = 100
_MODELS: Final = ("flux-dev", "flux-pro", "flux-lora", "face-swap")
_BATCH: Final = 5000
_REQUESTS: Final = 200
_AT_ONCE: Final = 4
_QUESTIONS: Final = (
    "/api/jobs",
    "/api/jobs?userId=reader3",
    "/api/jobs?userId=reader3&status=completed",
    "/api/usage?userId=reader3",
    "/api/usage?groupBy=month",
)
_FACTOR: Final = 1.5
_NOTE: Final = (
    "Usage keeps a row for each day, user and model. The thousand jobs here fall on some 900 such rows, "
    f"any more of them on {_DAYS * _USERS * len(_MODELS)}: what the sum over all users reads grows with these, "
    "and not with the jobs."
)


@dataclass(frozen=True, slots=True)
class _Specimen:
    """A job and its usage as imagegen stored them; what is made up is copied from them."""

    job: Document
    usage: Document


async def run(servers: Servers, plan: Plan) -> Outcome:
    """The job list and the usage with a thousand jobs in MongoDB, and with many."""
    await servers.double.set(seconds=0)
    sizes = [_FEW, *(size for size in (100_000, 1_000_000) if size <= plan.history)]
    async with AsyncExitStack() as stack:
        services = [await stack.enter_async_context(_service(servers, size)) for size in sizes]
        for service, size in zip(services, sizes, strict=True):
            await _fill(servers, service, size)
        few, *many = zip(services, sizes, strict=True)
        cases = [
            await _case(plan.rounds, service, size, few[0], question)
            for service, size in many
            for question in _QUESTIONS
        ]
    worst = max(case.ratio["p99 ms"].median for case in cases)
    demand = at_most(f"p99 in the worst case: at most {_FACTOR} times that with {_FEW} jobs", worst, _FACTOR)
    return Outcome(subject="many jobs", reference=f"{_FEW} jobs", cases=cases, demands=[demand], notes=[_NOTE])


def _service(servers: Servers, size: int) -> AbstractAsyncContextManager[Program]:
    return servers.service(f"history-{size}", MONGODB_DATABASE=_name(size), NATS_STREAM=_name(size))


def _name(size: int) -> str:
    return f"bench-history-{size}"


async def _case(rounds: int, many: Program, size: int, few: Program, question: str) -> Case:
    return await compare(f"`GET {question}`, {size} jobs", rounds, _asking(many, question), _asking(few, question))


def _asking(program: Program, question: str) -> Measured:
    async def measured() -> Figures:
        load = await send(f"{program.url}{question}", requests=_REQUESTS, at_once=_AT_ONCE)
        return {"p50 ms": load.percentile(50), "p99 ms": load.percentile(99)}

    return measured


async def _fill(servers: Servers, service: Program, size: int) -> None:
    """Let imagegen make one job, and copy it: other users, models and days."""
    await generate(service, jobs=1, at_once=1)
    async with database(servers.settings.mongodb, _name(size)) as stored:
        job, usage = await stored["jobs"].find_one(), await stored["usage"].find_one()
        assert job is not None
        assert usage is not None
        specimen, chance = _Specimen(job, usage), random.Random(size)  # noqa: S311 - reproducible
        sums: dict[tuple[str, str, str], Document] = {}
        for start in range(0, size, _BATCH):
            jobs = [_copy(specimen.job, chance) for _ in range(min(_BATCH, size - start))]
            await stored["jobs"].insert_many(jobs, ordered=False)
            sums |= _usage(specimen.usage, jobs)
        await stored["usage"].insert_many(list(sums.values()), ordered=False)


def _copy(job: Document, chance: random.Random) -> Document:
    made = datetime.now(UTC) - timedelta(seconds=chance.randrange(60, _DAYS * 86400))
    user = f"reader{chance.randrange(_USERS)}"
    return {**job, "_id": new_job_id(made), "userId": user, "model": chance.choice(_MODELS), "createdAt": made}


def _usage(usage: Document, jobs: Sequence[Document]) -> dict[tuple[str, str, str], Document]:
    """A row of usage for each day, user and model among the jobs. What it adds up to does not matter here."""
    rows: dict[tuple[str, str, str], Document] = {}
    for job in jobs:
        day, user, model = f"{job['createdAt']:%Y-%m-%d}", job["userId"], job["model"]
        members = {"day": day, "userId": user, "model": model}
        rows[day, user, model] = {**usage, **members, "_id": {**members, "lane": usage["_id"]["lane"]}}
    return rows
