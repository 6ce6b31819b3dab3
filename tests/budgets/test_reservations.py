"""Reserving and settling: exact, whoever reserves and ends at the same time, and whatever is repeated."""

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from imagegen.budgets import Period
from imagegen.clock import now
from imagegen.jobs import JobStatus
from imagegen.settings import Settings
from imagegen.storage.budgets.rounds import Round
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


@pytest.fixture
async def stores(stack: Settings) -> AsyncGenerator[Stores]:
    async with open_stores(apart(stack).mongodb) as stores:
        yield stores


async def test_of_200_at_once_exactly_those_with_room_get_it(stores: Stores) -> None:
    period = period_of(a_budget("0.50"))
    seen: list[Decimal] = []

    async def sample() -> None:
        while True:
            seen.append(sum(await counters(stores, period), Decimal(0)))
            await asyncio.sleep(0)

    sampler = asyncio.create_task(sample())
    reserved = await asyncio.gather(*(reserve_and_store(stores, period) for _ in range(200)))
    sampler.cancel()

    assert fitting(reserved) == 10
    assert await counters(stores, period) == (0, Decimal("0.50"))
    assert max(seen) <= Decimal("0.50")


async def test_two_processes_share_a_budget_exactly(stack: Settings) -> None:
    settings = apart(stack)
    async with open_stores(settings.mongodb) as one, open_stores(settings.mongodb) as other:
        period = period_of(a_budget("2.50"))
        both = (one, other)
        reserved = await asyncio.gather(*(reserve_and_store(both[n % 2], period) for n in range(120)))
        assert fitting(reserved) == 50
        assert await counters(other, period) == (0, Decimal("2.50"))


async def test_an_end_replaces_the_reservation_by_the_charge(stores: Stores) -> None:
    period, completed, failed = period_of(a_budget()), a_job(), a_job()
    await reserve_and_store(stores, period, completed)
    await reserve_and_store(stores, period, failed)
    await end(stores, completed.id, JobStatus.COMPLETED)
    await end(stores, failed.id, JobStatus.FAILED)

    assert await stores.settlement.settle_due() == 2
    assert await counters(stores, period) == (PRICE, 0)
    assert await stores.settlement.settle_due() == 0
    (kept,) = (await stores.jobs.get(completed.id)).reservations
    assert kept.state == "settled"


async def test_many_settle_the_same_jobs_once(stack: Settings) -> None:
    settings = apart(stack)
    async with open_stores(settings.mongodb) as one, open_stores(settings.mongodb) as other:
        period = period_of(a_budget("100"))
        jobs = [a_job() for _ in range(60)]
        await asyncio.gather(*(reserve_and_store(one, period, job) for job in jobs))
        await asyncio.gather(*(end(one, job.id, JobStatus.COMPLETED) for job in jobs))
        ids = [job.id for job in jobs]
        await asyncio.gather(*(each.settlement.settle(ids) for each in (one, other, one, other)))
        await one.settlement.settle_due()
        assert await counters(one, period) == (60 * PRICE, 0)


async def test_what_is_released_can_be_reserved_again(stores: Stores) -> None:
    period, job = period_of(a_budget("0.05")), a_job()
    reserved = await stores.reservations.reserve(ask_for(period, job))
    assert not (await stores.reservations.reserve(ask_for(period, a_job()))).fits
    await stores.reservations.release([reserved])
    await stores.reservations.release([reserved])
    assert await counters(stores, period) == (0, 0)
    assert (await stores.reservations.reserve(ask_for(period, a_job()))).fits


async def test_a_soft_budget_counts_without_room(stores: Stores) -> None:
    period = period_of(a_budget("0.05", hard=False))
    reserved = [await reserve_and_store(stores, period) for _ in range(3)]
    assert fitting(reserved) == 3
    assert await counters(stores, period) == (0, 3 * PRICE)


async def test_a_request_of_many_jobs_gets_all_or_nothing(stores: Stores) -> None:
    period = period_of(a_budget("0.50"))
    assert (await stores.reservations.reserve(ask_for(period, *(a_job() for _ in range(8))))).fits
    assert not (await stores.reservations.reserve(ask_for(period, *(a_job() for _ in range(3))))).fits
    assert (await stores.reservations.reserve(ask_for(period, *(a_job() for _ in range(2))))).fits
    assert await counters(stores, period) == (0, Decimal("0.50"))


