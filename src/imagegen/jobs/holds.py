"""A job that is held until its next attempt, and why."""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Self


class HoldKind(StrEnum):
    """What a held job waits for because an earlier attempt failed to get it."""

    OBJECT_STORE = "object_store"
    ACCOUNT = "account"
    SLOT = "slot"
    SUBMIT = "submit"
    STATUS = "status"
    RESULT = "result"
    KEEP_RESULT = "keep_result"
    ATTENTION = "attention"


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """A job that is tried again later, and why.

    Attributes:
        kind: what it waits for.
        reason: what the last attempt met, fit to be shown.
        since: when the first attempt in a row failed for this kind.
        attempts: how many attempts in a row failed for this kind.
        first_at: when the first attempt in a row failed for any kind; None if that one failed for this kind.
        same: how many of the last attempts in a row met exactly this reason.
        same_since: when the first of those failed.
        missing_since: since when fal has answered nothing but 404.
    """

    kind: HoldKind
    reason: str
    since: datetime
    attempts: int = 1
    same: int = 1
    same_since: datetime
    missing_since: datetime | None = None
    first_at: datetime | None = None

    @property
    def held_since(self) -> datetime:
        """When the first attempt in a row failed, for any kind."""
        return self.first_at or self.since

    @classmethod
    def after(cls, before: Self | None, kind: HoldKind, reason: str, now: datetime, *, missing: bool = False) -> Self:
        """The hold after one more failed attempt; `missing` says that it met a 404."""
        if before is None or before.kind is not kind:
            first_at = before.held_since if before is not None else None
            missing_since = now if missing else None
            return cls(
                kind=kind, reason=reason, since=now, same_since=now, missing_since=missing_since, first_at=first_at
            )
        is_same = before.reason == reason
        return replace(
            before,
            reason=reason,
            attempts=before.attempts + 1,
            same=before.same + 1 if is_same else 1,
            same_since=before.same_since if is_same else now,
            missing_since=(before.missing_since or now) if missing else None,
        )
