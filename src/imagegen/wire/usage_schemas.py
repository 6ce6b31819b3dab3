"""Usage: what ended jobs have cost."""

from datetime import date

from pydantic import Field

from imagegen.wire.base import Money, Wire


class UsageFigures(Wire):
    """The sums of a row over its ended jobs."""

    jobs: int = Field(description="Jobs that ended, in any status.")
    completed: int = Field(description="Jobs that ended with images.")
    failed: int = Field(description="Jobs that ended without.")
    images: int = Field(description="Images delivered.")
    charged: Money = Field(description="What you charge.")
    provider_cost: Money | None = Field(description="fal.ai's bill; null unless it is known for every job.")
    known_provider_cost: Money = Field(description="fal.ai's bill for the jobs for which it is known.")
    margin: Money | None = Field(description="`charged` less `providerCost`; null if that is null.")
    unpriced_jobs: int = Field(description="Jobs whose fal.ai bill is unknown; each job's `providerNote` says why.")


class UsageRow(UsageFigures):
    """One row. Only the member that the rows are grouped by is set."""

    model: str | None = Field(description="The model, if rows are grouped by model.")
    day: date | None = Field(description="The day in UTC, if rows are grouped by day.")
    month: str | None = Field(description="The month in UTC, if rows are grouped by month.", examples=["2026-11"])
    user_id: str | None = Field(description="The user, if rows are grouped by user.")


class Usage(Wire):
    """What was spent, in total and by group."""

    user_id: str | None = Field(description="The user; null for every user of the API key.")
    from_: date | None = Field(alias="from", description="The first day.")
    to: date | None = Field(description="The day after the last.")
    group_by: str = Field(description="What the rows are grouped by.", examples=["model"])
    currency: str = Field(description="Currency of every amount here.", examples=["USD"])
    total: UsageFigures = Field(description="The sums of all jobs, those of omitted rows included.")
    rows: list[UsageRow] = Field(
        description="Sorted by what they are grouped by; users by what they were charged, the most first."
    )
    omitted_rows: int = Field(description="Users without a row: it has the 1,000 that were charged most.")
