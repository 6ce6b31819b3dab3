"""Usage: sums for each day and month (UTC), user and model, of the jobs that ended.

Reading them costs one document for each period, user and model, however many jobs there were. Transactions that change
the same document conflict and are repeated; so each process adds to a document of its own, its lane, and jobs are
counted many at once, shortly after their ends (`storage.usage.counting`).
The jobs remain the source of truth: `find_differences` computes the same sums from them, and `repair` replaces wrong
ones.
"""

import asyncio
import logging
import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import UTC, timedelta
from decimal import Decimal
from functools import reduce
from operator import add
from typing import Any, Final, cast

import pymongo
from pydantic.alias_generators import to_camel
from pymongo import ASCENDING, DESCENDING, IndexModel, UpdateOne
from pymongo.read_concern import ReadConcern

from imagegen.jobs import FINAL_STATUSES, Job, JobStatus
from imagegen.storage.deferred import Deferred
from imagegen.storage.errors import mongo_errors
from imagegen.storage.jobs.documents import Document
from imagegen.storage.mongodb import Collection, Session, bulk_update, in_transaction
from imagegen.storage.usage.counting import (
    COUNTED,
    DELAY,
    IS_COUNTED,
    IS_MARKED,
    IS_UNCOUNTED,
    MOST_AT_ONCE,
    REMOVE_MARKS,
    UNCOUNTED,
)
from imagegen.storage.usage.periods import Grouping, UsageFilter, UsageKey, build_query, key_of

__all__ = ["MOST_USERS", "Difference", "GroupedSums", "Grouping", "Sums", "Usage", "UsageFilter", "UsageKey", "sums_of"]

_HAS_MONTH: Final = {"month": {"$exists": True}}
_INDEXES: Final = (
    IndexModel([("userId", ASCENDING), ("day", ASCENDING)]),
    IndexModel([("day", ASCENDING)]),
    IndexModel([("userId", ASCENDING), ("month", ASCENDING)], partialFilterExpression=_HAS_MONTH),
    IndexModel([("month", ASCENDING)], partialFilterExpression=_HAS_MONTH),
)
# The indexes to use: by its own choice MongoDB may scan all ended jobs.
_BY_ID: Final = {"_id": ASCENDING}
_BY_MARK: Final = [(UNCOUNTED, ASCENDING)]
_ENDED: Final = {"status": {"$in": sorted(status.value for status in FINAL_STATUSES)}}
_LANES: Final = 16
_log = logging.getLogger("imagegen.usage")
MOST_USERS: Final = 1000
_REBUILD_LIMIT: Final = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sums:
    """Sums over ended jobs.

    Attributes:
        jobs: all ended jobs.
        completed: those that completed.
        failed: those that failed.
        images: images delivered.
        charged: in US dollars.
        provider_cost: what fal bills, in US dollars, for the jobs whose bill is known.
        unpriced_jobs: the jobs whose bill is not known.
    """

    jobs: int = 0
    completed: int = 0
    failed: int = 0
    images: int = 0
    charged: Decimal = Decimal(0)
    provider_cost: Decimal = Decimal(0)
    unpriced_jobs: int = 0

    @property
    def margin(self) -> Decimal | None:
        """The charges minus fal's bill, in US dollars; None unless the bill is known for every job."""
        return None if self.unpriced_jobs else self.charged - self.provider_cost

    def __add__(self, other: "Sums") -> "Sums":
        return Sums(**{name: getattr(self, name) + getattr(other, name) for name in _SUMMED})

    def __neg__(self) -> "Sums":
        return Sums(**{name: -getattr(self, name) for name in _SUMMED})


_SUMMED: Final = tuple(field.name for field in fields(Sums))
_MONEY: Final = ("charged", "provider_cost")


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupedSums:
    """The sums of a query.

    Attributes:
        groups: by model, day (2026-11-22) or month (2026-11), in ascending order; or by user, in descending order of
            what they were charged.
        total: over all groups.
        omitted: how many users are left out of `groups`.
    """

    groups: Mapping[str, Sums]
    total: Sums
    omitted: int = 0

    def renamed(self, new_name: Callable[[str], str]) -> "GroupedSums":
        """The same sums with other names of the groups; those that get the same name become one."""
        groups: dict[str, Sums] = {}
        for name, sums in self.groups.items():
            groups[new_name(name)] = groups.get(new_name(name), Sums()) + sums
        return replace(self, groups=dict(sorted(groups.items())))


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """Stored sums that differ from those computed from the jobs."""

    key: UsageKey
    kept: Sums
    recomputed: Sums


