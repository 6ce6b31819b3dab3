"""Finishing what crashes left of budgets, and comparing their counters with the jobs."""

import asyncio
import logging
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from imagegen.budgets import OPEN_JOBS_IDS, Period
from imagegen.clock import uptime
from imagegen.jobs import FINAL_STATUSES, JobStatus, ReservationCounts, ReservationState
from imagegen.storage.budgets.counters import BudgetCounters, LastRound, last_round_in, money
from imagegen.storage.budgets.rounds import Round, RoundJob, RoundKind, Rounds, round_of
from imagegen.storage.budgets.settlement import Settlement
from imagegen.storage.errors import mongo_errors
from imagegen.storage.mongodb import Collection, Session, linearizable, sibling_collection

PERIODS: Final = "budgetPeriods"
ROUNDS: Final = "budgetRounds"
LEFT_AFTER: Final = timedelta(seconds=60)  # longer than any write between a reservation and the job's insert takes
_PROCESS_GONE_AFTER: Final = timedelta(hours=1)
_AT_ONCE: Final = 50
_OPEN: Final = [ReservationState.HELD.value, ReservationState.SETTLING.value]
_NEVER: Final = "9999"  # later than every day
_log = logging.getLogger("imagegen.budgets")


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """Counters that differed from the jobs, and were corrected.

    Attributes:
        period: the id of the period.
        used: what was added to `used`, in US dollars.
        reserved: what was added to `reserved`.
        day: the day to which `used` was added, if the period moves on every day.
    """

    period: str
    used: Decimal
    reserved: Decimal
    day: str | None = None


class BudgetReconciliation:
    """Reconciles budgets. `jobs` is the collection of the jobs, beside those of the budgets."""

    def __init__(self, jobs: Collection, counters: BudgetCounters, rounds: Rounds, settlement: Settlement) -> None:
        self._jobs, self._linearizable = jobs, linearizable(jobs)
        self._periods = sibling_collection(jobs, PERIODS)
        self._round_documents = sibling_collection(jobs, ROUNDS)
        self._counters, self._rounds, self._settlement = counters, rounds, settlement
        self._audited_until: datetime | None = None
        self._audit_due_at = float("-inf")

    async def reconcile(self, left_after: timedelta = LEFT_AFTER) -> int:
        """Settle what is due, and finish the rounds that processes left; returns how many of both there were."""
        settled = await self._settlement.settle_due()
        left = await self._rounds.older_than(left_after)
        for is_reserving in (False, True):  # others may lock jobs of those that reserve
            await self._finish_all([each for each in left if (each.kind is RoundKind.RESERVE) == is_reserving])
        await self._counters.forget_processes(_PROCESS_GONE_AFTER, await self._rounds.processes())
        return settled + len(left)

    async def _finish_all(self, left: Sequence[Round]) -> None:
        """Finish many at once, so that what they release of one period goes together."""
        for start in range(0, len(left), _AT_ONCE):
            part = left[start : start + _AT_ONCE]
            outcomes = await asyncio.gather(*(self._finish(each) for each in part), return_exceptions=True)
            for outcome in outcomes:
                if outcome is not None:
                    raise outcome

    async def _finish(self, left: Round) -> None:
        last = await self._counters.give_up(left)
        if last is None or not last.shows(left):
            await self._rounds.end([left.id])
            return
        if left.kind is RoundKind.RESERVE:
            left = replace(left, jobs=_fitting(left, last))
            if not await self._release_lost(left):
                return
        await self._settlement.finish(left)

    async def _release_lost(self, left: Round) -> bool:
        """Release what was reserved for jobs that were not stored. Returns False if another round is at it."""
        ids = [job.job_id for job in left.jobs]
        with mongo_errors():
            found = self._linearizable.find({"_id": {"$in": ids}, "reservations.period": left.period}, {"_id": 1})
            stored = {document["_id"] async for document in found}
        if lost := [job for job in left.jobs if job.job_id not in stored]:
            _log.warning("%d jobs of budget period %s were never stored; releasing", len(lost), left.period)
            await self._settlement.release(left.period, lost)
        return not await self._rounds.reserved(left.period, [job.key for job in lost])

    async def audit_if_due(self, every: timedelta) -> Sequence[Drift]:
        """Audit, unless this process has done so lately."""
        if uptime() < self._audit_due_at:
            return ()
        self._audit_due_at = uptime() + every.total_seconds()
        return await self.audit()

    async def audit(self) -> Sequence[Drift]:
        """Compare with the jobs the counters that have changed since the last time, and correct them."""
        client = self._periods.database.client
        wanted = {} if self._audited_until is None else {"changedAt": {"$gte": self._audited_until}}
        drifts: list[Drift] = []
        with mongo_errors():
            changed = [each async for each in self._periods.find(wanted, {"changedAt": 1})]
            for each in changed:
                async with await client.start_session(snapshot=True) as session:
                    found = await self._compare(each["_id"], session)
                if found is not None and await self._correct(*found):
                    drifts.append(found[0])
        self._audited_until = max((each["changedAt"] for each in changed), default=self._audited_until)
        return drifts

    async def _compare(self, period: str, session: Session) -> tuple[Drift, object] | None:
        """What is missing in a period's counters, with the mark of its last correction; both of one moment."""
        document: Any = await self._periods.find_one({"_id": period}, session=session)
        if document is None:
            return None
        found = self._round_documents.find({"period": period}, session=session)
        rounds = [round_of(each) async for each in found]
        oldest = min(document["days"], default=_NEVER) if document["window"] == Period.ROLLING.value else None
        pipeline = _sums_pipeline(period, oldest, only_open=document["budgetId"] in OPEN_JOBS_IDS)
        sums = [each async for each in self._jobs.aggregate(pipeline, session=session)]
        used, reserved = (money(sums[0][name]) if sums else Decimal(0) for name in ("used", "reserved"))
        taken_place = [each for each in rounds if _has_taken_place(each, document)]
        ids = list({job.job_id for each in taken_place for job in each.jobs})
        jobs = self._jobs.find({"_id": {"$in": ids}}, {"reservations": 1}, session=session)
        states = _states(period, [each async for each in jobs])
        for change in (_under_way(each, document, states, rounds) for each in taken_place):
            used, reserved = used + change.used, reserved + change.reserved
        drift = Drift(
            period=period,
            used=used - money(document["used"]),
            reserved=reserved - money(document["reserved"]),
            day=max(document["days"], default=None),
        )
        return (drift, document.get("audit")) if drift.used or drift.reserved else None

    async def _correct(self, drift: Drift, mark: object) -> bool:
        """Correct the counters, unless another process has done it."""
        change: dict[str, Any] = {"$inc": {"used": drift.used, "reserved": drift.reserved}}
        if drift.day is not None:
            change["$inc"][f"days.{drift.day}"] = drift.used
        change["$set"] = {"audit": secrets.token_hex(8)}
        outcome = await self._periods.update_one({"_id": drift.period, "audit": mark}, change)
        if outcome.matched_count:
            _log.error(
                "budget period %s differed from its jobs: used %s, reserved %s",
                drift.period,
                drift.used,
                drift.reserved,
            )
        return bool(outcome.matched_count)


