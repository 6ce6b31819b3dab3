"""API keys in MongoDB.

Each change is one transaction: the key, compared with the version that the change started from, and its entry in the
audit trail.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from pydantic import JsonValue
from pymongo import ASCENDING, DESCENDING, IndexModel, UpdateOne
from pymongo.errors import DuplicateKeyError

from imagegen.errors import KeyExists, StaleKey
from imagegen.jobs import Idempotency, new_job_id
from imagegen.keys import NO_RATES, ApiKey, KeyScope, Rates
from imagegen.storage.audit_trail import AuditAction, AuditEntry, AuditTrail, changes_between
from imagegen.storage.errors import mongo_errors
from imagegen.storage.idempotency import (
    IDEMPOTENCY_INDEX,
    idempotency_document,
    idempotency_filter,
    stored_idempotency,
)
from imagegen.storage.mongodb import Collection, Session, bulk_update, in_transaction

_INDEXES: Final = (IndexModel([("createdAt", DESCENDING), ("_id", DESCENDING)]), IDEMPOTENCY_INDEX)
_IMPORT: Final = "import"  # the id of the note that the file was imported
_BATCH: Final = 500  # keys that are read before the event loop gets a turn


class ApiKeys:
    """The store of keys, which adds an entry to the audit trail for each change."""

    def __init__(self, collection: Collection, audit: AuditTrail) -> None:
        self._keys, self._audit = collection, audit

    async def ensure_indexes(self) -> None:
        """Create the indexes that lists and idempotency rely on."""
        with mongo_errors():
            await self._keys.create_indexes(list(_INDEXES))

    async def all(self) -> Sequence[ApiKey]:
        """Every key that ever was, oldest first."""
        with mongo_errors():
            found = self._keys.find({"sha256": {"$exists": True}}).sort("createdAt", ASCENDING).batch_size(_BATCH)
            return [_key(document) async for document in found]

    async def count(self) -> int:
        """How many keys were not revoked."""
        with mongo_errors():
            return await self._keys.count_documents({"sha256": {"$exists": True}, "revokedAt": None})

    async def find(self, key_id: str) -> ApiKey | None:
        """The key with this id."""
        with mongo_errors():
            found = await self._keys.find_one({"_id": key_id, "sha256": {"$exists": True}})
        return None if found is None else _key(found)

    async def page(self, *, limit: int, before: tuple[datetime, str] | None = None) -> Sequence[ApiKey]:
        """At most `limit` keys, newest first; only keys older than `before`, a time of creation and an id."""
        query: dict[str, Any] = {"sha256": {"$exists": True}}
        if before is not None:
            created_at, key_id = before
            query["$or"] = [{"createdAt": {"$lt": created_at}}, {"createdAt": created_at, "_id": {"$lt": key_id}}]
        with mongo_errors():
            found = self._keys.find(query).sort([("createdAt", DESCENDING), ("_id", DESCENDING)]).limit(limit)
            return [_key(document) async for document in found]

    async def release_idempotency_key(self, used: Idempotency, until: datetime) -> None:
        """Remove an idempotency key from a key that it created before this time."""
        older = {**idempotency_filter(used), "createdAt": {"$lte": until}}
        with mongo_errors():
            await self._keys.update_one(older, {"$unset": {"idempotency": ""}})

    async def find_by_idempotency_key(self, wanted: Idempotency, since: datetime) -> tuple[ApiKey, Idempotency] | None:
        """The key that a request with this idempotency key has created since then, and its stored idempotency key."""
        with mongo_errors():
            found = await self._keys.find_one({**idempotency_filter(wanted), "createdAt": {"$gt": since}})
        if found is None:
            return None
        return _key(found), stored_idempotency(found["idempotency"])

    async def insert(self, key: ApiKey, entry: AuditEntry, idempotency: Idempotency | None = None) -> None:
        """Store a new key.

        Raises:
            KeyExists: nothing was stored.
        """
        document = _document(key)
        if idempotency is not None:
            document["idempotency"] = idempotency_document(idempotency)

        async def store(session: Session) -> None:
            await self._keys.insert_one(document, session=session)
            await self._audit.add_in(session, entry)

        try:
            with mongo_errors():
                await in_transaction(self._keys, store)
        except DuplicateKeyError as error:
            raise KeyExists(key.id) from error

    async def save(self, key: ApiKey, entry: AuditEntry, idempotency: Idempotency | None = None) -> None:
        """Store a changed key, whose version is one higher than what it was made from.

        The idempotency key of a change is stored with its entry.

        Raises:
            StaleKey: another change was faster; nothing was stored.
            KeyExists: a change with this idempotency key is stored already; nothing was stored.
        """
        before = {"_id": key.id, "version": key.version - 1}
        changed = _document(key)
        del changed["_id"], changed["lastUsedAt"]

        async def store(session: Session) -> None:
            if (await self._keys.update_one(before, {"$set": changed}, session=session)).matched_count == 0:
                raise StaleKey(key.id)
            await self._audit.add_in(session, entry, idempotency)

        try:
            with mongo_errors():
                await in_transaction(self._keys, store)
        except DuplicateKeyError as error:
            raise KeyExists(key.id) from error

    async def revoke(self, key: ApiKey, entry: AuditEntry) -> None:
        """Store that a key is revoked, whichever version of it is stored: no other change can hold it up.

        Raises:
            StaleKey: it was revoked already; nothing was stored.
        """
        unrevoked = {"_id": key.id, "revokedAt": None}
        change = {"$set": {"revokedAt": key.revoked_at}, "$inc": {"version": 1}}

        async def store(session: Session) -> None:
            if (await self._keys.update_one(unrevoked, change, session=session)).matched_count == 0:
                raise StaleKey(key.id)
            await self._audit.add_in(session, entry)

        with mongo_errors():
            await in_transaction(self._keys, store)

    async def used(self, at: Mapping[str, datetime]) -> None:
        """Note when keys were last used."""
        if at:
            with mongo_errors():
                await bulk_update(
                    self._keys,
                    [UpdateOne({"_id": key_id}, {"$max": {"lastUsedAt": when}}) for key_id, when in at.items()],
                )

    async def is_imported(self) -> bool:
        """Whether a file of keys was imported completely."""
        with mongo_errors():
            return await self._keys.find_one({"_id": _IMPORT}, {"_id": 1}) is not None

    async def note_import(self, at: datetime) -> None:
        """Note that a file of keys was imported completely."""
        with mongo_errors():
            await self._keys.update_one({"_id": _IMPORT}, {"$setOnInsert": {"createdAt": at}}, upsert=True)


def members_of(key: ApiKey) -> Mapping[str, JsonValue]:
    """The members of a key that its holder may see, for the audit trail: neither hash nor version."""
    return {
        "name": key.name,
        "users": None if key.users is None else list(key.users),
        "models": None if key.models is None else list(key.models),
        "allModels": key.all_models,
        "scopes": [scope.value for scope in key.scopes],
        "defaultUser": key.default_user,
        "allowedTags": _listed(key.allowed_tags),
        "requiredTags": _listed(key.required_tags),
        "rates": None if key.rates == NO_RATES else _rates_document(key.rates),
        "expiresAt": key.expires_at and key.expires_at.isoformat(),
        "revokedAt": key.revoked_at and key.revoked_at.isoformat(),
    }


def audit_entry(actor: str, action: AuditAction, old: ApiKey | None, new: ApiKey, at: datetime) -> AuditEntry:
    """The entry for a change from `old`, None for a new key, to `new`."""
    changes = changes_between({} if old is None else members_of(old), members_of(new))
    return AuditEntry(id=new_job_id(at), at=at, actor=actor, action=action, key_id=new.id, changes=changes)


def _listed(values: Sequence[str] | None) -> list[JsonValue] | None:
    return None if values is None else [*values]


def _document(key: ApiKey) -> dict[str, Any]:
    return {
        "_id": key.id,
        "name": key.name,
        "sha256": key.sha256,
        "users": None if key.users is None else list(key.users),
        "models": None if key.models is None else list(key.models),
        "allModels": key.all_models,
        "scopes": [scope.value for scope in key.scopes],
        "defaultUser": key.default_user,
        "allowedTags": _listed(key.allowed_tags),
        "requiredTags": _listed(key.required_tags),
        "rates": _rates_document(key.rates),
        "createdAt": key.created_at,
        "expiresAt": key.expires_at,
        "revokedAt": key.revoked_at,
        "lastUsedAt": key.last_used_at,
        "version": key.version,
    }


def _key(document: Mapping[str, Any]) -> ApiKey:
    users, models = document["users"], document["models"]
    allowed, required = document.get("allowedTags"), document.get("requiredTags")  # keys of earlier versions have none
    return ApiKey(
        id=document["_id"],
        name=document["name"],
        sha256=document["sha256"],
        users=None if users is None else tuple(users),
        models=None if models is None else tuple(models),
        all_models=models is None and document.get("allModels", False),  # a process of an earlier version keeps it
        scopes=tuple(scope for scope in KeyScope if scope.value in document["scopes"]),  # a later version may have more
        default_user=document["defaultUser"],
        allowed_tags=None if allowed is None else tuple(allowed),
        required_tags=None if required is None else tuple(required),
        rates=rates_of(document.get("rates")),
        created_at=document["createdAt"],
        expires_at=document["expiresAt"],
        revoked_at=document["revokedAt"],
        last_used_at=document["lastUsedAt"],
        version=document["version"],
    )


def rates_of(document: Mapping[str, Any] | None) -> Rates:
    """Rates as they are stored, also in the audit trail; None: no limit."""
    if document is None:
        return NO_RATES
    return Rates(
        requests_per_minute=document["requestsPerMinute"],
        images_per_minute=document["imagesPerMinute"],
        open_jobs=document.get("openJobs"),
    )


def _rates_document(rates: Rates) -> dict[str, JsonValue]:
    return {
        "requestsPerMinute": rates.requests_per_minute,
        "imagesPerMinute": rates.images_per_minute,
        "openJobs": rates.open_jobs,
    }
