"""Every list of jobs is read from an index, newest first, without a scan or a sort."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from itertools import chain, combinations
from random import Random
from typing import Any, cast

import pytest
from bson.codec_options import CodecOptions  # noqa: TID251 - stores many jobs at once, as the driver does one
from motor.motor_asyncio import AsyncIOMotorClient, AsyncIOMotorDatabase  # noqa: TID251 - asks MongoDB how it did it

from imagegen.jobs import Job, JobStatus
from imagegen.settings import Settings
from imagegen.storage.jobs.documents import DECIMALS, to_document
from imagegen.storage.jobs.queries import JobFilter
from imagegen.storage.jobs.store import Jobs
from imagegen.storage.stores import Stores, open_stores
from tests.support.jobs_apart import a_job, apart

PAGE = 20
MANY = 2_000
FILTER: Mapping[str, Any] = {
    "user_id": "user 3",
    "status": JobStatus.COMPLETED,
    "type": "image-generation",
    "models": ("model 2",),
    "created_from": timedelta(minutes=-3 * MANY // 4),
    "created_to": timedelta(minutes=-MANY // 4),
}
EVERY_COMBINATION = list(chain.from_iterable(combinations(FILTER, size) for size in range(len(FILTER) + 1)))
ONE_INDEX_EACH = [("user_id",), ("user_id", "status"), ("user_id", "models"), ("status",), ("models",)]
Database = AsyncIOMotorDatabase[dict[str, Any]]


@pytest.fixture(scope="module")
async def opened(stack: Settings) -> AsyncGenerator[tuple[Stores, Database]]:
    settings = apart(stack).mongodb
    assert settings.url is not None
    client: AsyncIOMotorClient[dict[str, Any]] = AsyncIOMotorClient(settings.url.get_secret_value())
    async with open_stores(settings) as stores:
        options: CodecOptions[dict[str, Any]] = CodecOptions(type_registry=DECIMALS)
        yield stores, client.get_database(settings.database, options)
    client.close()


@pytest.fixture(scope="module")
def stored() -> Sequence[Job]:
    """Many jobs, newest first, one per minute."""
    dice = Random(1)
    made = [
        a_job(user_id=f"user {dice.randrange(10)}", model=f"model {dice.randrange(6)}", age=timedelta(minutes=minutes))
        for minutes in range(MANY)
    ]
    return [replace(job, status=dice.choice(list(JobStatus))) for job in made]


@pytest.fixture(scope="module")
async def jobs(opened: tuple[Stores, Database], stored: Sequence[Job]) -> Jobs:
    stores, database = opened
    jobs = stores.jobs
    await database["jobs"].insert_many([to_document(job) for job in stored])
    return jobs


def narrowed(names: Sequence[str], newest: Job) -> JobFilter:
    wanted = {name: FILTER[name] for name in names}
    for name in {"created_from", "created_to"} & wanted.keys():
        wanted[name] += newest.created_at
    return JobFilter(**wanted)


def matches(job: Job, wanted: JobFilter) -> bool:
    exactly = {"user_id": job.user_id, "status": job.status, "type": job.type, "models": (job.model,)}
    return (
        all(getattr(wanted, name) in {None, value} for name, value in exactly.items())
        and (wanted.created_from is None or job.created_at >= wanted.created_from)
        and (wanted.created_to is None or job.created_at < wanted.created_to)
    )


async def executions(database: Database, jobs: Jobs, wanted: JobFilter, before: str | None) -> list[dict[str, Any]]:
    """MongoDB's profile of the read of a page, and its explanation of the same query."""
    await database.command("profile", 2)
    await jobs.page(wanted, limit=PAGE, before=before)
    await database.command("profile", 0)
    (profile,) = await database["system.profile"].find({"op": "query", "ns": f"{database.name}.jobs"}).to_list(None)
    await database.drop_collection("system.profile")
    sent = {name: profile["command"][name] for name in ("find", "filter", "sort", "limit")}
    explained = await database.command("explain", sent, verbosity="executionStats")
    return [profile, explained]


def stages(plan: object) -> set[str]:
    """The names of all stages of a plan, at every depth."""
    if isinstance(plan, list):
        return set(chain.from_iterable(stages(part) for part in cast("list[object]", plan)))
    if isinstance(plan, dict):
        named = cast("dict[str, object]", plan)
        return {str(named.get("stage"))}.union(*(stages(part) for part in named.values()))
    return set()


@pytest.mark.parametrize("names", EVERY_COMBINATION, ids="+".join)
async def test_no_list_is_scanned_or_sorted(
    opened: tuple[Stores, Database], jobs: Jobs, stored: Sequence[Job], names: Sequence[str]
) -> None:
    wanted = narrowed(names, stored[0])

    for before in (None, stored[MANY // 2].id):
        profile, explained = await executions(opened[1], jobs, wanted, before)

        assert {"SORT", "COLLSCAN"}.isdisjoint(stages(explained["queryPlanner"]["winningPlan"]))
        assert profile["planSummary"].startswith("IXSCAN")
        assert "hasSortStage" not in profile


@pytest.mark.parametrize("names", ONE_INDEX_EACH, ids="+".join)
async def test_page_of_a_common_list_reads_few_documents(
    opened: tuple[Stores, Database], jobs: Jobs, stored: Sequence[Job], names: Sequence[str]
) -> None:
    for bounds in ((), ("created_from", "created_to")):
        wanted = narrowed([*names, *bounds], stored[0])
        for before in (None, stored[MANY // 2].id):
            profile, explained = await executions(opened[1], jobs, wanted, before)

            read = [profile[count] for count in ("docsExamined", "keysExamined")]
            read += [explained["executionStats"][count] for count in ("totalDocsExamined", "totalKeysExamined")]
            assert max(read) <= 2 * PAGE, (wanted, before, read)


@pytest.mark.parametrize("names", EVERY_COMBINATION, ids="+".join)
async def test_pages_hold_each_match_once(jobs: Jobs, stored: Sequence[Job], names: Sequence[str]) -> None:
    wanted = narrowed(names, stored[0])
    seen: list[str] = []
    before: str | None = None
    while True:
        page = await jobs.page(wanted, limit=500, before=before)
        seen += [job.id for job in page.jobs]
        if (before := page.next_before) is None:
            break

    assert seen == [job.id for job in stored if matches(job, wanted)]


async def test_last_full_page_has_no_next_page(jobs: Jobs, stored: Sequence[Job]) -> None:
    page = await jobs.page(JobFilter(user_id="nobody"), limit=PAGE)
    last = await jobs.page(JobFilter(), limit=PAGE, before=stored[-PAGE - 1].id)

    assert ((page.jobs, page.next_before), (len(last.jobs), last.next_before)) == (((), None), (PAGE, None))


async def test_reconciliation_and_idempotency_use_an_index(opened: tuple[Stores, Database], jobs: Jobs) -> None:
    stores, database = opened
    await jobs.insert(a_job(key="k"))
    await database.command("profile", 2)
    await jobs.insert(a_job(key="k"))
    await stores.queue_state.find_idle(timedelta(seconds=10))
    await database.command("profile", 0)

    queries = database["system.profile"].find({"op": "query", "ns": f"{database.name}.jobs"})
    plans = [profile["planSummary"].partition(" {")[0] async for profile in queries]

    assert plans == ["IXSCAN", "IXSCAN"]
