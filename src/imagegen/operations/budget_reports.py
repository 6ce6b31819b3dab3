"""What an administrator is told of budgets."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from imagegen.budgets import Budget, Window
from imagegen.errors import BudgetState
from imagegen.storage.budgets.ledger import LedgerEntry


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetReport:
    """A budget and what is left of it.

    Attributes:
        budget: as stored.
        at: the moment of the report.
        state: its period at that moment; None if each user has a budget for itself.
        holders: the users that have used most of it, if each has it for itself.
        replayed: an earlier request with the same idempotency key has done this.
    """

    budget: Budget
    at: datetime
    state: BudgetState | None = None
    holders: Sequence[BudgetState] = ()
    replayed: bool = False

    @property
    def window(self) -> Window:
        """The period."""
        return self.budget.window(self.at)


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetPage:
    """Budgets, newest first. `next_before` continues the list; None if these are the last."""

    budgets: Sequence[BudgetReport]
    next_before: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerPage:
    """Entries of a ledger, newest first. `next_before` continues them; None if these are the last."""

    entries: Sequence[LedgerEntry]
    next_before: tuple[datetime, str] | None
