"""Whether lists and sums of jobs stay as fast as they were when there are many jobs."""

import asyncio
import random
from collections.abc import AsyncGenerator, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from bench.connections import Database, database
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
_WRITERS: Final = 3
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
    "Usage keeps a row for each day, user and model, and one for each month. The thousand jobs here fall on some 900 "
    f"rows of days, any more of them on {_DAYS * _USERS * len(_MODELS)}; a question that the months answer reads 160."
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
        job, usage = await stored["jobs"].find_one(), await stored["usage"].find_one({"day": {"$exists": True}})
        assert job is not None
        assert usage is not None
        specimen, chance = _Specimen(job, usage), random.Random(size)  # noqa: S311 - reproducible
        sums: dict[str, Document] = {}
        async with _without_indexes(stored):
            writing: set[asyncio.Task[object]] = set()
            for start in range(0, size, _BATCH):
                jobs = [_copy(specimen.job, chance) for _ in range(min(_BATCH, size - start))]
                writing.add(asyncio.create_task(_insert(stored, "jobs", jobs)))
                sums |= _usage(specimen.usage, jobs)
                if len(writing) == _WRITERS:
                    _, writing = await asyncio.wait(writing, return_when=asyncio.FIRST_COMPLETED)
            await asyncio.gather(*writing)
        await _insert(stored, "usage", list(sums.values()))


@asynccontextmanager
async def _without_indexes(stored: Database) -> AsyncGenerator[None]:
    """Take the indexes of the jobs away, and make them again at the end: that is quicker than keeping them up."""
    made = [dict(index) async for index in stored["jobs"].list_indexes() if index["name"] != "_id_"]
    await stored["jobs"].drop_indexes()
    yield
    await stored.command("createIndexes", "jobs", indexes=made)


async def _insert(stored: Database, collection: str, documents: Sequence[Document]) -> None:
    await stored[collection].insert_many(documents, ordered=False)


def _copy(job: Document, chance: random.Random) -> Document:
    made = datetime.now(UTC) - timedelta(seconds=chance.randrange(60, _DAYS * 86400))
    user = f"reader{chance.randrange(_USERS)}"
    name = new_job_id(made)
    submission = {**job["submission"], "request": {**job["submission"]["request"], "requestId": name}}
    own = {"_id": name, "userId": user, "model": chance.choice(_MODELS), "createdAt": made, "submission": submission}
    return {**job, **own}


def _usage(usage: Document, jobs: Sequence[Document]) -> dict[str, Document]:
    """A row for each day and each month, user and model among the jobs. What they add up to does not matter here."""
    rows: dict[str, Document] = {}
    for job in jobs:
        of = {"userId": job["userId"], "model": job["model"]}
        for kind, period in (("day", f"{job['createdAt']:%Y-%m-%d}"), ("month", f"{job['createdAt']:%Y-%m}")):
            key = {kind: period, **of}
            sums = {name: value for name, value in usage.items() if name != "day"}
            rows[f"{key}"] = {**sums, **key, "_id": {**key, "lane": usage["_id"]["lane"]}}
    return rows