def _fitting(left: Round, last: LastRound) -> tuple[RoundJob, ...]:
    """The jobs for which there was room. Only of the last round is that noted; of others, just those are left."""
    if last.id != left.id:
        return left.jobs
    return tuple(job for job in left.jobs if last.fits[job.ask])


def _has_taken_place(which: Round, document: Mapping[str, Any]) -> bool:
    last = last_round_in(document, which.process, which.kind.lane)
    return last is not None and last.shows(which)


def _states(period: str, documents: Sequence[Mapping[str, Any]]) -> Mapping[str, str]:
    """The state of each reservation of a period, by its key."""
    return {
        f"{document['_id']}/{held['number']}": held["state"]
        for document in documents
        for held in document.get("reservations", ())
        if held["period"] == period
    }


def _under_way(which: Round, document: Mapping[str, Any], states: Mapping[str, str], rounds: Sequence[Round]) -> Drift:
    """What a round has added to the counters that the jobs do not show yet."""
    used = reserved = Decimal(0)
    if which.kind is RoundKind.RESERVE:
        last = last_round_in(document, which.process, which.kind.lane)
        assert last is not None
        reserved = _amount(job for job in _fitting(which, last) if job.key not in states)
    elif which.kind is RoundKind.RELEASE:
        held = {job.key for each in rounds if each.kind is RoundKind.RESERVE for job in each.jobs}
        reserved = -_amount(job for job in which.jobs if job.key in held and job.key not in states)
    elif which.kind is RoundKind.BOOK:
        reserved = _amount(job for job in which.jobs if states.get(job.key) == ReservationState.BOOKING.value)
    else:
        open_jobs = [job for job in which.jobs if states.get(job.key) == ReservationState.SETTLING.value]
        used, reserved = sum((job.charged for job in open_jobs), Decimal(0)), -_amount(open_jobs)
    return Drift(period=which.period, used=used, reserved=reserved)


def _amount(jobs: Iterable[RoundJob]) -> Decimal:
    return sum((job.amount for job in jobs), Decimal(0))


def _sums_pipeline(period: str, oldest: str | None, *, only_open: bool) -> list[dict[str, Any]]:
    """The pipeline over the jobs for a period's counters. It must compute what settling does.

    Args:
        period: the id of the period.
        oldest: the first day that counts in `used`, if the period moves on every day.
        only_open: whether ended jobs add nothing, as in limits on open jobs. Theirs never end, so they would be many.
    """
    nothing = Decimal(0)
    is_in_time = {"$gte": [{"$ifNull": ["$mine.day", ""]}, oldest or ""]}
    has_ended = {"$in": ["$status", [status.value for status in FINAL_STATUSES]]}
    counts = {
        "$and": [{"$eq": ["$mine.state", "settled"]}, {"$eq": ["$mine.number", "$latest"]}, has_ended, is_in_time]
    }
    charged = {"$cond": [{"$eq": ["$status", JobStatus.COMPLETED.value]}, "$cost.totalCost", nothing]}
    provider = {"$ifNull": ["$cost.providerCost", nothing]}
    cases = [
        {"case": {"$eq": ["$mine.counts", ReservationCounts.JOBS.value]}, "then": nothing},
        {"case": {"$eq": ["$mine.counts", ReservationCounts.PROVIDER.value]}, "then": provider},
    ]
    cost = {"$switch": {"branches": cases, "default": charged}}
    mine = {"$filter": {"input": "$reservations", "cond": {"$eq": ["$$this.period", {"$literal": period}]}}}
    return [
        {
            "$match": {
                "reservations": {"$elemMatch": {"period": period, **({"state": {"$in": _OPEN}} if only_open else {})}}
            }
        },
        {"$set": {"mine": mine}},
        {"$set": {"latest": {"$max": "$mine.number"}}},
        {"$unwind": "$mine"},
        {
            "$group": {
                "_id": None,
                "reserved": {"$sum": {"$cond": [{"$in": ["$mine.state", _OPEN]}, "$mine.amount", nothing]}},
                "used": {"$sum": {"$cond": [counts, cost, nothing]}},
            }
        },
    ]
