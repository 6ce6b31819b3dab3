"""The ledger of budgets: what was reserved, settled, released and adjusted. Entries are added, and never changed.

An entry's id names what it is about, so that a repeated write adds nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final

from pymongo import ASCENDING, DESCENDING, IndexModel, InsertOne
from pymongo.errors import BulkWriteError

from imagegen.storage.errors import duplicate_keys, mongo_errors
from imagegen.storage.mongodb import Collection, Session

_INDEXES: Final = (
    IndexModel([("budgetId", ASCENDING), ("at", DESCENDING), ("_id", DESCENDING)]),
    IndexModel([("jobId", ASCENDING)], partialFilterExpression={"jobId": {"$exists": True}}),
)


class LedgerKind(StrEnum):
    """What an entry is about."""

    RESERVE = "reserve"
    SETTLE = "settle"
    RELEASE = "release"
    ADJUST = "adjust"


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerEntry:
    """One entry.

    Attributes:
        id: unique; a repeated entry has the same.
        at: when it was made.
        budget_id: the budget.
        kind: what it is about.
        amount: US dollars: reserved; charged at the end, which frees `reserved`; released; or added to the limit.
        reserved: what a settlement or a release takes off the reserved sum; None for the other kinds.
        holder: whose period it is: a key's id, a user's, empty for all; None for an adjustment.
        period: the id of the period; None for an adjustment.
        job_id: the job; None for an adjustment.
        reason: of an adjustment; else None.
    """

    id: str
    at: datetime
    budget_id: str
    kind: LedgerKind
    amount: Decimal
    reserved: Decimal | None = None
    holder: str | None = None
    period: str | None = None
    job_id: str | None = None
    reason: str | None = None


class Ledger:
    """The store of entries."""

    def __init__(self, collection: Collection) -> None:
        self._entries = collection

    async def ensure_indexes(self) -> None:
        """Create the indexes that pages rely on."""
        with mongo_errors():
            await self._entries.create_indexes(list(_INDEXES))

    async def add(self, entries: Sequence[LedgerEntry]) -> None:
        """Add entries; those that are there already stay as they are."""
        if not entries:
            return
        with mongo_errors():
            try:
                await self._entries.bulk_write([InsertOne(_document(each)) for each in entries], ordered=False)  # pyright: ignore[reportUnknownMemberType] - its `let`
            except BulkWriteError as error:
                duplicate_keys(error)

    async def add_in(self, session: Session, entry: LedgerEntry) -> None:
        """Add an entry in a transaction. Raises the driver's errors."""
        await self._entries.insert_one(_document(entry), session=session)

    async def page(
        self, budget_id: str, *, limit: int, before: tuple[datetime, str] | None = None, job_id: str | None = None
    ) -> Sequence[LedgerEntry]:
        """At most `limit` entries of a budget, newest first; only those before `before`, a time and an id."""
        query: dict[str, Any] = {"budgetId": budget_id}
        if job_id is not None:
            query["jobId"] = job_id
        if before is not None:
            at, entry_id = before
            query["$or"] = [{"at": {"$lt": at}}, {"at": at, "_id": {"$lt": entry_id}}]
        with mongo_errors():
            found = self._entries.find(query).sort([("at", DESCENDING), ("_id", DESCENDING)]).limit(limit)
            return [_entry(document) async for document in found]


_OPTIONAL: Final = ("reserved", "holder", "period", "jobId", "reason")


def _document(entry: LedgerEntry) -> dict[str, Any]:
    document = {
        "_id": entry.id,
        "at": entry.at,
        "budgetId": entry.budget_id,
        "kind": entry.kind.value,
        "amount": entry.amount,
        "reserved": entry.reserved,
        "holder": entry.holder,
        "period": entry.period,
        "jobId": entry.job_id,
        "reason": entry.reason,
    }
    return {name: value for name, value in document.items() if value is not None or name not in _OPTIONAL}


def _entry(document: Mapping[str, Any]) -> LedgerEntry:
    return LedgerEntry(
        id=document["_id"],
        at=document["at"],
        budget_id=document["budgetId"],
        kind=LedgerKind(document["kind"]),
        amount=document["amount"],
        reserved=document.get("reserved"),
        holder=document.get("holder"),
        period=document.get("period"),
        job_id=document.get("jobId"),
        reason=document.get("reason"),
    )
