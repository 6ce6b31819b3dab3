"""Settling what ended jobs hold of budgets: shortly after their ends, and many at once.

The write that ends a job marks its reservations as `settling`. A round then replaces their amounts in the period's
counters by what the jobs cost, and they are marked as `settled`. Rounds lock their reservations, so two processes
never settle the same one, and what a crash leaves is finished by reconciliation.
"""

import logging
import secrets
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from pymongo import ASCENDING, IndexModel

from imagegen.budgets import OPEN_JOBS_IDS
from imagegen.clock import now
from imagegen.jobs import FINAL_STATUSES, JobStatus, ReservationCounts, ReservationState
from imagegen.storage.batching import KeyedBatcher
from imagegen.storage.budgets.counters import BudgetCounters
from imagegen.storage.budgets.lanes import Lanes
from imagegen.storage.budgets.ledger import Ledger, LedgerEntry, LedgerKind
from imagegen.storage.budgets.rounds import SETTLING, Round, RoundJob, RoundKind, Rounds
from imagegen.storage.deferred import Deferred
from imagegen.storage.errors import mongo_errors
from imagegen.storage.mongodb import Collection

DUE: Final = "reservationsDue"  # marks a job with reservations to be settled or booked
# The end of a job changes those of its reservations that are held.
SETTLES: Final[dict[str, object]] = {"reservations.$[held].state": ReservationState.SETTLING.value, DUE: True}
IS_HELD: Final[Mapping[str, Any]] = {"held.state": ReservationState.HELD.value}
RESERVATIONS_INDEXES: Final = (
    IndexModel([(DUE, ASCENDING)], partialFilterExpression={DUE: True}),
    IndexModel(
        [("reservations.period", ASCENDING), ("reservations.state", ASCENDING)],
        partialFilterExpression={"reservations": {"$exists": True}},
    ),
)
_ENDED: Final = sorted(status.value for status in FINAL_STATUSES)
_SHOWN: Final = {"status": 1, "reservations": 1, "cost.totalCost": 1, "cost.providerCost": 1}
_DELAY: Final = timedelta(seconds=1)
_MOST_AT_ONCE: Final = 500
_TRIES: Final = 5
_WANTED: Final = {RoundKind.BOOK: ReservationState.BOOKING, RoundKind.SETTLE: ReservationState.SETTLING}
_LEDGER_KINDS: Final = {
    RoundKind.RESERVE: LedgerKind.RESERVE,
    RoundKind.BOOK: LedgerKind.RESERVE,
    RoundKind.SETTLE: LedgerKind.SETTLE,
    RoundKind.RELEASE: LedgerKind.RELEASE,
}
_log = logging.getLogger("imagegen.budgets")


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetStores:
    """What rounds write to: the counters, their own documents and the ledger."""

    counters: BudgetCounters
    rounds: Rounds
    ledger: Ledger

    async def ensure_indexes(self) -> None:
        """Create the indexes of all three."""
        await self.counters.ensure_indexes()
        await self.rounds.ensure_indexes()
        await self.ledger.ensure_indexes()


