"""The audit trail, as far as an administrator may read it: of keys that it could grant, and of what they once were."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final, cast

from imagegen.json_object import JsonObject
from imagegen.keys import NO_RATES, ApiKey, KeyScope, Rates
from imagegen.keys.grants import may_grant
from imagegen.operations.key_administration import KeyAdministration
from imagegen.storage.api_keys import rates_of
from imagegen.storage.audit import AuditAction, AuditEntry

_BEGINNINGS: Final = frozenset({AuditAction.CREATED, AuditAction.IMPORTED})


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditPage:
    """Entries, newest first. `next_before` continues them; None if these are the last."""

    entries: Sequence[AuditEntry]
    next_before: str | None


async def audit_page(
    admin: KeyAdministration, *, limit: int, before: str | None = None, key_id: str | None = None
) -> AuditPage:
    """At most `limit` entries before the one with the id `before`, of one key or of all that the administrator sees."""
    own = admin.own_key
    if own is None:
        entries, onward = await admin.audit.page(limit=limit, before=before, key_ids=_only(key_id))
        return AuditPage(entries=entries, next_before=onward)
    keys = {key.id: key for key in await admin.store.all() if admin.sees(key) and key_id in {None, key.id}}
    shown: list[AuditEntry] = []
    while len(shown) <= limit:
        found, before = await admin.audit.page(limit=limit + 1, before=before, key_ids=keys)
        shown += [entry for entry in found if entry.key_id is not None and _is_within(entry, keys[entry.key_id], own)]
        if before is None:
            break
    page = shown[:limit]
    return AuditPage(entries=page, next_before=page[-1].id if len(shown) > limit else None)


def _only(key_id: str | None) -> Collection[str] | None:
    return None if key_id is None else (key_id,)


def _is_within(entry: AuditEntry, key: ApiKey, own: ApiKey) -> bool:
    """Whether the administrator could also have granted the key as it was before and after the change."""
    if entry.action in _BEGINNINGS:
        return _could_grant(
            own, replace(key, users=None, models=None, rates=NO_RATES, expires_at=None), entry.changes, "to"
        )
    return all(_could_grant(own, key, entry.changes, side) for side in ("from", "to"))


def _could_grant(own: ApiKey, key: ApiKey, changes: Mapping[str, JsonObject], side: str) -> bool:
    told = {name: change[side] for name, change in changes.items()}
    state: dict[str, Any] = {field: read(told[name]) for name, (field, read) in _MEMBERS.items() if name in told}
    user = cast("str | None", told.get("defaultUser"))
    return may_grant(own, replace(key, **state)) and (user is None or own.users is None or user in own.users)


def _list(value: object) -> tuple[str, ...] | None:
    return None if value is None else tuple(cast("list[str]", value))


def _scopes(value: object) -> tuple[KeyScope, ...]:
    return tuple(map(KeyScope, cast("list[str]", value)))


def _rates(value: object) -> Rates:
    return rates_of(cast("Mapping[str, Any] | None", value))


def _moment(value: object) -> datetime | None:
    return None if value is None else datetime.fromisoformat(cast("str", value))


# Members of an entry that restrict a key: their fields, and how their values are read.
_MEMBERS: Final[Mapping[str, tuple[str, Callable[[object], object]]]] = {
    "users": ("users", _list),
    "models": ("models", _list),
    "scopes": ("scopes", _scopes),
    "rates": ("rates", _rates),
    "expiresAt": ("expires_at", _moment),
}
