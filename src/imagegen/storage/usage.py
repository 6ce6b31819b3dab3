"""Who spent what: sums for each day and month (UTC), user and model, kept in the transaction that ends a job.

Reading them costs as many documents as there are periods, users and models in question, however many jobs there were.
Each process counts in a lane, a document of its own, and the jobs that end at the same moment in one transaction:
transactions that change the same document make each other start anew.
The jobs stay the truth: `differences` makes the same sums from them, and `mend` puts them in the place of wrong ones.
"""

import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, timedelta
from decimal import Decimal
from typing import Any, Final, cast

import pymongo
from pydantic.alias_generators import to_camel
from pymongo import ASCENDING, IndexModel, UpdateOne
from pymongo.read_concern import ReadConcern

from imagegen.jobs import FINAL, Job, JobStatus
from imagegen.storage.answers import answers
from imagegen.storage.job_documents import Document
from imagegen.storage.mongodb import Collection, Session, update_all
from imagegen.storage.usage_periods import Grouping, UsageFilter, UsageKey, key_of, question

__all__ = ["Difference", "Grouping", "Sums", "Usage", "UsageFilter", "UsageKey", "sums_of"]

_OF_A_MONTH: Final = {"month": {"$exists": True}}
_INDEXES: Final = (
    IndexModel([("userId", ASCENDING), ("day", ASCENDING)]),
    IndexModel([("day", ASCENDING)]),
    IndexModel([("userId", ASCENDING), ("month", ASCENDING)], partialFilterExpression=_OF_A_MONTH),
    IndexModel([("month", ASCENDING)], partialFilterExpression=_OF_A_MONTH),
)
_LANES: Final = 16
_REBUILDING: Final = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sums:
    """What some jobs came to.

    Attributes:
        jobs: ended, whichever way.
        completed: of these, with pictures.
        failed: of these, failed.
        images: pictures delivered.
        charged: US dollars.
        provider_cost: US dollars that fal bills for the jobs of which that is known.
        unpriced_jobs: those of which it is not.
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
        """What is left of the charges, in US dollars; None unless fal's bill is known of every job."""
        return None if self.unpriced_jobs else self.charged - self.provider_cost

    def __add__(self, other: "Sums") -> "Sums":
        return Sums(**{name: getattr(self, name) + getattr(other, name) for name in _SUMMED})

    def __neg__(self) -> "Sums":
        return Sums(**{name: -getattr(self, name) for name in _SUMMED})


_SUMMED: Final = tuple(field.name for field in fields(Sums))
_MONEY: Final = ("charged", "provider_cost")


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """Kept sums that are not what the jobs come to."""

    key: UsageKey
    kept: Sums
    recomputed: Sums


