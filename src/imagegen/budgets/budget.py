"""A budget: its amount, and which jobs count."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Final
from zoneinfo import ZoneInfo

from imagegen.budgets.periods import Period, Window, time_zone, window_of

ANY_USER: Final = "*"


class ScopeKind(StrEnum):
    """Whose jobs count."""

    KEY = "key"
    USER = "user"
    ALL = "all"


class Counts(StrEnum):
    """What counts: what callers are charged, or what fal bills. fal's bill is unknown before a job ends."""

    CHARGE = "charge"
    PROVIDER = "provider"


@dataclass(frozen=True, slots=True)
class BudgetScope:
    """Whose jobs count.

    Attributes:
        kind: those of a key, of a user, or all.
        value: the id of the key or of the user; `*`: each user has the amount for itself; None for all.
    """

    kind: ScopeKind
    value: str | None = None

    def holder(self, key_id: str | None, user_id: str) -> str | None:
        """Under whose name a job counts: a key's id, a user's, or an empty one for all; None if it does not count."""
        if self.kind is ScopeKind.ALL:
            return ""
        if self.kind is ScopeKind.USER:
            return user_id if self.value in {ANY_USER, user_id} else None
        return key_id if key_id is not None and self.value == key_id else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Adjustment:
    """A change of a budget's amount, for some periods or for good.

    Attributes:
        id: a ULID.
        amount: in US dollars; negative to take something away.
        reason: why.
        at: when it was made.
        until: the end of the last period that has it; None: it stays.
    """

    id: str
    amount: Decimal
    reason: str
    at: datetime
    until: datetime | None = None

    def is_in(self, window: Window) -> bool:
        """Whether a period has it: one that ends after it was made, and begins before it is over."""
        is_over = self.until is not None and self.until <= (window.starts_at or self.at)
        return not is_over and (window.ends_at is None or window.ends_at > self.at)


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """A limit on what jobs may cost. Money is in US dollars.

    Attributes:
        id: a ULID.
        name: for people.
        scope: whose jobs count.
        amount: of a period, before adjustments.
        counts: the charge, or fal's bill.
        period: how often it begins anew; None: never, as a prepaid wallet.
        time_zone: an IANA name; days begin at its midnight.
        models: only jobs of these count; None: of all.
        alerts: percentages of the limit, ascending, that are told once in a period.
        hard: whether it refuses jobs; if not, it only tells.
        webhook_url: the receiver of what it tells; None: nobody.
        created_at: when it was made.
        adjustments: oldest first.
        deleted_at: when it was deleted; from then on nothing counts.
        version: one higher after each change.
    """

    id: str
    name: str
    scope: BudgetScope
    amount: Decimal
    created_at: datetime
    counts: Counts = Counts.CHARGE
    period: Period | None = None
    time_zone: str = "UTC"
    models: tuple[str, ...] | None = None
    alerts: tuple[int, ...] = (50, 80, 100)
    hard: bool = True
    webhook_url: str | None = None
    adjustments: tuple[Adjustment, ...] = ()
    deleted_at: datetime | None = None
    version: int = 1

    @property
    def zone(self) -> ZoneInfo:
        """Its time zone."""
        return time_zone(self.time_zone)

    def window(self, moment: datetime) -> Window:
        """Its period at this moment."""
        return window_of(moment, self.period, self.zone)

    def limit(self, window: Window) -> Decimal:
        """What may be spent in a period: the amount with its adjustments, never below zero."""
        adjusted = self.amount + sum((each.amount for each in self.adjustments if each.is_in(window)), Decimal(0))
        return max(Decimal(0), adjusted)

    def holder(self, key_id: str | None, user_id: str, model: str, aliases: Collection[str] = ()) -> str | None:
        """Under whose name a job counts; None if it does not count. `aliases` are other names of its model."""
        names = (model, *aliases)
        if self.deleted_at is not None or (self.models is not None and not any(name in self.models for name in names)):
            return None
        return self.scope.holder(key_id, user_id)
