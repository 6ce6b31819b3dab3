"""API keys in the database of a test, added and revoked as `imagegen keys` does it: beside the running service."""

from collections.abc import Sequence
from datetime import datetime
from typing import TypedDict, Unpack

from imagegen.clock import now
from imagegen.keys import KeyScope, Rates, key_id_of, new_key
from imagegen.queue import Changed, announce_change
from imagegen.settings import Settings
from imagegen.storage.api_keys import audit_entry
from imagegen.storage.audit_trail import AuditAction
from imagegen.storage.stores import open_stores


class Grants(TypedDict, total=False):
    """What a key permits, as in `new_key`."""

    users: Sequence[str]
    models: Sequence[str]
    scopes: Sequence[KeyScope]
    default_user: str | None
    rates: Rates
    expires_at: datetime | None


async def add_key(settings: Settings, name: str = "shop", *, told: bool = True, **grants: Unpack[Grants]) -> str:
    """Add a key and tell the running processes, unless `told` is False. Returns its token."""
    key, token = new_key(name, now(), **grants)
    async with open_stores(settings.mongodb) as stores:
        await stores.api_keys.insert(key, audit_entry("command", AuditAction.CREATED, None, key, now()))
    if told:
        await announce_change(settings.nats, Changed.KEYS)
    return token


async def revoke_key(settings: Settings, token: str, *, told: bool = True) -> None:
    """Revoke the key of a token and tell the running processes, unless `told` is False."""
    async with open_stores(settings.mongodb) as stores:
        key = await stores.api_keys.find(key_id_of(token))
        assert key is not None
        revoked = key.revoked(now())
        await stores.api_keys.save(revoked, audit_entry("command", AuditAction.REVOKED, key, revoked, now()))
    if told:
        await announce_change(settings.nats, Changed.KEYS)


def bearer(token: str) -> dict[str, str]:
    """The header of a caller with this token."""
    return {"Authorization": f"Bearer {token}"}
