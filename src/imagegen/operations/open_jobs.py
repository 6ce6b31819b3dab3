"""Open jobs of keys and users: each new job takes one of how many may be unfinished at once, until it has ended."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final, cast

from imagegen.budgets import OpenJobsLimit
from imagegen.clock import now
from imagegen.errors import BeyondRate, RateLimited, RateName, RateState
from imagegen.jobs import Job, ReservationCounts
from imagegen.keys import Caller
from imagegen.operations.held_reservations import HeldReservations, with_reservations
from imagegen.services import Services
from imagegen.settings import RateSettings
from imagegen.storage.budgets.budget_period import BudgetPeriod
from imagegen.storage.budgets.counters import Counted
from imagegen.storage.budgets.reservations import Ask, Reserved
from imagegen.storage.budgets.rounds import RoundJob

_WAIT: Final = timedelta(seconds=5)  # when a job ends is unknown
_NO_WAIT: Final = timedelta(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenJobs:
    """What a request has of its limits on open jobs.

    Attributes:
        jobs: with their reservations.
        states: every limit, as it is now.
        held: what they reserved.
    """

    jobs: Sequence[Job]
    states: Sequence[RateState]
    held: HeldReservations


def require_possible(jobs: Sequence[Job], caller: Caller, defaults: RateSettings) -> None:
    """Refuse a request with more jobs than may ever be open at once.

    Raises:
        BeyondRate: it has.
    """
    for period in _periods(caller, jobs[0].user_id, defaults):
        if len(jobs) > period.limit:
            raise BeyondRate(len(jobs), _name(period), int(period.limit))


async def reserve_open_jobs(jobs: Sequence[Job], caller: Caller, services: Services) -> OpenJobs:
    """Reserve one of every limit for each job; all of it or nothing.

    Raises:
        RateLimited: with every limit; those that have no room are exhausted.
        DatabaseUnavailable: nothing is known of the limits.
    """
    periods = _periods(caller, jobs[0].user_id, services.settings.rates)
    reserved: list[Reserved] = []
    for number, period in enumerate(periods):
        outcome = await _reserve(period, jobs, services)
        if not outcome.fits:
            await services.reservations.release(reserved)
            refusal = await _refusal(periods, number, outcome, len(jobs), services)
            for state in refusal.exhausted:
                services.metrics.rate_exhausted(state.name)
            raise refusal
        reserved.append(outcome)
    return OpenJobs(
        jobs=with_reservations(jobs, [(each, ReservationCounts.JOBS) for each in reserved]),
        states=[_state(each.ask.period, each.counted, each.at) for each in reserved],
        held=HeldReservations(services.reservations, reserved),
    )


async def _reserve(period: BudgetPeriod, jobs: Sequence[Job], services: Services) -> Reserved:
    """Reserve; if there is no room, settle the jobs that have just ended, and try once more."""
    ask = Ask(period=period, jobs=tuple(RoundJob(job_id=job.id, amount=Decimal(1)) for job in jobs))
    outcome = await services.reservations.reserve(ask)
    if not outcome.fits and await services.settlement.settle_due_of(period.id):
        return await services.reservations.reserve(ask)
    return outcome


async def _refusal(
    periods: Sequence[BudgetPeriod], refusing: int, outcome: Reserved, count: int, services: Services
) -> RateLimited:
    """The refusal by one of the limits, with the others as they are after it."""
    looked = await services.budget_counters.look(periods)
    states: list[RateState] = []
    for number, (period, counted) in enumerate(zip(periods, looked, strict=True)):
        has_room = counted.reserved + count <= counted.limit
        if number == refusing:
            states.append(_state(period, outcome.counted, outcome.at, wait=_WAIT))
        else:
            states.append(_state(period, counted, now(), wait=_NO_WAIT if has_room else _WAIT))
    return RateLimited(states)


def _periods(caller: Caller, user_id: str, defaults: RateSettings) -> Sequence[BudgetPeriod]:
    """The limits on the open jobs of the caller's key, and of the user; none where there is no limit."""
    found: list[tuple[OpenJobsLimit, str]] = []
    if (key := caller.key) is not None:
        most = defaults.key_open_jobs if key.rates.open_jobs is None else key.rates.open_jobs
        if most is not None:
            found.append((OpenJobsLimit(whose="key", most=most, version=key.version), key.id))
    if defaults.user_open_jobs is not None:
        found.append((OpenJobsLimit(whose="user", most=defaults.user_open_jobs), user_id))
    return [BudgetPeriod(budget=limit, holder=holder, window=limit.window) for limit, holder in found]


def _name(period: BudgetPeriod) -> RateName:
    return cast("RateName", f"{period.budget.id.removeprefix('open-')}-open-jobs")


def _state(period: BudgetPeriod, counted: Counted, at: datetime, wait: timedelta = _NO_WAIT) -> RateState:
    return RateState(
        name=_name(period),
        limit=int(counted.limit),
        remaining=max(0, int(counted.limit - counted.reserved)),
        reset=None,
        wait=wait,
        free_at=at + wait,
    )
