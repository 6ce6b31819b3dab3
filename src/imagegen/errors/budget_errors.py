"""Errors about budgets: there is none, its stored state does not allow the change, or it refuses a job."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from imagegen.errors.base import ImagegenError


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetState:
    """A period of a budget, as it is at one moment. Money is in US dollars.

    Attributes:
        id: the budget's.
        name: the budget's.
        holder: whose period it is: a key's id, a user's, or empty for all.
        limit: what may be spent in the period.
        used: the cost of jobs that have ended.
        reserved: the highest cost of the jobs that have not.
        resets_at: when the budget begins anew; None: never.
        hard: whether it refuses jobs.
    """

    id: str
    name: str
    holder: str
    limit: Decimal
    used: Decimal
    reserved: Decimal
    resets_at: datetime | None
    hard: bool = True

    @property
    def remaining(self) -> Decimal:
        """What may still be spent; negative if the limit was lowered, or was passed by a bill."""
        return self.limit - self.used - self.reserved


class BudgetExceeded(ImagegenError):
    """Budgets have no room for a request. Nothing was stored, sent or billed; `refusing` has every one of them."""

    def __init__(self, refusing: Sequence[BudgetState], estimate: Decimal) -> None:
        self.refusing = tuple(refusing)
        self.estimate = estimate
        words = "; ".join(f"{each.name!r} has {max(Decimal(0), each.remaining)} USD left" for each in self.refusing)
        super().__init__(f"The request may cost {estimate} USD, and its budget does not allow that: {words}.")


class BudgetNotFound(ImagegenError):
    """No budget has this id, or the caller's own key does not allow to see it."""

    def __init__(self, budget_id: str) -> None:
        super().__init__(f"There is no budget {budget_id}.")
        self.budget_id = budget_id


class BudgetExists(ImagegenError):
    """There is a budget with this id already, or with this idempotency key."""

    def __init__(self, budget_id: str) -> None:
        super().__init__(f"There is a budget {budget_id} already.")
        self.budget_id = budget_id


class StaleBudget(ImagegenError):
    """A compare-and-set lost: the budget was changed since it was read."""

    def __init__(self, budget_id: str) -> None:
        super().__init__(f"Budget {budget_id} was changed by someone else.")
        self.budget_id = budget_id


class BudgetDeleted(ImagegenError):
    """The budget was deleted, for good."""

    def __init__(self, budget_id: str) -> None:
        super().__init__(f"Budget {budget_id} is deleted for good. Create another one.")
        self.budget_id = budget_id


class TooManyBudgets(ImagegenError):
    """There are as many budgets as there may be."""

    def __init__(self, most: int) -> None:
        super().__init__(f"There are {most} budgets already, and no more are possible. Delete one first.")


class BudgetConflict(ImagegenError):
    """Other requests changed the budget at the same time, again and again."""

    def __init__(self, budget_id: str) -> None:
        super().__init__(f"Budget {budget_id} is being changed by other requests. Nothing was changed; try again.")
        self.budget_id = budget_id
