"""What a job holds of budgets and of limits on open jobs, until its end settles it. Pure."""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum


class ReservationState(StrEnum):
    """How far a reservation is.

    booking ──▶ held        the job ran again after its end, and its cost is being added again
    held ──▶ settling       the job has ended
    settling ──▶ settled    the period has the job's cost in place of the reserved amount
    """

    BOOKING = "booking"
    HELD = "held"
    SETTLING = "settling"
    SETTLED = "settled"


class ReservationCounts(StrEnum):
    """What a reservation becomes at the job's end: the charge, what fal bills, or nothing, if it counts open jobs."""

    CHARGE = "charge"
    PROVIDER = "provider"
    JOBS = "jobs"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reservation:
    """What a job holds of one period of a budget, or of a limit on open jobs.

    Attributes:
        period: the id of the period.
        amount: US dollars, the most that the job can cost; 1 of a limit on open jobs.
        day: the day of its acceptance in the budget's time zone, in ISO 8601, if the period moves on every day.
        number: 1, and higher for those of a job that ran again after its end.
        state: how far it is.
        counts: what the period counts.
    """

    period: str
    amount: Decimal
    day: str | None = None
    number: int = 1
    state: ReservationState = ReservationState.HELD
    counts: ReservationCounts = ReservationCounts.CHARGE
