"""The payloads of webhooks about budgets."""

from datetime import datetime

from pydantic import Field

from imagegen.wire.base import Money, Wire


class BudgetEventData(Wire):
    """A period of a budget, when the event happened. Money is in US dollars."""

    budget_id: str = Field(description="The budget's id.")
    name: str = Field(description="The budget's name.", examples=["Marketing"])
    holder: str = Field(description="Whose period it is: a key's id, a user's, or empty if all jobs count.")
    percent: int | None = Field(description="The percentage of the limit that was reached; null in `budget.refused`.")
    limit: Money = Field(description="What may be spent in the period.")
    used: Money = Field(description="The cost of jobs that have ended.")
    reserved: Money = Field(description="The highest cost of the jobs that have not.")
    resets_at: datetime | None = Field(description="UTC; when the budget begins anew. Null: never.")


class BudgetEvent(Wire):
    """Something about a budget. All attempts have the same `webhook-id`."""

    type: str = Field(description="`budget.alert` or `budget.refused`; more may come.", examples=["budget.alert"])
    timestamp: datetime = Field(description="UTC; when it happened.")
    data: BudgetEventData
