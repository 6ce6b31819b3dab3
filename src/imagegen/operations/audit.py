"""The audit trail, as far as an administrator may read it.

That is of keys that it could grant, and of what they once were, of budgets that it manages, and of the catalog.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final, cast

from imagegen.json_object import JsonObject
from imagegen.keys import NO_RATES, ApiKey, KeyScope, Rates
from imagegen.keys.grants import may_grant
from imagegen.operations.budget_administration import BudgetAdministration
from imagegen.operations.key_administration import KeyAdministration
from imagegen.storage.api_keys import rates_of
from imagegen.storage.audit_trail import AuditAction, AuditEntry

_BEGINNINGS: Final = frozenset({AuditAction.CREATED, AuditAction.IMPORTED})


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditPage:
    """Entries, newest first. `next_before` continues them; None if these are the last."""

    entries: Sequence[AuditEntry]
    next_before: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditReader:
    """Reads the audit trail for one administrator.

    Attributes:
        keys: what it does with keys.
        budgets: what it does with budgets.
    """

    keys: KeyAdministration
    budgets: BudgetAdministration

    async def page(
        self, *, limit: int, before: str | None = None, key_id: str | None = None, budget_id: str | None = None
    ) -> AuditPage:
        """At most `limit` entries before the one with the id `before`: all, or those of one key or one budget."""
        own, trail = self.keys.own_key, self.keys.audit
        if own is None:
            key_ids, budget_ids = _only(key_id, budget_id)
            entries, onward = await trail.page(limit=limit, before=before, key_ids=key_ids, budget_ids=budget_ids)
            return AuditPage(entries=entries, next_before=onward)
        keys, budgets = await self._managed(key_id, budget_id)
        shown: list[AuditEntry] = []
        while len(shown) <= limit:
            found, before = await trail.page(
                limit=limit + 1,
                before=before,
                key_ids=keys,
                budget_ids=budgets,
                with_catalog=key_id is None and budget_id is None,
            )
            shown += [each for each in found if each.key_id is None or _is_within(each, keys[each.key_id], own)]
            if before is None:
                break
        page = shown[:limit]
        return AuditPage(entries=page, next_before=page[-1].id if len(shown) > limit else None)

    async def _managed(self, key_id: str | None, budget_id: str | None) -> tuple[Mapping[str, ApiKey], Collection[str]]:
        """The keys, by id, and the ids of the budgets that the administrator manages, of those that are asked for."""
        wanted_keys, wanted_budgets = _only(key_id, budget_id)
        keys = {key.id: key for key in await self.keys.store.all() if self.keys.sees(key)}
        budgets = [each.id for each in await self.budgets.managed(await self.budgets.store.all())]
        return (
            keys if wanted_keys is None else {each: keys[each] for each in wanted_keys if each in keys},
            budgets if wanted_budgets is None else [each for each in wanted_budgets if each in budgets],
        )


def _only(key_id: str | None, budget_id: str | None) -> tuple[Collection[str] | None, Collection[str] | None]:
    """The ids of keys and of budgets to which entries are limited; None for no limit."""
    if key_id is None and budget_id is None:
        return None, None
    return [] if key_id is None else [key_id], [] if budget_id is None else [budget_id]


def _is_within(entry: AuditEntry, key: ApiKey, own: ApiKey) -> bool:
    """Whether the administrator could also have granted the key as it was before and after the change."""
    if entry.action in _BEGINNINGS:
        return _could_grant(
            own,
            replace(
                key, users=None, models=None, allowed_tags=None, required_tags=None, rates=NO_RATES, expires_at=None
            ),
            entry.changes,
            "to",
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
    "allowedTags": ("allowed_tags", _list),
    "requiredTags": ("required_tags", _list),
    "scopes": ("scopes", _scopes),
    "rates": ("rates", _rates),
    "expiresAt": ("expires_at", _moment),
}