class Settlement:
    """Settles, books and releases reservations. `jobs` is the collection of the jobs."""

    def __init__(self, jobs: Collection, stores: BudgetStores, lanes: Lanes) -> None:
        self._jobs, self._lanes = jobs, lanes
        self._counters, self._rounds, self._ledger = stores.counters, stores.rounds, stores.ledger
        self._releases = KeyedBatcher[Sequence[RoundJob], None](self._release_all)
        self._soon = Deferred[str](self.settle, _DELAY, _log, "jobs are settled")

    def settle_soon(self, job_id: str) -> None:
        """Settle a job that this process has ended, together with others."""
        self._soon.add(job_id)

    async def close(self) -> None:
        """Settle what this process has ended and not settled; if MongoDB is down, another process does it later."""
        await self._soon.close()

    async def settle_due(self) -> int:
        """Settle and book whatever is due, of all processes; returns how many jobs there were."""
        with mongo_errors():
            found = [document["_id"] async for document in self._jobs.find({DUE: True}, {"_id": 1})]
        await self.settle(found)
        return len(found)

    async def settle_due_of(self, period: str) -> bool:
        """Settle what is due of one period, of all processes; returns whether anything was."""
        due = {"$elemMatch": {"period": period, "state": ReservationState.SETTLING.value}}
        with mongo_errors():
            found = [each["_id"] async for each in self._jobs.find({"reservations": due}, {"_id": 1})]
        await self.settle(found)
        return bool(found)

    async def settle(self, job_ids: Sequence[str]) -> None:
        """Book and settle what is due of these jobs."""
        for start in range(0, len(job_ids), _MOST_AT_ONCE):
            part = job_ids[start : start + _MOST_AT_ONCE]
            due = await self._due(part)
            for period, jobs in sorted(due[RoundKind.BOOK].items()):
                await self._run(RoundKind.BOOK, period, jobs)
            if due[RoundKind.BOOK]:  # some of these may have ended again
                due = await self._due(part)
            for period, jobs in sorted(due[RoundKind.SETTLE].items()):
                await self._run(RoundKind.SETTLE, period, jobs)

    async def release(self, period: str, jobs: Sequence[RoundJob]) -> None:
        """Take back what a round reserved for jobs that were not stored, together with what others release of it."""
        await self._releases.submit(period, jobs)

    async def _release_all(self, period: str, asks: Sequence[Sequence[RoundJob]]) -> Sequence[None]:
        await self._run(RoundKind.RELEASE, period, [replace(job, ask=0) for jobs in asks for job in jobs])
        return [None] * len(asks)

    async def _run(self, kind: RoundKind, period: str, jobs: Sequence[RoundJob]) -> None:
        """Run a round for those of the jobs for which it is still due, unless another round is at it."""
        lane, due = self._lanes.lane(period, SETTLING), jobs
        async with lane.lock:
            for _ in range(_TRIES):
                if not due:
                    return
                process, number = lane.begin()
                new = Round(
                    id=secrets.token_hex(8),
                    kind=kind,
                    period=period,
                    process=process,
                    number=number,
                    jobs=tuple(due),
                )
                if not await self._rounds.begin(new):
                    return
                due = await self._still_due(new)
                if tuple(due) == new.jobs and (at := await self._take_place(new)) is not None:
                    lane.took_place(process, number)
                    await self.finish(replace(new, at=at))
                    return
                await self._rounds.end([new.id])  # it has not taken place, and never will

    async def _take_place(self, new: Round) -> datetime | None:
        """Change the counters; returns when, None if the round was given up meanwhile."""
        last = await self._counters.settle(new)
        if last is None:
            _log.error("the counters of budget period %s are gone", new.period)
            return now()
        return last.at if last.id == new.id else None

    async def _still_due(self, new: Round) -> Sequence[RoundJob]:
        """The jobs of a round for which it is still due, now that no other round can change their reservations."""
        if new.kind is RoundKind.RELEASE:
            reserved = await self._rounds.reserved(new.period, [job.key for job in new.jobs])
            return [job for job in new.jobs if job.key in reserved]
        due = await self._due([job.job_id for job in new.jobs])
        keys = {job.key for job in new.jobs}
        return [job for job in due[new.kind].get(new.period, ()) if job.key in keys]

    async def _due(self, job_ids: Sequence[str]) -> Mapping[RoundKind, Mapping[str, list[RoundJob]]]:
        """What is due of these jobs, by kind and period, in the order of the jobs' ids."""
        with mongo_errors():
            found = self._jobs.find({"_id": {"$in": list(job_ids)}, DUE: True}, _SHOWN).sort("_id", ASCENDING)
            documents = [document async for document in found]
        kinds = {state.value: kind for kind, state in _WANTED.items()}
        due: dict[RoundKind, dict[str, list[RoundJob]]] = {kind: defaultdict(list) for kind in _WANTED}
        for document in documents:
            for held in document["reservations"]:
                if (kind := kinds.get(held["state"])) is not None:
                    due[kind][held["period"]].append(round_job(document, held))
        return due

    async def finish(self, done: Round) -> None:
        """Note in the jobs what a round has done, add it to the ledger, and remove it."""
        if done.kind is RoundKind.RELEASE:
            # First of all: without its jobs, the round that reserved could not be put into the ledger after a crash.
            await self._ledger.add(ledger_entries(replace(done, kind=RoundKind.RESERVE)))
            await self._rounds.drop_jobs(done.period, RoundKind.RESERVE, [job.key for job in done.jobs])
        elif done.kind is not RoundKind.RESERVE:
            await self._mark(done)
        await self._ledger.add(ledger_entries(done))
        await self._rounds.end([done.id])

    async def _mark(self, done: Round) -> None:
        by_number: dict[int, list[str]] = defaultdict(list)
        for job in done.jobs:
            by_number[job.number].append(job.job_id)
        with mongo_errors():
            for number, job_ids in by_number.items():
                await self._jobs.update_many({"_id": {"$in": job_ids}}, _marks(done, number))


