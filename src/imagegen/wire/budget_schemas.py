"""Budgets: what they are, how much of them is left, and their ledger."""

from datetime import datetime

from pydantic import Field

from imagegen.wire.base import Money, Wire
from imagegen.wire.problem_schemas import ProblemBudget


class BudgetState(Wire):
    """A period of a budget, as it is now."""

    id: str = Field(description="The budget's id.")
    name: str = Field(description="The budget's name.")
    limit: Money = Field(description="US dollars that may be spent in the period: the amount with its adjustments.")
    used: Money = Field(description="US dollars that ended jobs cost.")
    reserved: Money = Field(description="US dollars that unfinished jobs can cost at most.")
    remaining: Money = Field(description="US dollars that are left; 0 if the budget is used up.")
    resets_at: datetime | None = Field(
        description="UTC; when the budget begins anew. Null for a prepaid wallet, which never does, and for "
        "`rolling-30d`, which does so bit by bit."
    )
    hard: bool = Field(description="Whether it refuses jobs; if not, it only tells.")


class RefusedRequest(Wire):
    """A request of a batch that its budgets did not allow. It has no job."""

    index: int = Field(description="Its place among the requests, from 0.", examples=[7])
    budgets: list[ProblemBudget] = Field(description="The budgets that refused it.")


class BudgetScope(Wire):
    """Whose jobs count."""

    kind: str = Field(description="Whose jobs count.", examples=["user"])
    value: str | None = Field(
        description="The id of the key or of the user. `*`: each user has the amount for itself. Null for `all`."
    )


class BudgetAdjustment(Wire):
    """A change of a budget's amount that is in force."""

    id: str = Field(description="A ULID.")
    amount: Money = Field(description="US dollars; negative if something was taken away.")
    reason: str = Field(description="Why.")
    created_at: datetime = Field(description="UTC.")
    until: datetime | None = Field(description="UTC; from when it does not count any more. Null: it stays.")


class BudgetHolder(Wire):
    """What one user has used of a budget that each user has for itself."""

    user_id: str = Field(description="The user.")
    limit: Money = Field(description="US dollars that the user may spend in the period.")
    used: Money = Field(description="US dollars that its ended jobs cost.")
    reserved: Money = Field(description="US dollars that its unfinished jobs can cost at most.")
    remaining: Money = Field(description="US dollars that are left; 0 if the budget is used up.")
    over_by: Money = Field(description="US dollars above the limit; 0 if it is within.")


class Budget(Wire):
    """A limit on what jobs may cost, and its current period."""

    id: str = Field(description="A ULID.")
    name: str = Field(description="For people.")
    scope: BudgetScope
    amount: Money = Field(description="US dollars for each period, before adjustments.")
    currency: str = Field(description="Currency of every amount here.", examples=["USD"])
    counts: str = Field(description="What counts: what you are charged, or what fal.ai bills.", examples=["charge"])
    period: str | None = Field(
        description="How often it begins anew; null: never, as a prepaid wallet.", examples=["month"]
    )
    time_zone: str | None = Field(
        description="IANA name; days begin at its midnight. Null without a period.", examples=["Europe/Berlin"]
    )
    models: list[str] | None = Field(description="Only jobs of these models count; null: of all.")
    alerts: list[int] = Field(description="Percentages of the limit that are told once in a period.")
    hard: bool = Field(description="Whether it refuses jobs; if not, it only tells.")
    webhook_url: str | None = Field(description="Receives what the budget tells.")
    created_at: datetime = Field(description="UTC.")
    deleted_at: datetime | None = Field(description="UTC; from then on nothing counts.")
    adjustments: list[BudgetAdjustment] = Field(description="The changes of its amount that are in force.")
    limit: Money = Field(description="US dollars that may be spent in the current period.")
    used: Money | None = Field(
        description="US dollars that ended jobs cost; null if each user has a budget for itself."
    )
    reserved: Money | None = Field(description="US dollars that unfinished jobs can cost at most; null as above.")
    remaining: Money | None = Field(description="US dollars that are left; 0 if it is used up; null as above.")
    over_by: Money | None = Field(
        description="US dollars above the limit, after it was lowered or was passed by a bill; null as above."
    )
    resets_at: datetime | None = Field(
        description="UTC; when the budget begins anew. Null for a prepaid wallet and for `rolling-30d`."
    )
    holders: list[BudgetHolder] = Field(
        description="If each user has a budget for itself: the 100 that have used most. Empty in lists."
    )


class BudgetList(Wire):
    """A page of budgets, newest first."""

    budgets: list[Budget] = Field(description="Newest first.")
    next_cursor: str | None = Field(description="Pass it as `cursor` to get the next page; null on the last page.")


class LedgerEntry(Wire):
    """One change of what is used, reserved or allowed. Entries are added, and never changed."""

    id: str = Field(description="Unique.")
    at: datetime = Field(description="UTC.")
    kind: str = Field(description="What happened.", examples=["reserve"])
    amount: Money = Field(
        description="US dollars: reserved for a job; charged for it at its end; released; or added to the limit."
    )
    reserved: Money | None = Field(description="What a settlement or a release takes off the reserved sum.")
    holder: str | None = Field(description="The id of the key or the user whose period it is; null for `all`.")
    period: str | None = Field(
        description="The first day of the period, `all` for a wallet, or `rolling-30d`; null for an adjustment."
    )
    job_id: str | None = Field(description="The job; null for an adjustment.")
    reason: str | None = Field(description="Why the budget was adjusted; otherwise null.")


class BudgetLedger(Wire):
    """A page of a budget's ledger, newest first."""

    entries: list[LedgerEntry] = Field(description="Newest first.")
    next_cursor: str | None = Field(description="Pass it as `cursor` to get the next page; null on the last page.")
