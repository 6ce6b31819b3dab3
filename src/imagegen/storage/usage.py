"""Who spent what: sums for each day (UTC), user and model, kept in the transaction that ends a job.

Reading them costs as many documents as there are days, users and models in question, however many jobs there were.
Each process counts in a lane, a document of its own: transactions that change the same one make each other start anew.
The jobs stay the truth: `differences` makes the same sums from them, and `mend` puts them in the place of wrong ones.
"""

import asyncio
import secrets
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final, cast
from weakref import WeakValueDictionary

import pymongo
from pydantic.alias_generators import to_camel
from pymongo import ASCENDING, IndexModel
from pymongo.read_concern import ReadConcern

from imagegen.jobs import FINAL, Job, JobStatus
from imagegen.storage.answers import answers
from imagegen.storage.job_documents import Document
from imagegen.storage.mongodb import Collection, Session

_INDEXES: Final = (
    IndexModel([("userId", ASCENDING), ("day", ASCENDING)]),
    IndexModel([("day", ASCENDING)]),
)
_KEY: Final = ("day", "userId", "model")
_LANES: Final = 16
_REBUILDING: Final = timedelta(hours=1)


class Grouping(StrEnum):
    """What the sums are for: each model, each day or each month (UTC)."""

    MODEL = "model"
    DAY = "day"
    MONTH = "month"


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


@dataclass(frozen=True, slots=True, order=True)
class UsageKey:
    """What sums are kept for: a day as 2026-11-22, a user, a model."""

    day: str
    user_id: str
    model: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageFilter:
    """What is summed; None means any. The days are those on which jobs ended, in UTC; `to_day` is exclusive.

    `user_ids` asks for any of these users; `user_id`, if given, decides alone.
    """

    user_id: str | None = None
    user_ids: tuple[str, ...] | None = None
    from_day: date | None = None
    to_day: date | None = None


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
        self._turns = WeakValueDictionary[UsageKey, asyncio.Lock]()

    async def ensure_indexes(self) -> None:
        """Make the indexes that every question relies on."""
        with answers():
            await self._usage.create_indexes(list(_INDEXES))

    async def together(self, job: Job, move: Callable[[Session], Coroutine[Any, Any, bool]]) -> bool:
        """Change a job and what it counts for in one transaction; returns what the move in it does.

        The jobs of this process that are counted in the same document go one after the other: side by side, 64 of them
        end at 14 a second, for each makes all others start anew; in turn, at hundreds.
        """
        turn = self._turns.setdefault(_key_of(job), asyncio.Lock())
        with answers():
            async with turn, await self._jobs.database.client.start_session() as session:
                return await session.with_transaction(move, write_concern=self._jobs.write_concern)

    async def count(self, job: Job, session: Session) -> None:
        """Add a job that ends in this session's transaction. Raises the driver's errors, for `with_transaction`."""
        await self._add(_key_of(job), sums_of(job), session)

    async def take_back(self, job: Job, session: Session) -> None:
        """Take out a job that had ended and goes on again: what `count` added, perhaps in another lane or process."""
        await self._add(_key_of(job), -sums_of(job), session)

    async def _add(self, key: UsageKey, sums: Sums, session: Session) -> None:
        change = {"$inc": _document(sums), "$setOnInsert": _members(key)}
        await self._usage.update_one({"_id": _id(key, self._lane)}, change, upsert=True, session=session)

    async def sums(self, wanted: UsageFilter, by: Grouping) -> Mapping[str, Sums]:
        """The sums by model, day (2026-11-22) or month (2026-11), in their order."""
        group = {"_id": _GROUPS[by], **{to_camel(name): {"$sum": f"${to_camel(name)}"} for name in _SUMMED}}
        pipeline = [{"$match": _query(wanted)}, {"$group": group}, {"$sort": {"_id": ASCENDING}}]
        with answers():
            return {found["_id"]: _sums(found) async for found in self._usage.aggregate(pipeline)}

    async def differences(self) -> Sequence[Difference]:
        """Sum up every job that ended and compare with the rollup, both as they were at one moment."""
        client = self._usage.database.client
        with answers(), pymongo.timeout(_REBUILDING.total_seconds()):
            async with await client.start_session(snapshot=True) as session:
                kept = _by_key([found async for found in self._usage.find({}, session=session)])
                made = self._jobs.aggregate(_recomputing(), session=session, allowDiskUse=True)
                recomputed = _by_key([found async for found in made])
        nothing = Sums()
        pairs = ((key, kept.get(key, nothing), recomputed.get(key, nothing)) for key in sorted({*kept, *recomputed}))
        return [Difference(key=key, kept=old, recomputed=new) for key, old, new in pairs if old != new]

    async def mend(self, key: UsageKey) -> None:
        """Replace kept sums by what the jobs come to, in a transaction.

        A job that ends meanwhile is seen with its sums or without both, and where it changes the same document, one of
        the two transactions goes first and the other starts anew.
        """

        async def replace(session: Session) -> None:
            await self._usage.delete_many(_members(key), session=session)
            async for found in self._jobs.aggregate(_recomputing(key), session=session):
                document = {"_id": _id(key, 0), **_members(key), **_document(_sums(found))}
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


