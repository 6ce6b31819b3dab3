"""Budgets: how much money the jobs of a key, of a user or of all may cost in a period. Pure: no I/O, no clock."""

from imagegen.budgets.adjusting import adjusted
from imagegen.budgets.budget import (
    ANY_USER,
    Adjustment,
    Budget,
    BudgetScope,
    Counts,
    ScopeKind,
)
from imagegen.budgets.open_jobs import OPEN_JOBS_IDS, OpenJobsLimit
from imagegen.budgets.periods import ROLLING_DAYS, Period, Window, day_of, end_after, time_zone, window_of

__all__ = [
    "ANY_USER",
    "OPEN_JOBS_IDS",
    "ROLLING_DAYS",
    "Adjustment",
    "Budget",
    "BudgetScope",
    "Counts",
    "OpenJobsLimit",
    "Period",
    "ScopeKind",
    "Window",
    "adjusted",
    "day_of",
    "end_after",
    "time_zone",
    "window_of",
]
