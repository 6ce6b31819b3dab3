"""Budgets in MongoDB. A deleted one stays, so that its ledger can be read.

Each change is one transaction: the budget, compared with the version that the change started from, its entry in the
audit trail and, of an adjustment, its entry in the ledger. The counters of its periods are never part of it.
"""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, Final

from pydantic import JsonValue
from pymongo import ASCENDING, DESCENDING, IndexModel
from pymongo.errors import DuplicateKeyError

from imagegen.budgets import Adjustment, Budget, BudgetScope, Counts, Period, ScopeKind, time_zone
from imagegen.errors import BudgetExists, StaleBudget
from imagegen.jobs import Idempotency
from imagegen.json_object import JsonObject
from imagegen.storage.audit_trail import AuditEntry, AuditTrail, changes_between
from imagegen.storage.budgets.ledger import Ledger, LedgerEntry
from imagegen.storage.errors import mongo_errors
from imagegen.storage.mongodb import Collection, Session, in_transaction

_INDEXES: Final = (IndexModel([("deletedAt", ASCENDING), ("_id", DESCENDING)]),)
_UNDELETED: Final = {"deletedAt": None}


class Budgets:
    """The store of budgets, which adds to the audit trail and to the ledger."""

    def __init__(self, collection: Collection, audit: AuditTrail, ledger: Ledger) -> None:
        self._budgets, self._audit, self._ledger = collection, audit, ledger

    async def ensure_indexes(self) -> None:
        """Create the index that lists rely on."""
        with mongo_errors():
            await self._budgets.create_indexes(list(_INDEXES))

    async def all(self) -> Sequence[Budget]:
        """Every budget that ever was, by id; so the oldest first."""
        return await self._read({}, ASCENDING)

    async def undeleted(self) -> Sequence[Budget]:
        """Every budget that was not deleted, by id; so the oldest first."""
        return await self._read(_UNDELETED, ASCENDING)

    async def count(self) -> int:
        """How many budgets were not deleted."""
        with mongo_errors():
            return await self._budgets.count_documents(_UNDELETED)

    async def find(self, budget_id: str) -> Budget | None:
        """The budget with this id, even if it was deleted."""
        with mongo_errors():
            found = await self._budgets.find_one({"_id": budget_id})
        return None if found is None else (await _with_zones([_budget(found)]))[0]

    async def page(self, *, limit: int, before: str | None = None) -> Sequence[Budget]:
        """At most `limit` undeleted budgets, newest first; only those older than the one with the id `before`."""
        query = _UNDELETED if before is None else {**_UNDELETED, "_id": {"$lt": before}}
        return await self._read(query, DESCENDING, limit)

    async def insert(self, budget: Budget, entry: AuditEntry, idempotency: Idempotency | None = None) -> None:
        """Store a new budget. The idempotency key of a change is stored with its entry.

        Raises:
            BudgetExists: nothing was stored.
        """

        async def store(session: Session) -> None:
            await self._budgets.insert_one(_document(budget), session=session)
            await self._audit.add_in(session, entry, idempotency)

        try:
            with mongo_errors():
                await in_transaction(self._budgets, store)
        except DuplicateKeyError as error:
            raise BudgetExists(budget.id) from error

    async def save(
        self,
        budget: Budget,
        entry: AuditEntry,
        idempotency: Idempotency | None = None,
        ledger_entry: LedgerEntry | None = None,
    ) -> None:
        """Store a changed budget, whose version is one higher than what it was made from.

        Raises:
            StaleBudget: another change was faster; nothing was stored.
            BudgetExists: a change with this idempotency key is stored already; nothing was stored.
        """
        before = {"_id": budget.id, "version": budget.version - 1}
        changed = _document(budget)
        del changed["_id"]

        async def store(session: Session) -> None:
            if (await self._budgets.update_one(before, {"$set": changed}, session=session)).matched_count == 0:
                raise StaleBudget(budget.id)
            await self._audit.add_in(session, entry, idempotency)
            if ledger_entry is not None:
                await self._ledger.add_in(session, ledger_entry)

        try:
            with mongo_errors():
                await in_transaction(self._budgets, store)
        except DuplicateKeyError as error:
            raise BudgetExists(budget.id) from error

    async def _read(self, query: Mapping[str, Any], direction: int, limit: int = 0) -> Sequence[Budget]:
        with mongo_errors():
            found = self._budgets.find(query).sort("_id", direction).limit(limit)
            return await _with_zones([_budget(document) async for document in found])


async def _with_zones(budgets: Sequence[Budget]) -> Sequence[Budget]:
    """Load their time zones, each once in a process: that reads files, which would block the event loop later."""
    names = {each.time_zone for each in budgets}
    await asyncio.to_thread(lambda: [time_zone(name) for name in names])
    return budgets


def changes_of(old: Budget | None, new: Budget) -> Mapping[str, JsonObject]:
    """The changed members for the audit trail, without adjustments; `old` is None for a new budget."""
    return changes_between({} if old is None else _members(old), _members(new))


def _members(budget: Budget) -> Mapping[str, JsonValue]:
    """Money is text, which is exact."""
    return {
        "name": budget.name,
        "scope": {"kind": budget.scope.kind.value, "value": budget.scope.value},
        "amount": f"{budget.amount:f}",
        "counts": budget.counts.value,
        "period": budget.period and budget.period.value,
        "timeZone": budget.time_zone,
        "models": None if budget.models is None else list(budget.models),
        "alerts": list(budget.alerts),
        "hard": budget.hard,
        "webhookUrl": budget.webhook_url,
        "deletedAt": budget.deleted_at and budget.deleted_at.isoformat(),
    }


def _document(budget: Budget) -> dict[str, Any]:
    return {
        "_id": budget.id,
        "name": budget.name,
        "scope": {"kind": budget.scope.kind.value, "value": budget.scope.value},
        "amount": budget.amount,
        "counts": budget.counts.value,
        "period": budget.period and budget.period.value,
        "timeZone": budget.time_zone,
        "models": None if budget.models is None else list(budget.models),
        "alerts": list(budget.alerts),
        "hard": budget.hard,
        "webhookUrl": budget.webhook_url,
        "createdAt": budget.created_at,
        "adjustments": [_adjustment_document(each) for each in budget.adjustments],
        "deletedAt": budget.deleted_at,
        "version": budget.version,
    }


def _adjustment_document(adjustment: Adjustment) -> dict[str, Any]:
    return {
        "id": adjustment.id,
        "amount": adjustment.amount,
        "reason": adjustment.reason,
        "at": adjustment.at,
        "until": adjustment.until,
    }


def _budget(document: Mapping[str, Any]) -> Budget:
    period, models = document["period"], document["models"]
    return Budget(
        id=document["_id"],
        name=document["name"],
        scope=BudgetScope(ScopeKind(document["scope"]["kind"]), document["scope"]["value"]),
        amount=document["amount"],
        counts=Counts(document["counts"]),
        period=None if period is None else Period(period),
        time_zone=document["timeZone"],
        models=None if models is None else tuple(models),
        alerts=tuple(document["alerts"]),
        hard=document["hard"],
        webhook_url=document["webhookUrl"],
        created_at=document["createdAt"],
        adjustments=tuple(_adjustment(each) for each in document["adjustments"]),
        deleted_at=document["deletedAt"],
        version=document["version"],
    )


def _adjustment(document: Mapping[str, Any]) -> Adjustment:
    return Adjustment(
        id=document["id"],
        amount=document["amount"],
        reason=document["reason"],
        at=document["at"],
        until=document["until"],
    )
