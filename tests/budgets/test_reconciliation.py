"""What a crash leaves of budgets: each step is the last of a process, another one finishes it, and nothing drifts."""

import asyncio
from collections.abc import AsyncGenerator
from datetime import timedelta
from decimal import Decimal
from functools import partial
from typing import Any, Final

import pytest

from imagegen.jobs import JobStatus, Reservation, ReservationState
from imagegen.settings import Settings
from imagegen.storage.jobs.documents import reservation_document
from imagegen.storage.stores import Stores, open_stores
from tests.support.budget_periods import (
    PRICE,
    a_budget,
    ask_for,
    counters,
    end,
    fitting,
    period_of,
    reserve_and_store,
    with_reservation,
)
from tests.support.jobs_apart import a_job, apart

AT_ONCE: Final = timedelta(0)


class KilledError(Exception):
    """Stands for the end of the process."""


def killed_at(step: str, stores: Stores, monkeypatch: pytest.MonkeyPatch, *, after: bool = False) -> None:
    """Let a process die before or after a step: a method of one of the stores of budgets."""
    store_name, _, method = step.partition(".")
    store: Any = {"rounds": stores.budget_rounds, "counters": stores.budget_counters, "ledger": stores.ledger}.get(
        store_name, stores.settlement
    )
    real = getattr(store, method)

    async def die(*args: Any, **kwargs: Any) -> None:
        if after:
            await real(*args, **kwargs)
        raise KilledError

    monkeypatch.setattr(store, method, die)


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


async def reconciled(stores: Stores) -> None:
    """Reconcile; no counter may have drifted before, nor afterwards, and no round is left."""
    assert await stores.budget_reconciliation.audit() == []
    await stores.budget_reconciliation.reconcile(AT_ONCE)
    assert await stores.budget_reconciliation.audit() == []
    assert await stores.budget_rounds.older_than(AT_ONCE) == []


@pytest.mark.parametrize(
    ("step", "after"),
    [("rounds.begin", False), ("rounds.begin", True), ("counters.reserve", True), ("rounds.drop_jobs", False)],
)
async def test_killed_while_reserving(
    dying: Stores, other: Stores, monkeypatch: pytest.MonkeyPatch, step: str, after: bool
) -> None:
    period = period_of(a_budget("0.50"))
    await reserve_and_store(dying, period)
    await dying.reservations.close()
    killed_at(step, dying, monkeypatch, after=after)
    seven = ask_for(period, *(a_job() for _ in range(7)))
    four = ask_for(period, *(a_job() for _ in range(4)))
    batch: Any = partial(dying.reservations._reserve_all, period.id)  # pyright: ignore[reportPrivateUsage] - a round of two requests
    with pytest.raises(KilledError):
        await batch([seven, four])

    await reconciled(other)
    assert await counters(other, period) == (0, PRICE)
    assert fitting([await reserve_and_store(other, period) for _ in range(12)]) == 9


async def test_reserved_and_never_stored_is_released(dying: Stores, other: Stores) -> None:
    period = period_of(a_budget("0.10"))
    await dying.reservations.reserve(ask_for(period, a_job(), a_job()))
    await other.budget_reconciliation.reconcile()  # not yet: the jobs may still come
    assert await counters(other, period) == (0, 2 * PRICE)
    await reconciled(other)
    assert await counters(other, period) == (0, 0)
    kinds = [each.kind.value for each in await other.ledger.page(period.budget.id, limit=10)]
    assert sorted(kinds) == ["release", "release", "reserve", "reserve"]


async def test_stored_and_killed_before_the_round_is_finished(dying: Stores, other: Stores) -> None:
    period, job, lost = period_of(a_budget()), a_job(), a_job()
    await dying.reservations.reserve(ask_for(period, job, lost))
    await dying.jobs.insert(with_reservation(job, period))
    await reconciled(other)
    assert await counters(other, period) == (0, PRICE)


@pytest.mark.parametrize(
    ("step", "after"),
    [
        ("rounds.begin", True),
        ("counters.settle", False),
        ("counters.settle", True),
        ("settlement._mark", False),
        ("settlement._mark", True),
        ("ledger.add", False),
        ("ledger.add", True),
        ("rounds.end", True),
    ],
)
async def test_killed_while_settling(
    dying: Stores, other: Stores, monkeypatch: pytest.MonkeyPatch, step: str, after: bool
) -> None:
    period, jobs = period_of(a_budget()), [a_job() for _ in range(3)]
    for job in jobs:
        await reserve_and_store(dying, period, job)
    await dying.reservations.close()
    await end(dying, jobs[0].id, JobStatus.COMPLETED)
    await end(dying, jobs[1].id, JobStatus.FAILED)
    killed_at(step, dying, monkeypatch, after=after)
    with pytest.raises(KilledError):
        await dying.settlement.settle([job.id for job in jobs])

    await reconciled(other)
    await reconciled(other)
    assert await counters(other, period) == (PRICE, PRICE)
    settled = [each for each in await other.ledger.page(period.budget.id, limit=20) if each.kind.value == "settle"]
    assert len(settled) == 2


@pytest.mark.parametrize(
    ("step", "after"),
    [("rounds.begin", True), ("counters.settle", True), ("rounds.drop_jobs", True), ("ledger.add", True)],
)
async def test_killed_while_releasing(
    dying: Stores, other: Stores, monkeypatch: pytest.MonkeyPatch, step: str, after: bool
) -> None:
    period = period_of(a_budget())
    reserved = await dying.reservations.reserve(ask_for(period, a_job()))
    killed_at(step, dying, monkeypatch, after=after)
    with pytest.raises(KilledError):
        await dying.reservations.release([reserved])
    await reconciled(other)
    await reconciled(other)
    assert await counters(other, period) == (0, 0)


