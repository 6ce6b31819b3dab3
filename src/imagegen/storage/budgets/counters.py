"""The counters of budgets: one document for each budget, period and holder, made when the first job needs it.

The limits on open jobs of keys and users are counted here as well: each open job is 1 of `reserved`.

`used` is what ended jobs cost, `reserved` the most that the others can cost. Both change in rounds only, each one
update of one document. No transaction writes these documents: many jobs change the same one, so transactions would
conflict and be repeated.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from pymongo import ASCENDING, DESCENDING, IndexModel, ReturnDocument
from pymongo.errors import DuplicateKeyError

from imagegen.budgets import Budget
from imagegen.clock import now
from imagegen.errors import BudgetState, DatabaseUnavailable
from imagegen.storage.budgets import counter_updates
from imagegen.storage.budgets.budget_period import BudgetPeriod
from imagegen.storage.budgets.counter_updates import last_round
from imagegen.storage.budgets.rounds import Round
from imagegen.storage.errors import mongo_errors
from imagegen.storage.expressions import from_now, milliseconds
from imagegen.storage.mongodb import Collection

_TRIES: Final = 5
_FORGOTTEN_WITHIN: Final = timedelta(days=1)
_INDEXES: Final = (
    IndexModel([("budgetId", ASCENDING), ("window", ASCENDING), ("used", DESCENDING)]),
    IndexModel([("changedAt", ASCENDING)]),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """A period's counters, as they are after a round.

    Attributes:
        limit: what may be spent.
        used: what ended jobs cost.
        reserved: the most that the others can cost.
        alerted: the percentages that were told already.
    """

    limit: Decimal
    used: Decimal
    reserved: Decimal
    alerted: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangedPeriod:
    """A period whose counters have changed.

    Attributes:
        id: of the period.
        budget_id: of its budget.
        holder: whose period it is.
        window: the id of the period within the budget.
        counted: its counters.
        changed_at: when they changed.
        refused_at: when it last refused a request; None: never.
        refusal_told_at: the refusal that was told last; None: none was.
    """

    id: str
    budget_id: str
    holder: str
    window: str
    counted: Counted
    changed_at: datetime
    refused_at: datetime | None
    refusal_told_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LastRound:
    """The last round of a process in a lane of a period.

    Attributes:
        id: None if it was given up.
        number: its place.
        at: when it took place, on the database's clock.
        is_open: whether the period had begun and was not over then.
        fits: for each request, whether there was room for it.
    """

    id: str | None
    number: int
    at: datetime
    is_open: bool = True
    fits: tuple[bool, ...] = ()

    def shows(self, which: Round) -> bool:
        """Whether that round has taken place. A process goes on to the next round only when it knows that."""
        return self.number > which.number or self.id == which.id


class BudgetCounters:
    """The store of counters."""

    def __init__(self, collection: Collection) -> None:
        self._periods = collection

    async def ensure_indexes(self) -> None:
        """Create the indexes that lists and reconciliation rely on."""
        with mongo_errors():
            await self._periods.create_indexes(list(_INDEXES))

    async def reserve(
        self, new: Round, period: BudgetPeriod, asks: Sequence[tuple[Decimal, bool]]
    ) -> tuple[LastRound, Counted]:
        """Add each request's amount, in order, if there is room or it is forced. What is there afterwards is returned.

        The round took place if the returned one is this one.
        """
        update = counter_updates.reserve(new, period, asks)
        for _ in range(_TRIES):
            try:
                found = await self._update(new, update, upsert=True)
            except DuplicateKeyError:  # another process made the document at the same moment
                continue
            assert found is not None
            last = last_round_in(found, new.process, new.kind.lane)
            assert last is not None
            return last, _counted(found)
        raise DatabaseUnavailable

    async def settle(self, new: Round) -> LastRound | None:
        """Book, settle or release the amounts of a round. It took place if the returned one is this one.

        Returns:
            The last round of the lane; None if there are no counters.
        """
        found = await self._update(new, counter_updates.settle(new))
        return None if found is None else last_round_in(found, new.process, new.kind.lane)

    async def give_up(self, which: Round) -> LastRound | None:
        """Prevent a round that has not taken place. Returns the last round of its lane, which shows whether it has."""
        found = await self._update(which, counter_updates.give_up(which))
        return None if found is None else last_round_in(found, which.process, which.kind.lane)

    async def _update(
        self, which: Round, update: list[dict[str, Any]], *, upsert: bool = False
    ) -> Mapping[str, Any] | None:
        shown = ["limit", "used", "reserved", "alerted", last_round(which.process, which.kind.lane)]
        with mongo_errors():
            found: dict[str, Any] | None = await self._periods.find_one_and_update(
                {"_id": which.period},
                update,
                projection=shown,
                upsert=upsert,
                return_document=ReturnDocument.AFTER,
            )
        return found

    async def states(self, wanted: Sequence[tuple[Budget, str]], at: datetime) -> Sequence[BudgetState]:
        """The periods of these budgets and holders at this moment."""
        periods = [BudgetPeriod(budget=budget, holder=holder, window=budget.window(at)) for budget, holder in wanted]
        looked = await self.look(periods)
        return [
            state_of(budget, period, counted)
            for (budget, _), period, counted in zip(wanted, periods, looked, strict=True)
        ]

    async def look(self, periods: Sequence[BudgetPeriod]) -> Sequence[Counted]:
        """The counters of these periods; takes nothing, and writes nothing."""
        with mongo_errors():
            found = self._periods.find({"_id": {"$in": [each.id for each in periods]}}, _SHOWN)
            documents = {document["_id"]: document async for document in found}
        return [_looked_at(each, documents.get(each.id)) for each in periods]

    async def holders(self, budget: Budget, at: datetime, limit: int) -> Sequence[BudgetState]:
        """At most `limit` holders of a budget in its period at this moment, those that have used most first."""
        window = budget.window(at)
        with mongo_errors():
            found = (
                self._periods.find({"budgetId": budget.id, "window": window.id}, _SHOWN)
                .sort("used", DESCENDING)
                .limit(limit)
            )
            documents = await found.to_list(length=limit)
        periods = [BudgetPeriod(budget=budget, holder=document["holder"], window=window) for document in documents]
        return [
            state_of(budget, period, _looked_at(period, document))
            for period, document in zip(periods, documents, strict=True)
        ]

    async def apply_limit(self, budget: Budget, at: datetime) -> None:
        """Set the limit of the current periods of a changed budget; a period that is made later has it anyway."""
        window = budget.window(at)
        older = {"budgetId": budget.id, "window": window.id, "version": {"$lt": budget.version}}
        with mongo_errors():
            await self._periods.update_many(older, {"$set": {"limit": budget.limit(window), "version": budget.version}})

    async def changed_within(
        self, age: timedelta, budget_ids: Iterable[str], whole: Sequence[tuple[str, str]] = ()
    ) -> Sequence[ChangedPeriod]:
        """The periods of these budgets whose counters have changed lately; those that changed first are first.

        Args:
            age: how long ago at most, on the database's clock.
            budget_ids: the budgets.
            whole: budgets, each with the id of a window whose periods are wanted even if they have not changed.
        """
        others = [{"budgetId": each, "window": window, "changedAt": {"$ne": None}} for each, window in whole]
        lately = {"$gte": ["$changedAt", from_now(-age)]}
        wanted = {"$or": [{"$expr": lately, "budgetId": {"$in": sorted(budget_ids)}}, *others]}
        with mongo_errors():
            found = self._periods.find(wanted, {"days": 0, "rounds": 0}).sort("changedAt", ASCENDING)
            return [_changed(document) async for document in found]

    async def told_of_use(self, period: str, percent: int) -> None:
        """Note that a percentage of a period's limit was told."""
        with mongo_errors():
            await self._periods.update_one({"_id": period}, {"$addToSet": {"alerted": percent}})

    async def told_of_refusal(self, period: str, refused_at: datetime) -> None:
        """Note that a refusal in a period was told."""
        with mongo_errors():
            await self._periods.update_one({"_id": period}, {"$max": {"refusalToldAt": refused_at}})

    async def forget_processes(self, gone_for: timedelta, busy: Sequence[str]) -> None:
        """Drop the last rounds of processes that have had none for this long, but of those that have rounds left."""
        latest = {"$max": {"$map": {"input": {"$objectToArray": "$$this.v"}, "in": "$$this.v.at"}}}
        oldest_kept = {"$subtract": ["$$NOW", milliseconds(gone_for)]}
        is_kept = {"$or": [{"$gte": [latest, oldest_kept]}, {"$in": ["$$this.k", list(busy)]}]}
        kept = {"$filter": {"input": {"$objectToArray": "$rounds"}, "cond": is_kept}}
        has_others = {"$lt": [{"$size": kept}, {"$size": {"$objectToArray": "$rounds"}}]}
        lately = {"changedAt": {"$gte": now() - gone_for - _FORGOTTEN_WITHIN}}  # not each period that ever was
        with mongo_errors():
            await self._periods.update_many(
                {**lately, "$expr": has_others}, [{"$set": {"rounds": {"$arrayToObject": kept}}}]
            )


