"""Rounds whose outcome is not known, because MongoDB did not answer: the process goes on, and nothing drifts."""

from collections.abc import AsyncGenerator
from datetime import timedelta
from typing import Any, Final

import pytest

from imagegen.errors import DatabaseUnavailable
from imagegen.jobs import JobStatus
from imagegen.settings import Settings
from imagegen.storage.stores import Stores, open_stores
from tests.support.budget_periods import PRICE, a_budget, ask_for, counters, end, period_of, reserve_and_store
from tests.support.jobs_apart import a_job, apart

AT_ONCE: Final = timedelta(0)


@pytest.fixture
async def stores(stack: Settings) -> AsyncGenerator[Stores]:
    async with open_stores(apart(stack).mongodb) as stores:
        yield stores


def away_once(store: object, method: str, monkeypatch: pytest.MonkeyPatch, *, after: bool) -> None:
    """MongoDB does not answer one call: before it has run, or after."""
    real = getattr(store, method)

    async def call(*args: Any, **kwargs: Any) -> None:
        monkeypatch.setattr(store, method, real)
        if after:
            await real(*args, **kwargs)
        raise DatabaseUnavailable

    monkeypatch.setattr(store, method, call)


async def reconciled(stores: Stores) -> None:
    """Reconcile; no counter may have drifted before, nor afterwards, and no round is left."""
    assert await stores.budget_reconciliation.audit() == []
    await stores.budget_reconciliation.reconcile(AT_ONCE)
    assert await stores.budget_reconciliation.audit() == []
    assert await stores.budget_rounds.older_than(AT_ONCE) == []


@pytest.mark.parametrize(
    ("store", "method", "after"),
    [
        ("budget_rounds", "begin", True),
        ("budget_rounds", "begin", False),
        ("budget_counters", "reserve", False),
        ("budget_counters", "reserve", True),
    ],
)
async def test_the_process_goes_on_after_an_unclear_reservation(
    stores: Stores, monkeypatch: pytest.MonkeyPatch, store: str, method: str, after: bool
) -> None:
    period = period_of(a_budget("10"))
    await reserve_and_store(stores, period)
    away_once(getattr(stores, store), method, monkeypatch, after=after)
    with pytest.raises(DatabaseUnavailable):
        await stores.reservations.reserve(ask_for(period, a_job(), a_job(), a_job(), a_job()))

    for _ in range(3):
        await reserve_and_store(stores, period)
    await stores.reservations.close()
    await reconciled(stores)
    assert await counters(stores, period) == (0, 4 * PRICE)


@pytest.mark.parametrize(
    ("store", "method", "after"),
    [
        ("budget_rounds", "begin", True),
        ("budget_rounds", "begin", False),
        ("budget_counters", "settle", False),
        ("budget_counters", "settle", True),
    ],
)
async def test_the_process_goes_on_after_an_unclear_settlement(
    stores: Stores, monkeypatch: pytest.MonkeyPatch, store: str, method: str, after: bool
) -> None:
    period, jobs = period_of(a_budget("10")), [a_job() for _ in range(4)]
    for job in jobs:
        await reserve_and_store(stores, period, job)
    away_once(getattr(stores, store), method, monkeypatch, after=after)
    await end(stores, jobs[0].id, JobStatus.COMPLETED)
    with pytest.raises(DatabaseUnavailable):
        await stores.settlement.settle([jobs[0].id])

    for job in jobs[1:]:
        await end(stores, job.id, JobStatus.COMPLETED)
        await stores.settlement.settle([job.id])
    await stores.reservations.close()
    await reconciled(stores)
    await reconciled(stores)
    assert await counters(stores, period) == (4 * PRICE, 0)