async def test_released_and_killed_before_the_ledger_has_the_reservation(dying: Stores, other: Stores) -> None:
    """The process finishes rounds a moment later, so a crash in between must not leave a release alone."""
    period = period_of(a_budget())
    reserved = await dying.reservations.reserve(ask_for(period, a_job()))
    await dying.settlement.release(period.id, reserved.ask.jobs)
    await reconciled(other)
    kinds = [each.kind.value for each in await other.ledger.page(period.budget.id, limit=10)]
    assert sorted(kinds) == ["release", "reserve"]


@pytest.mark.parametrize("step", ["rounds.begin", "counters.settle", "settlement._mark", "ledger.add", ""])
@pytest.mark.parametrize("ended", [True, False])
async def test_a_job_that_runs_again_is_booked_once(
    dying: Stores, other: Stores, monkeypatch: pytest.MonkeyPatch, step: str, ended: bool
) -> None:
    period, job = period_of(a_budget("0.05")), a_job()
    await reserve_and_store(dying, period, job)
    await end(dying, job.id)
    await dying.settlement.settle_due()
    await reserve_and_store(dying, period)
    await dying.reservations.close()
    again = Reservation(period=period.id, amount=PRICE, number=2, state=ReservationState.BOOKING)
    booking = {
        "$push": {"reservations": reservation_document(again)},
        "$set": {"status": "running", "reservationsDue": True},
    }
    await dying.jobs._jobs.update_one({"_id": job.id}, booking)  # pyright: ignore[reportPrivateUsage] - as a late id does
    if step:
        killed_at(step, dying, monkeypatch, after=True)
        with pytest.raises(KilledError):
            await dying.settlement.settle_due()
    if ended:
        await end(other, job.id, JobStatus.COMPLETED)
    await reconciled(other)
    await reconciled(other)
    assert await counters(other, period) == ((PRICE, PRICE) if ended else (0, 2 * PRICE))


async def test_a_round_that_was_given_up_takes_no_place(
    dying: Stores, other: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As of a process that was stopped for long after it stored its round."""
    period = period_of(a_budget("0.10"))
    await reserve_and_store(dying, period)
    real = dying.budget_counters.reserve

    async def stopped(*args: Any) -> Any:
        await other.budget_reconciliation.reconcile(AT_ONCE)
        monkeypatch.setattr(dying.budget_counters, "reserve", real)
        return await real(*args)

    monkeypatch.setattr(dying.budget_counters, "reserve", stopped)
    assert (await reserve_and_store(dying, period)).fits
    assert await counters(other, period) == (0, 2 * PRICE)
    await reconciled(other)
    assert await counters(other, period) == (0, 2 * PRICE)


async def test_a_release_takes_place_though_its_client_hangs_up(
    dying: Stores, other: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    period, reached, going_on = period_of(a_budget()), asyncio.Event(), asyncio.Event()
    await reserve_and_store(dying, period)
    reserved = await dying.reservations.reserve(ask_for(period, a_job()))
    real = dying.budget_counters.settle

    async def late(*args: Any) -> Any:
        reached.set()
        await going_on.wait()
        return await real(*args)

    monkeypatch.setattr(dying.budget_counters, "settle", late)
    releasing = asyncio.create_task(dying.reservations.release([reserved]))
    await reached.wait()
    releasing.cancel()
    await asyncio.wait({releasing})
    going_on.set()
    for _ in range(2):
        await dying.reservations.release([await dying.reservations.reserve(ask_for(period, a_job()))])

    assert await counters(other, period) == (0, PRICE)
    await dying.reservations.close()
    await reconciled(other)
    assert await counters(other, period) == (0, PRICE)


async def test_drift_made_by_hand_is_found_and_corrected_once(dying: Stores, other: Stores) -> None:
    period, job = period_of(a_budget()), a_job()
    await reserve_and_store(dying, period, job)
    await reserve_and_store(dying, period)
    await end(dying, job.id, JobStatus.COMPLETED)
    await dying.settlement.settle_due()
    wrong = {"used": Decimal("0.30"), "reserved": Decimal("0.01")}
    await dying.budget_counters._periods.update_one({"_id": period.id}, {"$set": wrong})  # pyright: ignore[reportPrivateUsage] - by hand

    (drift,) = await other.budget_reconciliation.audit()
    assert (drift.period, drift.used, drift.reserved) == (period.id, Decimal("-0.25"), Decimal("0.04"))
    assert await dying.budget_reconciliation.audit() == []
    assert await counters(other, period) == (PRICE, PRICE)


async def test_processes_that_are_gone_are_forgotten_of_a_busy_budget_too(dying: Stores, other: Stores) -> None:
    period = period_of(a_budget())
    await reserve_and_store(dying, period)
    await dying.reservations.close()
    await other.reservations.reserve(ask_for(period, a_job()))  # its round is under way
    busy = await other.budget_rounds.processes()
    await other.budget_counters.forget_processes(timedelta(0), busy)
    found: Any = await other.budget_counters._periods.find_one({"_id": period.id})  # pyright: ignore[reportPrivateUsage] - what is kept
    assert list(found["rounds"]) == busy
    assert (await reserve_and_store(dying, period)).fits
    assert await counters(other, period) == (0, 3 * PRICE)
