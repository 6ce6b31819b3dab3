"""API keys: create, show, change, revoke and rotate them. Every change has an entry in the audit trail.

An administrator whose own key has restrictions grants no more than that, and sees only keys that it could grant.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from imagegen.clock import now
from imagegen.errors import (
    GrantNotAllowed,
    IdempotencyMismatch,
    KeyConflict,
    KeyExists,
    KeyExpired,
    KeyNotFound,
    KeyRevoked,
    StaleKey,
    TooManyKeys,
)
from imagegen.jobs import Idempotency
from imagegen.keys import ApiKey, new_key
from imagegen.keys.grants import excesses, may_grant
from imagegen.operations.compare_and_set import compare_and_set
from imagegen.operations.key_requests import ChangeKeyRequest, CreateKeyRequest, in_order, rates_of, require_valid
from imagegen.registry import Registry
from imagegen.storage.api_keys import ApiKeys, audit_entry
from imagegen.storage.audit_trail import AuditAction, AuditEntry, AuditTrail
from imagegen.storage.idempotency import IDEMPOTENCY_KEPT

COMMAND: Final = "command"  # the actor of the command line
ANONYMOUS: Final = "anonymous"  # that of a caller without a key
MOST_KEYS: Final = 10_000  # not revoked; each process holds them, and reads them every ten seconds
_SEARCHED: Final = 500  # keys that are read at once, to find those that an administrator sees


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuedKey:
    """A key, and what may be said only now.

    Attributes:
        key: as stored.
        token: its new token; None if it has none, or if it was told to an earlier request.
        replayed: an earlier request with the same idempotency key has done this.
    """

    key: ApiKey
    token: str | None = None
    replayed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyPage:
    """Keys, newest first. `next_before` continues the list; None if these are the last."""

    keys: Sequence[ApiKey]
    next_before: tuple[datetime, str] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyAdministration:
    """What one administrator does with keys.

    Attributes:
        store: the keys.
        audit: the audit trail.
        registry: the models.
        actor: the administrator in the audit trail: the id of its key, or another word.
        own_key: its key; None if nothing restricts it.
        announce: tells every process, this one first, that keys have changed.
    """

    store: ApiKeys
    audit: AuditTrail
    registry: Registry
    actor: str
    own_key: ApiKey | None
    announce: Callable[[], Awaitable[None]]

    async def create(self, request: CreateKeyRequest, idempotency: Idempotency | None = None) -> IssuedKey:
        """Create a key.

        Raises:
            InvalidInput: with every fault.
            GrantNotAllowed: with everything that the administrator has not itself.
            TooManyKeys: no more are possible.
            IdempotencyMismatch: the idempotency key was used with another body.
        """
        if replay := await self._replayed_creation(idempotency):
            return replay
        require_valid(request, self.registry)
        key, token = _new_key(request)
        self._require_grant(key)
        if await self.store.count() >= MOST_KEYS:
            raise TooManyKeys(MOST_KEYS)
        try:
            await self.store.insert(key, self._entry(AuditAction.CREATED, None, key), idempotency)
        except KeyExists:
            await self._release(idempotency)
            return await self.create(request, idempotency)
        await self.announce()
        return IssuedKey(key=key, token=token)

    async def get(self, key_id: str) -> ApiKey:
        """One key. Raises KeyNotFound."""
        key = await self.store.find(key_id)
        if key is None or not self.sees(key):
            raise KeyNotFound(key_id[:64])
        return key

    async def page(self, *, limit: int, before: tuple[datetime, str] | None = None) -> KeyPage:
        """At most `limit` keys, newest first, from the one after `before` on."""
        keys: list[ApiKey] = []
        size = limit + 1 if self.own_key is None else max(limit + 1, _SEARCHED)
        while len(keys) <= limit:
            found = await self.store.page(limit=size, before=before)
            keys += [key for key in found if self.sees(key)]
            if len(found) < size:
                break
            before = _place(found[-1])
        shown = keys[:limit]
        return KeyPage(keys=shown, next_before=_place(shown[-1]) if len(keys) > limit else None)

    async def change(self, key_id: str, request: ChangeKeyRequest) -> ApiKey:
        """Change members of a key.

        Raises:
            KeyNotFound: there is none that the administrator sees.
            KeyRevoked: it cannot be changed any more.
            InvalidInput: with every fault.
            GrantNotAllowed: with everything that the administrator has not itself.
            KeyConflict: others change it at the same time.
        """

        def changed(key: ApiKey) -> IssuedKey:
            _require_unrevoked(key)
            require_valid(request, self.registry, key)
            new = request.applied_to(key)
            self._require_grant(new)
            return IssuedKey(key=new)

        return (await self._change(key_id, AuditAction.CHANGED, changed)).key

    async def revoke(self, key_id: str) -> ApiKey:
        """Revoke a key for good; a revoked key stays as it is. Raises KeyNotFound.

        It does not give way to other changes: the holder of a key that leaked could make them without end.
        """
        old = await self.get(key_id)
        if old.revoked_at is not None:
            return old
        new = old.revoked(now())
        try:
            await self.store.revoke(new, self._entry(AuditAction.REVOKED, old, new))
        except StaleKey:
            return await self.get(key_id)
        await self.announce()
        return new

    async def rotate(self, key_id: str, idempotency: Idempotency | None = None) -> IssuedKey:
        """Give a key a new token. The old one is no longer valid.

        Raises:
            KeyNotFound: there is none that the administrator sees.
            KeyRevoked: no token of it would be valid.
            KeyExpired: as above.
            IdempotencyMismatch: the idempotency key was used for another key.
            KeyConflict: others change it at the same time.
        """

        def rotated(key: ApiKey) -> IssuedKey:
            _require_unrevoked(key)
            if not key.is_valid(now()):
                raise KeyExpired(key.id)
            new, token = key.rotated()
            return IssuedKey(key=new, token=token)

        if replay := await self._replayed_rotation(idempotency):
            return replay
        try:
            return await self._change(key_id, AuditAction.ROTATED, rotated, idempotency)
        except KeyExists:
            await self._release(idempotency)
            return await self.rotate(key_id, idempotency)

    def sees(self, key: ApiKey) -> bool:
        """Whether the administrator could grant this key. To it, there are no others."""
        return may_grant(self.own_key, key)

    async def _change(
        self,
        key_id: str,
        action: AuditAction,
        make: Callable[[ApiKey], IssuedKey],
        idempotency: Idempotency | None = None,
    ) -> IssuedKey:
        """Store what `make` makes of the key, and make it again if another change was faster."""

        async def change() -> IssuedKey:
            old = await self.get(key_id)
            new = make(old)
            if new.key != old:
                await self.store.save(new.key, self._entry(action, old, new.key), idempotency)
                await self.announce()
            return new

        return await compare_and_set(change, StaleKey, KeyConflict(key_id))

    async def _replayed_creation(self, idempotency: Idempotency | None) -> IssuedKey | None:
        if idempotency is None:
            return None
        found = await self.store.find_by_idempotency_key(idempotency, now() - IDEMPOTENCY_KEPT)
        return None if found is None else await self._replay(found[0].id, found[1], idempotency)

    async def _replayed_rotation(self, idempotency: Idempotency | None) -> IssuedKey | None:
        if idempotency is None:
            return None
        found = await self.audit.find_change(idempotency, now() - IDEMPOTENCY_KEPT)
        if found is None:
            return None
        entry, stored = found
        assert entry.key_id is not None
        return await self._replay(entry.key_id, stored, idempotency)

    async def _replay(self, key_id: str, stored: Idempotency, sent: Idempotency) -> IssuedKey:
        if not sent.has_body_of(stored):
            raise IdempotencyMismatch(key_id=key_id)
        return IssuedKey(key=await self.get(key_id), replayed=True)

    async def _release(self, idempotency: Idempotency | None) -> None:
        if idempotency is not None:
            until = now() - IDEMPOTENCY_KEPT
            await self.store.release_idempotency_key(idempotency, until)
            await self.audit.release_idempotency_key(idempotency, until)

    def _require_grant(self, key: ApiKey) -> None:
        if faults := list(excesses(self.own_key, key)):
            raise GrantNotAllowed(faults)

    def _entry(self, action: AuditAction, old: ApiKey | None, new: ApiKey) -> AuditEntry:
        return audit_entry(self.actor, action, old, new, now())


def with_all_names(key: ApiKey | None, registry: Registry) -> ApiKey | None:
    """An administrator's key for its models under each of their names, so that it can grant them under each."""
    if key is None or key.models is None:
        return key
    return replace(key, models=tuple(dict.fromkeys(name for model in key.models for name in registry.names_of(model))))


def _new_key(request: CreateKeyRequest) -> tuple[ApiKey, str]:
    return new_key(
        request.name,
        now(),
        users=request.users or (),
        models=request.models or (),
        scopes=in_order(request.scopes),
        default_user=request.default_user,
        allowed_tags=request.allowed_tags or (),
        required_tags=request.required_tags or (),
        rates=rates_of(request),
        expires_at=request.expires_at,
    )


def _require_unrevoked(key: ApiKey) -> None:
    if key.revoked_at is not None:
        raise KeyRevoked(key.id)


def _place(key: ApiKey) -> tuple[datetime, str]:
    return key.created_at, key.id