async def test_a_period_that_is_over_reserves_nothing(stores: Stores) -> None:
    budget = a_budget(period=Period.DAY)
    past = period_of(budget, at=now() - timedelta(days=2))
    reserved = await stores.reservations.reserve(ask_for(past, a_job()))
    assert (reserved.fits, reserved.is_open) == (False, False)
    assert abs(reserved.at - now()) < timedelta(minutes=1)


async def test_a_lowered_limit_holds_at_once_even_for_a_process_that_does_not_know_it(stores: Stores) -> None:
    budget = a_budget("1")
    old = period_of(budget)
    await reserve_and_store(stores, old)
    lowered = replace(budget, amount=Decimal("0.05"), version=2)
    await stores.budget_counters.apply_limit(lowered, now())
    assert not (await reserve_and_store(stores, old)).fits
    raised = period_of(replace(budget, amount=Decimal("0.10"), version=3))
    assert (await reserve_and_store(stores, raised)).fits


async def test_a_holder_may_have_any_name(stores: Stores) -> None:
    for holder in ("$userId", "a.b/c", "$$NOW", "x" * 100):
        period = period_of(a_budget(), holder)
        job = a_job(user_id=holder)
        await reserve_and_store(stores, period, job)
        await end(stores, job.id, JobStatus.COMPLETED)
        await stores.settlement.settle_due()
        assert await counters(stores, period) == (PRICE, 0)


async def test_the_last_thirty_days_count_and_no_more(stores: Stores) -> None:
    budget = a_budget("0.10", period=Period.ROLLING)
    period, job = period_of(budget), a_job()
    today = datetime.now(UTC).date()
    old, recent = (today - timedelta(days=30)).isoformat(), (today - timedelta(days=29)).isoformat()
    await reserve_and_store(stores, period, job)
    spent = {"used": Decimal("0.08"), f"days.{old}": Decimal("0.05"), f"days.{recent}": Decimal("0.03")}
    await stores.budget_counters._periods.update_one({"_id": period.id}, {"$set": spent})  # pyright: ignore[reportPrivateUsage] - time cannot pass here
    assert await counters(stores, period) == (Decimal("0.03"), PRICE)
    assert not (await reserve_and_store(stores, period)).fits
    await stores.reservations.reserve(
        ask_for(period, replace(a_job(), cost=replace(job.cost, cost_per_image=Decimal("0.02"))))
    )
    assert await counters(stores, period) == (Decimal("0.03"), Decimal("0.07"))


async def test_the_ledger_has_every_step(stores: Stores) -> None:
    period, kept, gone = period_of(a_budget()), a_job(), a_job()
    await reserve_and_store(stores, period, kept)
    await stores.reservations.release([await stores.reservations.reserve(ask_for(period, gone))])
    await end(stores, kept.id, JobStatus.COMPLETED)
    await stores.settlement.settle_due()
    await stores.reservations.close()

    entries = await stores.ledger.page(period.budget.id, limit=10)
    assert sorted((each.job_id == kept.id, each.kind.value, each.amount, each.reserved) for each in entries) == [
        (False, "release", PRICE, PRICE),
        (False, "reserve", PRICE, None),
        (True, "reserve", PRICE, None),
        (True, "settle", PRICE, PRICE),
    ]


async def test_three_budgets_of_a_job_are_settled_each(stores: Stores) -> None:
    periods = [period_of(a_budget()) for _ in range(3)]
    job = a_job()
    for period in periods:
        assert (await stores.reservations.reserve(ask_for(period, job))).fits
    await stores.jobs.insert(with_reservation(job, *periods))
    await end(stores, job.id, JobStatus.COMPLETED)
    await stores.settlement.settle_due()
    assert [await counters(stores, period) for period in periods] == [(PRICE, 0)] * 3


async def test_requests_that_are_refused_at_once_release_together(
    stores: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else each would wait for the rounds of all others, and so would its refusal."""
    period, rounds = period_of(a_budget("100")), list[int]()
    real = stores.budget_counters.settle

    async def settle(new: Round) -> Any:
        rounds.append(len(new.jobs))
        return await real(new)

    monkeypatch.setattr(stores.budget_counters, "settle", settle)
    reserved = await asyncio.gather(*(stores.reservations.reserve(ask_for(period, a_job())) for _ in range(50)))
    await asyncio.gather(*(stores.reservations.release([each]) for each in reserved))

    assert await counters(stores, period) == (0, 0)
    assert sum(rounds) == 50
    assert len(rounds) <= 3
