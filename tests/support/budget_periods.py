"""Budgets, what jobs ask of them, and jobs that hold it."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

from imagegen.budgets import Budget, BudgetScope, Period, ScopeKind, time_zone
from imagegen.clock import now
from imagegen.jobs import Job, JobStatus, Reservation, new_job_id
from imagegen.storage.budgets.budget_period import BudgetPeriod
from imagegen.storage.budgets.reservations import Ask, Reserved
from imagegen.storage.budgets.rounds import RoundJob
from imagegen.storage.stores import Stores
from tests.support.jobs_apart import a_job

FIRST = datetime(2026, 11, 1, tzinfo=UTC)
PRICE = Decimal("0.05")
time_zone("UTC")  # read from disk the first time


def a_budget(amount: str = "0.50", *, period: Period | None = None, hard: bool = True, **given: str) -> Budget:
    """A budget over all jobs."""
    return Budget(
        id=new_job_id(now()),
        name=given.get("name", "all"),
        scope=BudgetScope(ScopeKind.ALL),
        amount=Decimal(amount),
        created_at=FIRST,
        period=period,
        time_zone=given.get("time_zone", "UTC"),
        hard=hard,
    )


def period_of(budget: Budget, holder: str = "", at: datetime | None = None) -> BudgetPeriod:
    """The period of a budget at a moment, or now."""
    return BudgetPeriod(budget=budget, holder=holder, window=budget.window(at or now()))


def ask_for(period: BudgetPeriod, *jobs: Job) -> Ask:
    """What these jobs ask of a period."""
    return Ask(period=period, jobs=tuple(RoundJob(job_id=job.id, amount=job.cost.total_cost) for job in jobs))


def with_reservation(job: Job, *periods: BudgetPeriod) -> Job:
    """The job with what it holds of these periods."""
    held = tuple(Reservation(period=period.id, amount=job.cost.total_cost) for period in periods)
    return replace(job, reservations=held)


async def reserve_and_store(stores: Stores, period: BudgetPeriod, job: Job | None = None) -> Reserved:
    """Reserve for a new job and store it, if there is room."""
    job = job or a_job()
    reserved = await stores.reservations.reserve(ask_for(period, job))
    if reserved.fits:
        await stores.jobs.insert(with_reservation(job, period))
        stores.reservations.stored([reserved])
    return reserved


async def end(stores: Stores, job_id: str, status: JobStatus = JobStatus.FAILED) -> None:
    """End a stored job, as its document says it."""
    ended = {"status": status.value, "completedAt": now()}
    await stores.jobs._jobs.update_one(  # pyright: ignore[reportPrivateUsage] - ends without a runner
        {"_id": job_id},
        {"$set": {**ended, "reservations.$[held].state": "settling", "reservationsDue": True}},
        array_filters=[{"held.state": "held"}],
    )


async def counters(stores: Stores, period: BudgetPeriod) -> tuple[Decimal, Decimal]:
    """What is used and reserved of a period."""
    (counted,) = await stores.budget_counters.look([period])
    return counted.used, counted.reserved


def fitting(reserved: Sequence[Reserved]) -> int:
    """For how many there was room."""
    return sum(each.fits for each in reserved)
