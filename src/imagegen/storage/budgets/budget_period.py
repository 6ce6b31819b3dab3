"""A period of a budget, or of a limit on open jobs, for one holder: how its document is named and made."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Protocol

from imagegen.budgets import Window


class Limiting(Protocol):
    """What limits a period: a budget, or a limit on open jobs."""

    @property
    def id(self) -> str:
        """The first part of the ids of its periods."""
        ...

    @property
    def version(self) -> int:
        """One higher after each change."""
        ...

    @property
    def hard(self) -> bool:
        """Whether it refuses jobs."""
        ...

    def limit(self, window: Window, /) -> Decimal:
        """How much a period may have."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetPeriod:
    """A period of a budget, or of a limit on open jobs, for one holder: which document, and what it is made with.

    Attributes:
        budget: or the limit on open jobs, as it is known to this process.
        holder: whose period it is.
        window: the period.
    """

    budget: Limiting
    holder: str
    window: Window

    @property
    def id(self) -> str:
        """The id of the period's document. A holder may contain any character, so it is the last part."""
        return f"{self.budget.id}/{self.window.id}/{self.holder}"

    @property
    def limit(self) -> Decimal:
        """What may be spent in it."""
        return self.budget.limit(self.window)

    @property
    def fresh(self) -> dict[str, Any]:
        """Its document, before anything is counted."""
        return {
            "budgetId": self.budget.id,
            "holder": self.holder,
            "window": self.window.id,
            "startsAt": self.window.starts_at,
            "endsAt": self.window.ends_at,
            "limit": self.limit,
            "version": self.budget.version,
            "used": Decimal(0),
            "reserved": Decimal(0),
            "days": {},
            "rounds": {},
            "alerted": [],
        }
