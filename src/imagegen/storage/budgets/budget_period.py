"""A period of a budget for one holder, as the document of its counters is named and made."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from imagegen.budgets import Budget, Window


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetPeriod:
    """A period of a budget for one holder: which document, and what it is made with.

    Attributes:
        budget: as it is known to this process.
        holder: whose period it is.
        window: the period.
    """

    budget: Budget
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
