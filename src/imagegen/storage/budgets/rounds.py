"""Rounds: changes of one period's counters that are under way, a small document each.

A round is stored before it changes the counters, and removed once its jobs have it; so what a crash leaves can be
finished. Each process numbers its rounds of a period, one after the other in each lane: new jobs reserve in one, and
everything else is in the other. The period keeps the last round of each lane, so that a round's document together
with the period's says whether the round took place.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final

from pymongo import ASCENDING, IndexModel
from pymongo.errors import DuplicateKeyError

from imagegen.storage.errors import mongo_errors
from imagegen.storage.expressions import from_now
from imagegen.storage.mongodb import Collection

RESERVING, SETTLING = "reserve", "settle"  # the lanes
_INDEXES: Final = (
    IndexModel([("at", ASCENDING)]),
    IndexModel([("period", ASCENDING), ("jobs.key", ASCENDING)]),
    IndexModel(
        [("period", ASCENDING), ("locks", ASCENDING)],
        name="locks",
        unique=True,
        partialFilterExpression={"locks": {"$exists": True}},
    ),
)


class RoundKind(StrEnum):
    """What a round does with the amounts of its jobs.

    Attributes:
        RESERVE: adds those of new jobs to what is reserved, if there is room.
        BOOK: adds those of jobs that run again, whether there is room or not.
        SETTLE: replaces those of ended jobs by what they cost.
        RELEASE: takes back those of jobs that were not stored.
    """

    RESERVE = "reserve"
    BOOK = "book"
    SETTLE = "settle"
    RELEASE = "release"

    @property
    def lane(self) -> str:
        """The lane in which such rounds follow each other."""
        return RESERVING if self is RoundKind.RESERVE else SETTLING


@dataclass(frozen=True, slots=True, kw_only=True)
class RoundJob:
    """One job of a round.

    Attributes:
        job_id: the job.
        number: of its reservation.
        amount: US dollars, reserved for it.
        charged: US dollars that it cost; zero unless it is settled.
        day: the day on which it was accepted, if the period moves on every day.
        ask: the place, among those of the round, of the request that it belongs to.
    """

    job_id: str
    amount: Decimal
    number: int = 1
    charged: Decimal = Decimal(0)
    day: str | None = None
    ask: int = 0

    @property
    def key(self) -> str:
        """Names the reservation within a period."""
        return f"{self.job_id}/{self.number}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """One change of a period's counters.

    Attributes:
        id: random.
        kind: what it does.
        period: the id of the period.
        process: the process that runs it.
        number: its place among the rounds of its process, period and lane, from 1.
        jobs: whose amounts it changes.
        at: when it was stored, on the database's clock; None before that.
    """

    id: str
    kind: RoundKind
    period: str
    process: str
    number: int
    jobs: tuple[RoundJob, ...]
    at: datetime | None = None


class Rounds:
    """The store of rounds."""

    def __init__(self, collection: Collection) -> None:
        self._rounds = collection

    async def ensure_indexes(self) -> None:
        """Create the indexes that find rounds, and keep a job out of two rounds that change its reservation."""
        with mongo_errors():
            await self._rounds.create_indexes(list(_INDEXES))

    async def begin(self, new: Round) -> bool:
        """Store a round. Returns False if one of its jobs is in another round that changes its reservation."""
        document = [{"$replaceWith": {"$literal": _document(new)}}, {"$set": {"at": "$$NOW"}}]
        try:
            with mongo_errors():
                await self._rounds.update_one({"_id": new.id, "kind": {"$exists": False}}, document, upsert=True)
        except DuplicateKeyError as error:
            return "locks" not in str((error.details or {}).get("errmsg", ""))  # else a repeat met its own id
        return True

    async def end(self, round_ids: Sequence[str]) -> None:
        """Remove rounds."""
        with mongo_errors():
            await self._rounds.delete_many({"_id": {"$in": list(round_ids)}})

    async def drop_jobs(self, period: str, kind: RoundKind, keys: Sequence[str]) -> None:
        """Take reservations out of the rounds of a kind; rounds that have none left are removed."""
        wanted = {"period": period, "kind": kind.value, "jobs.key": {"$in": list(keys)}}
        with mongo_errors():
            await self._rounds.update_many(wanted, {"$pull": {"jobs": {"key": {"$in": list(keys)}}}})
            await self._rounds.delete_many({"period": period, "kind": kind.value, "jobs": []})

    async def reserved(self, period: str, keys: Sequence[str]) -> frozenset[str]:
        """Which of these reservations are in a round that reserves."""
        wanted = {"period": period, "kind": RoundKind.RESERVE.value, "jobs.key": {"$in": list(keys)}}
        with mongo_errors():
            found = [each async for each in self._rounds.find(wanted, {"jobs.key": 1})]
        return frozenset(keys) & {job["key"] for each in found for job in each["jobs"]}

    async def processes(self) -> Sequence[str]:
        """The processes that have rounds."""
        with mongo_errors():
            return await self._rounds.distinct("process")

    async def older_than(self, age: timedelta) -> Sequence[Round]:
        """The rounds that were stored longer ago than this, oldest first."""
        with mongo_errors():
            found = self._rounds.find({"$expr": {"$lt": ["$at", from_now(-age)]}}).sort("at", ASCENDING)
            return [round_of(document) async for document in found]


def _document(new: Round) -> dict[str, Any]:
    document: dict[str, Any] = {
        "_id": new.id,
        "kind": new.kind.value,
        "period": new.period,
        "process": new.process,
        "number": new.number,
        "jobs": [
            {
                "key": job.key,
                "jobId": job.job_id,
                "number": job.number,
                "amount": job.amount,
                "charged": job.charged,
                "day": job.day,
                "ask": job.ask,
            }
            for job in new.jobs
        ],
    }
    if new.kind is not RoundKind.RESERVE:
        document["locks"] = [job.key for job in new.jobs]
    return document


def round_of(document: Mapping[str, Any]) -> Round:
    """Read a round."""
    return Round(
        id=document["_id"],
        kind=RoundKind(document["kind"]),
        period=document["period"],
        process=document["process"],
        number=document["number"],
        jobs=tuple(
            RoundJob(
                job_id=job["jobId"],
                number=job["number"],
                amount=job["amount"],
                charged=job["charged"],
                day=job["day"],
                ask=job["ask"],
            )
            for job in document["jobs"]
        ),
        at=document["at"],
    )