_GROUPS: Final[Mapping[Grouping, object]] = {
    Grouping.MODEL: "$model",
    Grouping.DAY: "$day",
    Grouping.MONTH: {"$substrBytes": ["$day", 0, len("2026-11")]},
}


def _recomputing(key: UsageKey | None = None) -> list[Document]:
    """The pipeline over jobs that comes to the documents of the rollup; it says the same as `sums_of`."""
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
    group = {"_id": {"day": day, "userId": "$userId", "model": "$model"}, **sums}
    found: Document = {"status": {"$in": sorted(status.value for status in FINAL)}}
    if key is not None:
        begin = datetime.combine(date.fromisoformat(key.day), datetime.min.time(), UTC)
        of_the_day = {"$gte": begin, "$lt": begin + timedelta(days=1)}
        found |= {"userId": key.user_id, "model": key.model, "completedAt": of_the_day}
    members = {name: f"$_id.{name}" for name in _KEY}
    return [{"$match": found}, {"$group": group}, {"$set": members}]


def _count_if(condition: Mapping[str, object]) -> Document:
    return {"$sum": {"$cond": [condition, 1, 0]}}


def _query(wanted: UsageFilter) -> Document:
    days = {
        "$gte": wanted.from_day.isoformat() if wanted.from_day else None,
        "$lt": wanted.to_day.isoformat() if wanted.to_day else None,
    }
    bounds = {operator: day for operator, day in days.items() if day is not None}
    users = wanted.user_ids if wanted.user_id is None else (wanted.user_id,)
    user = {} if users is None else {"userId": {"$in": list(users)}}
    return {**user, **({"day": bounds} if bounds else {})}


def _members(key: UsageKey) -> Document:
    return {"day": key.day, "userId": key.user_id, "model": key.model}


def _id(key: UsageKey, lane: int) -> Document:
    return {**_members(key), "lane": lane}


def _by_key(documents: Iterable[Mapping[str, Any]]) -> Mapping[UsageKey, Sums]:
    """The sums of all lanes together."""
    found: dict[UsageKey, Sums] = {}
    for document in documents:
        key = _read_key(document)
        found[key] = found.get(key, Sums()) + _sums(document)
    return found


def _read_key(document: Mapping[str, Any]) -> UsageKey:
    return UsageKey(*(cast("str", document[name]) for name in _KEY))


def _document(sums: Sums) -> Document:
    return {to_camel(name): getattr(sums, name) for name in _SUMMED}


def _sums(document: Mapping[str, Any]) -> Sums:
    """Read sums; a Decimal's trailing zeros are no difference, nor is a sum over no decimals, which is an int."""
    counted = {name: int(document.get(to_camel(name), 0)) for name in _SUMMED if name not in _MONEY}
    money = {name: Decimal(document.get(to_camel(name), 0)) for name in _MONEY}
    return Sums(**cast("dict[str, Any]", {**counted, **money}))