def round_job(document: Mapping[str, Any], held: Mapping[str, Any]) -> RoundJob:
    """A reservation in the document of its job, as a round handles it."""
    return RoundJob(
        job_id=document["_id"],
        number=held["number"],
        amount=held["amount"],
        charged=_charged(document, held),
        day=held["day"],
    )


def _charged(document: Mapping[str, Any], held: Mapping[str, Any]) -> Decimal:
    """What the end of a job adds to a period. A job that ran again costs nothing for its first end."""
    latest = max(each["number"] for each in document["reservations"] if each["period"] == held["period"])
    is_settled = held["state"] == ReservationState.SETTLING.value and document["status"] in _ENDED
    if not is_settled or held["number"] != latest or held["counts"] == ReservationCounts.JOBS.value:
        return Decimal(0)
    cost = document["cost"]
    if held["counts"] == ReservationCounts.PROVIDER.value:
        return cost.get("providerCost") or Decimal(0)
    return cost["totalCost"] if document["status"] == JobStatus.COMPLETED.value else Decimal(0)


def _marks(done: Round, number: int) -> list[dict[str, Any]]:
    is_booked = {"$cond": [{"$in": ["$status", _ENDED]}, ReservationState.SETTLING.value, ReservationState.HELD.value]}
    after = is_booked if done.kind is RoundKind.BOOK else ReservationState.SETTLED.value
    is_meant = {
        "$and": [
            {"$eq": ["$$this.period", {"$literal": done.period}]},
            {"$eq": ["$$this.number", number]},
            {"$eq": ["$$this.state", _WANTED[done.kind].value]},
        ]
    }
    marked = {"$cond": [is_meant, {"$mergeObjects": ["$$this", {"state": after}]}, "$$this"]}
    open_states = [state.value for state in _WANTED.values()]
    is_due = {"$gt": [{"$size": {"$setIntersection": ["$reservations.state", open_states]}}, 0]}
    return [
        {"$set": {"reservations": {"$map": {"input": "$reservations", "in": marked}}}},
        {"$set": {DUE: {"$cond": [is_due, True, "$$REMOVE"]}}},
    ]


def ledger_entries(done: Round) -> Sequence[LedgerEntry]:
    """The entries of a round, one for each job; none of a limit on open jobs, which is no money."""
    budget_id, window, holder = done.period.split("/", 2)
    if budget_id in OPEN_JOBS_IDS:
        return ()
    assert done.at is not None, "it took place"
    kind = _LEDGER_KINDS[done.kind]
    return [
        LedgerEntry(
            id=f"{done.period}/{job.key}/{kind.value}",
            at=done.at,
            budget_id=budget_id,
            kind=kind,
            amount=job.charged if kind is LedgerKind.SETTLE else job.amount,
            reserved=job.amount if kind in {LedgerKind.SETTLE, LedgerKind.RELEASE} else None,
            holder=holder,
            period=window,
            job_id=job.job_id,
        )
        for job in done.jobs
    ]