class Usage:
    """The rollup. `collection` is its own, `jobs` that of the jobs."""

    def __init__(self, collection: Collection, jobs: Collection) -> None:
        self._usage, self._jobs = collection, jobs
        self._lane = secrets.randbelow(_LANES)

    async def ensure_indexes(self) -> None:
        """Make the indexes that every question relies on."""
        with answers():
            await self._usage.create_indexes(list(_INDEXES))

    async def count(self, jobs: Sequence[Job], session: Session) -> None:
        """Add jobs that end in this session's transaction. Raises the driver's errors, for `with_transaction`."""
        added: dict[UsageKey, Sums] = {}
        for job in jobs:
            key = _key_of(job)
            added[key] = added.get(key, Sums()) + sums_of(job)
        await self._add(added, session)

    async def take_back(self, job: Job, session: Session) -> None:
        """Take out a job that had ended and goes on again: what `count` added, perhaps in another lane or process."""
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
        await update_all(self._usage, changes, session)

    async def sums(self, wanted: UsageFilter, by: Grouping) -> Mapping[str, Sums]:
        """The sums by model, day (2026-11-22) or month (2026-11), in their order."""
        query, group_by = question(wanted, by)
        group = {"_id": group_by, **{to_camel(name): {"$sum": f"${to_camel(name)}"} for name in _SUMMED}}
        pipeline = [{"$match": query}, {"$group": group}, {"$sort": {"_id": ASCENDING}}]
        with answers():
            return {found["_id"]: _sums(found) async for found in self._usage.aggregate(pipeline)}

    async def differences(self) -> Sequence[Difference]:
        """Sum up every job that ended and compare with the rollup, both as they were at one moment."""
        client = self._usage.database.client
        with answers(), pymongo.timeout(_REBUILDING.total_seconds()):
            async with await client.start_session(snapshot=True) as session:
                kept = _by_key([found async for found in self._usage.find({}, session=session)])
                made = self._jobs.aggregate(_recomputing(), session=session, allowDiskUse=True)
                recomputed = _with_months(_by_key([found async for found in made]))
        nothing = Sums()
        pairs = ((key, kept.get(key, nothing), recomputed.get(key, nothing)) for key in sorted({*kept, *recomputed}))
        return [Difference(key=key, kept=old, recomputed=new) for key, old, new in pairs if old != new]

    async def mend(self, key: UsageKey) -> None:
        """Replace kept sums by what the jobs come to, in a transaction.

        A job that ends meanwhile is seen with its sums or without both, and where it changes the same document, one of
        the two transactions goes first and the other starts anew.
        """

        async def replace(session: Session) -> None:
            await self._usage.delete_many(key.members, session=session)
            async for found in self._jobs.aggregate(_recomputing(key), session=session):
                document = {"_id": _id(key, 0), **key.members, **_document(_sums(found))}
                await self._usage.insert_one(document, session=session)

        with answers(), pymongo.timeout(_REBUILDING.total_seconds()):
            async with await self._usage.database.client.start_session() as session:
                await session.with_transaction(replace, ReadConcern("snapshot"), self._usage.write_concern)


def sums_of(job: Job) -> Sums:
    """What one ended job adds. Only a completed one is charged."""
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
    assert job.completed_at is not None, "a job that ended says when"
    return UsageKey(job.completed_at.astimezone(UTC).date().isoformat(), job.user_id, job.model)


def _recomputing(key: UsageKey | None = None) -> list[Document]:
    """The pipeline over jobs that comes to the rows of all days, or to that of the key; it says what `sums_of` says."""
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
    ended: Document = {"status": {"$in": sorted(status.value for status in FINAL)}}
    if key is not None:
        return [{"$match": {**ended, **key.ended}}, {"$group": {"_id": None, **sums}}]
    members = {name: f"$_id.{name}" for name in of_a_day}
    return [{"$match": ended}, {"$group": {"_id": of_a_day, **sums}}, {"$set": members}]


def _count_if(condition: Mapping[str, object]) -> Document:
    return {"$sum": {"$cond": [condition, 1, 0]}}


def _id(key: UsageKey, lane: int) -> Document:
    return {**key.members, "lane": lane}


def _by_key(documents: Iterable[Mapping[str, Any]]) -> Mapping[UsageKey, Sums]:
    """The sums of all lanes together."""
    found: dict[UsageKey, Sums] = {}
    for document in documents:
        key = key_of(document)
        found[key] = found.get(key, Sums()) + _sums(document)
    return found


def _with_months(days: Mapping[UsageKey, Sums]) -> Mapping[UsageKey, Sums]:
    """The sums of the days, and those of their months."""
    found = dict(days)
    for day, sums in days.items():
        found[day.month] = found.get(day.month, Sums()) + sums
    return found


def _document(sums: Sums) -> Document:
    return {to_camel(name): getattr(sums, name) for name in _SUMMED}


def _sums(document: Mapping[str, Any]) -> Sums:
    """Read sums; a Decimal's trailing zeros are no difference, nor is a sum over no decimals, which is an int."""
    counted = {name: int(document.get(to_camel(name), 0)) for name in _SUMMED if name not in _MONEY}
    money = {name: Decimal(document.get(to_camel(name), 0)) for name in _MONEY}
    return Sums(**cast("dict[str, Any]", {**counted, **money}))