class Usage:
    """The store of usage sums. `collection` is its own, `jobs` that of the jobs."""

    def __init__(self, collection: Collection, jobs: Collection) -> None:
        self._usage, self._jobs = collection, jobs
        self._lane = secrets.randbelow(_LANES)
        self._queue = Deferred[str](self._count, DELAY, _log, "ended jobs are counted")
        self._counting = asyncio.Lock()

    async def ensure_indexes(self) -> None:
        """Create the indexes that every query relies on."""
        with mongo_errors():
            await self._usage.create_indexes(list(_INDEXES))

    def count_soon(self, job_id: str) -> None:
        """Count a job that this process has ended, together with others."""
        self._queue.add(job_id)

    async def count_pending(self) -> int:
        """Count every job that has ended and is not counted yet, of all processes; returns how many there were.

        Jobs that end meanwhile do not prolong it.
        """
        with mongo_errors():
            found = self._jobs.find({**_ENDED, **IS_MARKED}, {"_id": 1}, hint=_BY_MARK)
            job_ids = [document["_id"] async for document in found]
        await self._count(job_ids)
        return len(job_ids)

    async def close(self) -> None:
        """Count what this process has ended and not counted; if MongoDB is down, another process does it later."""
        await self._queue.close()

    async def _count(self, job_ids: Sequence[str]) -> None:
        """Count those of these jobs that are uncounted."""
        for start in range(0, len(job_ids), MOST_AT_ONCE):
            await self._count_at_once(job_ids[start : start + MOST_AT_ONCE])

    async def _count_at_once(self, job_ids: Sequence[str]) -> None:
        """Add those of these jobs that are uncounted, in one transaction, and remove the marks of all afterwards."""
        ended: Document = {"_id": {"$in": list(job_ids)}, **_ENDED}
        uncounted = {**ended, **IS_UNCOUNTED}

        async def count(session: Session) -> None:
            made = self._jobs.aggregate(_recompute_pipeline(uncounted), session=session, hint=_BY_ID)
            added = _by_key([found async for found in made])
            if added:
                await self._jobs.update_many(uncounted, {"$set": {COUNTED: True}}, session=session, hint=_BY_ID)
                await self._add(added, session)

        async with self._counting:
            with mongo_errors():
                await in_transaction(self._jobs, count)
                await self._jobs.update_many({**ended, COUNTED: True}, REMOVE_MARKS, hint=_BY_ID)

    async def subtract_job(self, job: Job, session: Session) -> None:
        """Subtract a counted job that runs again; another lane or process may have counted it.

        Raises the driver's errors, for `with_transaction`.
        """
        await self._add({_key_of(job): -sums_of(job)}, session)

    async def _add(self, added: Mapping[UsageKey, Sums], session: Session) -> None:
        rows: dict[UsageKey, Sums] = {}
        for key, sums in added.items():
            for row in (key, key.month):
                rows[row] = rows.get(row, Sums()) + sums
        changes = [
            UpdateOne(
                {"_id": _id(row, self._lane)}, {"$inc": _document(sums), "$setOnInsert": row.members}, upsert=True
            )
            for row, sums in rows.items()
        ]
        await bulk_update(self._usage, changes, session)

    async def sums(self, wanted: UsageFilter, by: Grouping, *, most_users: int = MOST_USERS) -> GroupedSums:
        """The sums of a query over all jobs that have ended, by group and in total."""
        await self.count_pending()
        query, group_by = build_query(wanted, by)
        added = {to_camel(name): {"$sum": f"${to_camel(name)}"} for name in _SUMMED}
        rows: list[Document] = [{"$sort": {"_id": ASCENDING}}]
        if by is Grouping.USER:
            rows = [{"$sort": {"charged": DESCENDING, "_id": ASCENDING}}, {"$limit": most_users}]
        pipeline = [
            {"$match": query},
            {"$group": {"_id": group_by, **added}},
            {"$facet": {"rows": rows, "total": [{"$group": {"_id": None, "groups": {"$sum": 1}, **added}}]}},
        ]
        with mongo_errors():
            (found,) = [each async for each in self._usage.aggregate(pipeline)]
        groups = {row["_id"]: _sums(row) for row in found["rows"]}
        total = next(iter(found["total"]), {"groups": 0})
        return GroupedSums(groups=groups, total=_sums(total), omitted=total["groups"] - len(groups))

    async def find_differences(self) -> Sequence[Difference]:
        """Compare the stored sums with those of every job that is counted, both as of the same moment."""
        client = self._usage.database.client
        with mongo_errors(), pymongo.timeout(_REBUILD_LIMIT.total_seconds()):
            async with await client.start_session(snapshot=True) as session:
                kept = _by_key([found async for found in self._usage.find({}, session=session)])
                made = self._jobs.aggregate(_recompute_pipeline(IS_COUNTED), session=session, allowDiskUse=True)
                recomputed = _with_months(_by_key([found async for found in made]))
        nothing = Sums()
        pairs = ((key, kept.get(key, nothing), recomputed.get(key, nothing)) for key in sorted({*kept, *recomputed}))
        return [Difference(key=key, kept=old, recomputed=new) for key, old, new in pairs if old != new]

    async def repair(self, key: UsageKey) -> None:
        """Replace the stored sums of a key by those of the counted jobs, in one transaction.

        A job that is counted meanwhile is included with its sums or not at all; if both transactions change the same
        document, one of them is repeated.
        """

        async def replace(session: Session) -> None:
            await self._usage.delete_many(key.members, session=session)
            made = self._jobs.aggregate(_recompute_pipeline({**key.completed_within, **IS_COUNTED}), session=session)
            sums = [_sums(found) async for found in made]
            if sums:
                document = {"_id": _id(key, 0), **key.members, **_document(reduce(add, sums))}
                await self._usage.insert_one(document, session=session)

        with mongo_errors(), pymongo.timeout(_REBUILD_LIMIT.total_seconds()):
            async with await self._usage.database.client.start_session() as session:
                await session.with_transaction(replace, ReadConcern("snapshot"), self._usage.write_concern)