_SHOWN: Final = ("holder", "limit", "version", "used", "reserved", "days")


def state_of(budget: Budget, period: BudgetPeriod, counted: Counted) -> BudgetState:
    """A period of a budget as callers see it."""
    return BudgetState(
        id=budget.id,
        name=budget.name,
        holder=period.holder,
        limit=counted.limit,
        used=counted.used,
        reserved=counted.reserved,
        resets_at=period.window.ends_at,
        hard=budget.hard,
    )


def _looked_at(period: BudgetPeriod, document: Mapping[str, Any] | None) -> Counted:
    """The counters of a document at this moment; without one, nothing was counted yet."""
    document = document or {}
    used = money(document.get("used"))
    if (oldest := period.window.oldest_day) is not None:
        used = sum((money(cost) for day, cost in document.get("days", {}).items() if day >= oldest), Decimal(0))
    is_current = document.get("version", 0) > period.budget.version
    return Counted(
        limit=money(document["limit"]) if is_current else period.limit,
        used=used,
        reserved=money(document.get("reserved")),
    )


def _counted(document: Mapping[str, Any]) -> Counted:
    return Counted(
        limit=money(document["limit"]),
        used=money(document["used"]),
        reserved=money(document["reserved"]),
        alerted=tuple(document.get("alerted", ())),
    )


def _changed(document: Mapping[str, Any]) -> ChangedPeriod:
    return ChangedPeriod(
        id=document["_id"],
        budget_id=document["budgetId"],
        holder=document["holder"],
        window=document["window"],
        counted=_counted(document),
        changed_at=document["changedAt"],
        refused_at=document.get("refusedAt"),
        refusal_told_at=document.get("refusalToldAt"),
    )


def last_round_in(document: Mapping[str, Any], process: str, lane: str) -> LastRound | None:
    """The last round of a process in a lane, in the document of a period."""
    found = document.get("rounds", {}).get(process, {}).get(lane)
    if found is None:
        return None
    return LastRound(
        id=found["id"],
        number=found["number"],
        at=found["at"],
        is_open=found.get("isOpen", True),
        fits=tuple(found.get("fits", ())),
    )


def money(value: object) -> Decimal:
    """A sum; over nothing, MongoDB gives an int."""
    return value if isinstance(value, Decimal) else Decimal(int(value) if isinstance(value, int) else 0)
