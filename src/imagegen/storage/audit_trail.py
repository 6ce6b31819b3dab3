"""The audit trail in MongoDB: one entry for each change of a key, a budget or the catalog.

That of a key or a budget is added in the transaction that stores the change.
"""

from collections.abc import Collection as Ids
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from pydantic import JsonValue
from pymongo import ASCENDING, DESCENDING, IndexModel

from imagegen.jobs import Idempotency
from imagegen.json_object import JsonObject
from imagegen.storage.errors import mongo_errors
from imagegen.storage.idempotency import (
    IDEMPOTENCY_INDEX,
    idempotency_document,
    idempotency_filter,
    stored_idempotency,
)
from imagegen.storage.mongodb import Collection, Session

_INDEXES: Final = (
    IndexModel([("keyId", ASCENDING), ("_id", DESCENDING)]),
    IndexModel([("budgetId", ASCENDING), ("_id", DESCENDING)]),
    IDEMPOTENCY_INDEX,
)


class AuditAction(StrEnum):
    """What happened to a key, a budget or the catalog."""

    CREATED = "key.created"
    IMPORTED = "key.imported"
    CHANGED = "key.changed"
    ROTATED = "key.rotated"
    REVOKED = "key.revoked"
    BUDGET_CREATED = "budget.created"
    BUDGET_CHANGED = "budget.changed"
    BUDGET_ADJUSTED = "budget.adjusted"
    BUDGET_DELETED = "budget.deleted"
    CATALOG_RELOADED = "catalog.reloaded"


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """One change.

    Attributes:
        id: a ULID.
        at: when it was made.
        actor: the id of the key that made it, or how else it was made: `command`, `bootstrap`, `file`, `anonymous`.
        action: what happened.
        key_id: the changed key; None if it was something else.
        budget_id: the changed budget; None if it was something else.
        changes: each changed member with its old and its new value, `{"from": …, "to": …}`; never a token or a hash.
    """

    id: str
    at: datetime
    actor: str
    action: AuditAction
    key_id: str | None = None
    budget_id: str | None = None
    changes: Mapping[str, JsonObject]


class AuditTrail:
    """The store of entries. They are added by the stores of what has changed."""

    def __init__(self, collection: Collection) -> None:
        self._entries = collection

    async def ensure_indexes(self) -> None:
        """Create the indexes that pages and idempotency rely on."""
        with mongo_errors():
            await self._entries.create_indexes(list(_INDEXES))

    async def add_in(self, session: Session, entry: AuditEntry, idempotency: Idempotency | None = None) -> None:
        """Add an entry in a transaction, with the idempotency key of the change. Raises the driver's errors."""
        document = _document(entry)
        if idempotency is not None:
            document["idempotency"] = idempotency_document(idempotency)
        await self._entries.insert_one(document, session=session)

    async def add(self, entry: AuditEntry) -> None:
        """Add an entry of a change that MongoDB does not store."""
        with mongo_errors():
            await self._entries.insert_one(_document(entry))

    async def find_change(self, wanted: Idempotency, since: datetime) -> tuple[AuditEntry, Idempotency] | None:
        """The change that a request with this idempotency key has made since then, and its stored idempotency key."""
        with mongo_errors():
            found = await self._entries.find_one({**idempotency_filter(wanted), "at": {"$gt": since}})
        return None if found is None else (_entry(found), stored_idempotency(found["idempotency"]))

    async def release_idempotency_key(self, used: Idempotency, until: datetime) -> None:
        """Remove an idempotency key from a change that was made before this time."""
        with mongo_errors():
            await self._entries.update_one(
                {**idempotency_filter(used), "at": {"$lte": until}}, {"$unset": {"idempotency": ""}}
            )

    async def page(
        self,
        *,
        limit: int,
        before: str | None = None,
        key_ids: Ids[str] | None = None,
        budget_ids: Ids[str] | None = None,
        with_catalog: bool = False,
    ) -> tuple[Sequence[AuditEntry], str | None]:
        """At most `limit` entries, newest first.

        Args:
            limit: the most entries.
            before: only entries before the one with this id.
            key_ids: only entries of these keys, and of `budget_ids`; all, if both are None.
            budget_ids: only entries of these budgets, and of `key_ids`.
            with_catalog: besides these, those of the catalog.

        Returns:
            The entries, and the id to continue before; None if these are the last.
        """
        query: dict[str, Any] = {}
        if before is not None:
            query["_id"] = {"$lt": before}
        if key_ids is not None or budget_ids is not None:
            catalog = [{"action": AuditAction.CATALOG_RELOADED.value}] if with_catalog else []
            query["$or"] = [
                {"keyId": {"$in": [*(key_ids or ())]}},
                {"budgetId": {"$in": [*(budget_ids or ())]}},
                *catalog,
            ]
        with mongo_errors():
            found = await self._entries.find(query).sort("_id", DESCENDING).limit(limit + 1).to_list(length=limit + 1)
        entries = [_entry(document) for document in found[:limit]]
        return entries, entries[-1].id if len(found) > limit else None


def changes_between(old: Mapping[str, JsonValue], new: Mapping[str, JsonValue]) -> Mapping[str, JsonObject]:
    """Each member that differs, with its old and its new value."""
    return {name: {"from": old.get(name), "to": value} for name, value in new.items() if old.get(name) != value}


def _document(entry: AuditEntry) -> dict[str, Any]:
    document: dict[str, Any] = {
        "_id": entry.id,
        "at": entry.at,
        "actor": entry.actor,
        "action": entry.action.value,
        "keyId": entry.key_id,
        "changes": {name: dict(change) for name, change in entry.changes.items()},
    }
    return document if entry.budget_id is None else {**document, "budgetId": entry.budget_id}


def _entry(document: Mapping[str, Any]) -> AuditEntry:
    return AuditEntry(
        id=document["_id"],
        at=document["at"],
        actor=document["actor"],
        action=AuditAction(document["action"]),
        key_id=document["keyId"],
        budget_id=document.get("budgetId"),
        changes=document["changes"],
    )
