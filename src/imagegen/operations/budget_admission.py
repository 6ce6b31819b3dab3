"""Budgets of new jobs: what a request reserves of them before its jobs are stored, or why it is refused."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final

from imagegen.budgets import Budget, Counts, ScopeKind, day_of
from imagegen.clock import now
from imagegen.errors import BudgetExceeded, BudgetState, DatabaseUnavailable
from imagegen.jobs import Job, ReservationCounts
from imagegen.keys import Caller
from imagegen.operations.held_reservations import HeldReservations, with_reservations
from imagegen.services import Services
from imagegen.storage.budgets.budget_period import BudgetPeriod
from imagegen.storage.budgets.counters import state_of
from imagegen.storage.budgets.reservations import Ask, Reserved
from imagegen.storage.budgets.rounds import RoundJob

_TRIES: Final = 3
_COUNTED_AS: Final = {Counts.CHARGE: ReservationCounts.CHARGE, Counts.PROVIDER: ReservationCounts.PROVIDER}


@dataclass(frozen=True, slots=True)
class _Counting:
    """A budget that counts some jobs of a request, and for whom."""

    budget: Budget
    holder: str
    jobs: tuple[Job, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReservedBudgets:
    """What a request has reserved of budgets.

    Attributes:
        jobs: with their reservations.
        states: every budget that counts them, as it is now.
        held: what they reserved.
    """

    jobs: Sequence[Job]
    states: Sequence[BudgetState]
    held: HeldReservations


async def reserve_budgets(jobs: Sequence[Job], caller: Caller, services: Services) -> ReservedBudgets:
    """Reserve what the jobs of a request can cost at most, of every budget that counts them; all of it or nothing.

    Raises:
        BudgetExceeded: with every hard budget that has no room for it.
        DatabaseUnavailable: nothing is known of the budgets.
    """
    counting = _counting(jobs, caller, services)
    reserved: list[tuple[_Counting, Reserved]] = []
    for number, each in enumerate(counting):
        outcome = await _reserve(each, services)
        if not outcome.fits:
            await services.reservations.release([earlier for _, earlier in reserved])
            others = await _refusing(counting[number + 1 :], services)
            refusing = [state_of(each.budget, outcome.ask.period, outcome.counted), *others]
            services.metrics.budget_exceeded()
            raise BudgetExceeded(refusing, sum((job.max_cost for job in jobs), Decimal(0)))
        reserved.append((each, outcome))
    return ReservedBudgets(
        jobs=with_reservations(jobs, [(each, _COUNTED_AS[counting.budget.counts]) for counting, each in reserved]),
        states=[state_of(counting.budget, each.ask.period, each.counted) for counting, each in reserved],
        held=HeldReservations(services.reservations, [each for _, each in reserved]),
    )


async def reserve_as_many(
    jobs: Sequence[Job], caller: Caller, services: Services
) -> tuple[ReservedBudgets, BudgetExceeded | None]:
    """Reserve for as many of the first jobs as there is room for; also returns the refusal of the others, if any.

    Raises:
        BudgetExceeded: there is no room for the first.
        DatabaseUnavailable: nothing is known of the budgets.
    """
    count, refused = len(jobs), None
    while True:
        try:
            reserved = await reserve_budgets(jobs[:count], caller, services)
        except BudgetExceeded as error:
            refused = error
            count = min(count - 1, _fitting(jobs[:count], caller, error, services))
            if not count:
                raise
        else:
            return reserved, refused and _afterwards(refused, reserved)


def _afterwards(refused: BudgetExceeded, reserved: ReservedBudgets) -> BudgetExceeded:
    """The refusal of the last jobs, with what is left once the others have reserved."""
    states = {state.id: state for state in reserved.states}
    return BudgetExceeded([states.get(each.id, each) for each in refused.refusing], refused.estimate)


async def budgets_of_request(
    user_id: str | None, model: str, caller: Caller, services: Services
) -> Sequence[BudgetState]:
    """Every budget in which a job of this user and model would count if the caller made it now."""
    key_id = caller.key.id if caller.key is not None else None
    aliases = services.registry.model(model).aliases
    wanted: list[tuple[Budget, str]] = []
    for budget in services.budget_directory.current():
        holder = budget.holder(key_id, user_id or "", model, aliases)
        if holder is not None and (user_id is not None or budget.scope.kind is not ScopeKind.USER):
            wanted.append((budget, holder))
    return await services.budget_counters.states(wanted, now()) if wanted else ()


async def budgets_of_job(job: Job, services: Services) -> Sequence[BudgetState]:
    """What is left now of the budgets in which a job counts; none of those that were deleted."""
    of_budgets = [each for each in job.reservations if each.counts is not ReservationCounts.JOBS]
    if not of_budgets:
        return ()
    holders = dict(each.period.split("/", 2)[::2] for each in of_budgets)
    wanted = [(each, holders[each.id]) for each in services.budget_directory.current() if each.id in holders]
    return await services.budget_counters.states(wanted, now()) if wanted else ()


def _fitting(jobs: Sequence[Job], caller: Caller, refused: BudgetExceeded, services: Services) -> int:
    """How many of the first jobs have room in the budgets that refused all of them."""
    remaining = {state.id: state.remaining for state in refused.refusing}
    key_id = caller.key.id if caller.key is not None else None
    budgets = [each for each in services.budget_directory.current() if each.id in remaining]
    for number, job in enumerate(jobs):
        for budget in budgets:
            if budget.holder(key_id, job.user_id, job.model, _aliases(job, services)) is not None:
                remaining[budget.id] -= _amount(job, budget)
                if remaining[budget.id] < 0:
                    return number
    return len(jobs)


def _counting(jobs: Sequence[Job], caller: Caller, services: Services) -> Sequence[_Counting]:
    """The budgets that count these jobs of one user, in the order of their ids."""
    key_id = caller.key.id if caller.key is not None else None
    found: list[_Counting] = []
    for budget in services.budget_directory.current():
        holder = budget.scope.holder(key_id, jobs[0].user_id)
        counted = tuple(
            job for job in jobs if budget.holder(key_id, job.user_id, job.model, _aliases(job, services)) is not None
        )
        if holder is not None and counted:
            found.append(_Counting(budget, holder, counted))
    return found


def _aliases(job: Job, services: Services) -> Sequence[str]:
    return services.registry.model(job.model).aliases


def _amount(job: Job, budget: Budget) -> Decimal:
    """The most that a job adds to a budget. fal's bill has no bound, so nothing is reserved for it."""
    return Decimal(0) if budget.counts is Counts.PROVIDER else job.max_cost


async def _reserve(each: _Counting, services: Services) -> Reserved:
    """Reserve in the period of the moment. At its edge, the database's clock decides which one that is."""
    at = now()
    for _ in range(_TRIES):
        period = BudgetPeriod(budget=each.budget, holder=each.holder, window=each.budget.window(at))
        outcome = await services.reservations.reserve(Ask(period=period, jobs=_round_jobs(each, at)))
        if outcome.is_open:
            return outcome
        at = outcome.at
    raise DatabaseUnavailable


def _round_jobs(each: _Counting, at: datetime) -> tuple[RoundJob, ...]:
    day = day_of(at, each.budget.zone) if each.budget.window(at).oldest_day is not None else None
    return tuple(RoundJob(job_id=job.id, amount=_amount(job, each.budget), day=day) for job in each.jobs)


async def _refusing(counting: Sequence[_Counting], services: Services) -> Sequence[BudgetState]:
    """Those of the budgets that would refuse, too."""
    states = await services.budget_counters.states([(each.budget, each.holder) for each in counting], now())
    return [
        state
        for each, state in zip(counting, states, strict=True)
        if each.budget.hard and sum((_amount(job, each.budget) for job in each.jobs), Decimal(0)) > state.remaining
    ]
