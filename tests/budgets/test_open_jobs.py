"""Limits on open jobs, counted as budgets are: exact after a crash, without money and without the ledger."""

from collections.abc import AsyncGenerator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any, Final

import pytest

from imagegen.budgets import OpenJobsLimit
from imagegen.jobs import Job, JobStatus, Reservation, ReservationCounts
from imagegen.settings import Settings
from imagegen.storage.budgets.budget_period import BudgetPeriod
from imagegen.storage.budgets.reconciliation import _sums_pipeline  # pyright: ignore[reportPrivateUsage] - explained
from imagegen.storage.budgets.reservations import Ask
from imagegen.storage.budgets.rounds import RoundJob
from imagegen.storage.stores import Stores, open_stores
from tests.support.budget_periods import counters, end
from tests.support.jobs_apart import a_job, apart

ONE: Final = Decimal(1)
AT_ONCE: Final = timedelta(0)


class KilledError(Exception):
    """Stands for the end of the process."""


@pytest.fixture
def settings(stack: Settings) -> Settings:
    return apart(stack)


@pytest.fixture
async def dying(settings: Settings) -> AsyncGenerator[Stores]:
    async with open_stores(settings.mongodb) as stores:
        yield stores


@pytest.fixture
async def other(settings: Settings) -> AsyncGenerator[Stores]:
    async with open_stores(settings.mongodb) as stores:
        yield stores


def period_of(most: int, version: int = 0) -> BudgetPeriod:
    limit = OpenJobsLimit(whose="user", most=most, version=version)
    return BudgetPeriod(budget=limit, holder="a/b", window=limit.window)


async def opened(stores: Stores, period: BudgetPeriod, job: Job | None = None) -> bool:
    """Reserve for a new job and store it, if there is room."""
    job = job or a_job()
    reserved = await stores.reservations.reserve(Ask(period=period, jobs=(RoundJob(job_id=job.id, amount=ONE),)))
    if reserved.fits:
        held = Reservation(period=period.id, amount=ONE, counts=ReservationCounts.JOBS)
        await stores.jobs.insert(replace(job, reservations=(held,)))
        stores.reservations.stored([reserved])
    return reserved.fits


async def reconciled(stores: Stores) -> None:
    """Reconcile; no counter may have drifted before, nor afterwards, and no round is left."""
    assert await stores.budget_reconciliation.audit() == []
    await stores.budget_reconciliation.reconcile(AT_ONCE)
    assert await stores.budget_reconciliation.audit() == []
    assert await stores.budget_rounds.older_than(AT_ONCE) == []


async def test_a_completed_job_costs_nothing_and_has_no_entry_in_the_ledger(dying: Stores) -> None:
    period, job = period_of(1), a_job()
    assert (period.id, await opened(dying, period, job), await opened(dying, period)) == (
        "open-user/all/a/b",
        True,
        False,
    )
    await end(dying, job.id, JobStatus.COMPLETED)
    assert [await dying.settlement.settle_due_of(period.id) for _ in range(2)] == [True, False]
    assert await counters(dying, period) == (0, 0)
    assert await opened(dying, period)
    await dying.reservations.close()
    await reconciled(dying)
    assert await dying.ledger.page("open-user", limit=10) == []


@pytest.mark.parametrize("step", ["rounds.begin", "counters.settle", "settlement._mark", "rounds.end"])
async def test_killed_while_a_job_is_closed(
    dying: Stores, other: Stores, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    period, job = period_of(2), a_job()
    await opened(dying, period, job)
    await opened(dying, period)
    await dying.reservations.close()
    await end(dying, job.id, JobStatus.COMPLETED)
    store_name, _, method = step.partition(".")
    store: Any = {"rounds": dying.budget_rounds, "counters": dying.budget_counters}.get(store_name, dying.settlement)
    real = getattr(store, method)

    async def die(*args: Any) -> None:
        await real(*args)
        raise KilledError

    monkeypatch.setattr(store, method, die)
    with pytest.raises(KilledError):
        await dying.settlement.settle([job.id])

    await reconciled(other)  # gives up a round that has not taken place
    await reconciled(other)
    assert await counters(other, period) == (0, ONE)
    assert [await opened(other, period) for _ in range(2)] == [True, False]


async def test_killed_between_reserving_and_storing(dying: Stores, other: Stores) -> None:
    period = period_of(1)
    await dying.reservations.reserve(Ask(period=period, jobs=(RoundJob(job_id=a_job().id, amount=ONE),)))
    assert not await opened(other, period)
    await reconciled(other)
    assert await opened(other, period)


async def test_drift_made_by_hand_is_corrected_from_the_open_jobs(dying: Stores) -> None:
    period, ended = period_of(5), a_job()
    await opened(dying, period, ended)
    await opened(dying, period)
    await end(dying, ended.id, JobStatus.COMPLETED)
    await dying.settlement.settle_due()
    await dying.reservations.close()
    await dying.budget_counters._periods.update_one({"_id": period.id}, {"$set": {"reserved": Decimal(4)}})  # pyright: ignore[reportPrivateUsage] - by hand
    (drift,) = await dying.budget_reconciliation.audit()
    assert (drift.used, drift.reserved) == (0, Decimal(-3))
    assert await counters(dying, period) == (0, ONE)


@pytest.mark.parametrize("only_open", [False, True])
async def test_an_audit_reads_the_jobs_of_its_period_alone(dying: Stores, only_open: bool) -> None:
    period, ended = period_of(5), a_job()
    for job in (ended, a_job()):
        await opened(dying, period, job)
    for _ in range(3):
        await dying.jobs.insert(a_job())
    await end(dying, ended.id)
    await dying.settlement.settle_due()
    jobs = dying.jobs._jobs  # pyright: ignore[reportPrivateUsage] - how MongoDB finds them
    match, *_ = _sums_pipeline(period.id, None, only_open=only_open)
    command: dict[str, Any] = {"aggregate": jobs.name, "pipeline": [match], "cursor": {}}
    explained: Any = await jobs.database.command("explain", command, verbosity="executionStats")
    assert f"'totalDocsExamined': {1 if only_open else 2}," in str(explained)


async def test_of_one_version_the_limit_that_a_process_knows_counts(dying: Stores) -> None:
    """A setting has no version. A key has: a process that does not know the latest cannot raise it again."""
    assert [await opened(dying, period_of(1)) for _ in range(2)] == [True, False]
    assert await opened(dying, period_of(2))
    assert not await opened(dying, period_of(1))
    assert await opened(dying, period_of(3, version=2))
    assert not await opened(dying, period_of(9, version=1))