def sums_of(job: Job) -> Sums:
    """The sums of one ended job. Only a completed one is charged."""
    completed = job.status is JobStatus.COMPLETED
    known = job.cost.provider_cost
    return Sums(
        jobs=1,
        completed=int(completed),
        failed=int(job.status is JobStatus.FAILED),
        images=job.cost.num_images if completed else 0,
        charged=job.cost.total_cost if completed else Decimal(0),
        provider_cost=known or Decimal(0),
        unpriced_jobs=int(known is None),
    )


def _key_of(job: Job) -> UsageKey:
    assert job.completed_at is not None, "an ended job has completed_at"
    return UsageKey(job.completed_at.astimezone(UTC).date().isoformat(), job.user_id, job.model)


def _recompute_pipeline(wanted: Document) -> list[Document]:
    """The pipeline over these ended jobs for the rows of their days. It must compute what `sums_of` does."""
    completed = {"$eq": ["$status", JobStatus.COMPLETED.value]}
    unpriced = {"$eq": [{"$ifNull": ["$cost.providerCost", None]}, None]}
    sums = {
        "jobs": {"$sum": 1},
        "completed": _count_if(completed),
        "failed": _count_if({"$eq": ["$status", JobStatus.FAILED.value]}),
        "images": {"$sum": {"$cond": [completed, "$cost.numImages", 0]}},
        "charged": {"$sum": {"$cond": [completed, "$cost.totalCost", Decimal(0)]}},
        "providerCost": {"$sum": {"$ifNull": ["$cost.providerCost", Decimal(0)]}},
        "unpricedJobs": _count_if(unpriced),
    }
    day = {"$dateToString": {"date": "$completedAt", "format": "%Y-%m-%d"}}
    of_a_day = {"day": day, "userId": "$userId", "model": "$model"}
    members = {name: f"$_id.{name}" for name in of_a_day}
    return [{"$match": {**_ENDED, **wanted}}, {"$group": {"_id": of_a_day, **sums}}, {"$set": members}]


def _count_if(condition: Mapping[str, object]) -> Document:
    return {"$sum": {"$cond": [condition, 1, 0]}}


def _id(key: UsageKey, lane: int) -> Document:
    return {**key.members, "lane": lane}


def _by_key(documents: Iterable[Mapping[str, Any]]) -> Mapping[UsageKey, Sums]:
    """The sums by key, over all lanes."""
    found: dict[UsageKey, Sums] = {}
    for document in documents:
        key = key_of(document)
        found[key] = found.get(key, Sums()) + _sums(document)
    return found


def _with_months(days: Mapping[UsageKey, Sums]) -> Mapping[UsageKey, Sums]:
    """The sums of the days, and of their months."""
    found = dict(days)
    for day, sums in days.items():
        found[day.month] = found.get(day.month, Sums()) + sums
    return found


def _document(sums: Sums) -> Document:
    return {to_camel(name): getattr(sums, name) for name in _SUMMED}


def _sums(document: Mapping[str, Any]) -> Sums:
    """Read sums. A sum over no decimals is an int in MongoDB, so money is converted to Decimal."""
    counted = {name: int(document.get(to_camel(name), 0)) for name in _SUMMED if name not in _MONEY}
    money = {name: Decimal(document.get(to_camel(name), 0)) for name in _MONEY}
    return Sums(**cast("dict[str, Any]", {**counted, **money}))
