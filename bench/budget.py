"""A budget that has room for everything, in a running service; and how fast one budget can be reserved of."""

import asyncio
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from decimal import Decimal
from typing import Final

import httpx

from bench.figures import Figures, Measured
from bench.programs import BenchmarkError, Program
from imagegen.budgets import Budget, BudgetScope, ScopeKind
from imagegen.clock import now
from imagegen.jobs import new_job_id
from imagegen.settings import MongoSettings
from imagegen.storage.budgets.budget_period import BudgetPeriod
from imagegen.storage.budgets.reservations import Ask
from imagegen.storage.budgets.rounds import RoundJob
from imagegen.storage.stores import Stores, open_stores

RESERVATIONS: Final = "reservations/s"
_BUDGET: Final = {"name": "all", "scope": {"kind": "all"}, "amount": 1_000_000}
_PRICE: Final = Decimal("0.05")
_PROCESSES: Final = 4
_AT_ONCE: Final = 64


async def create_budget(program: Program) -> None:
    """Cap what all jobs of a service cost. Its callers have no key, so each is an administrator on loopback.

    Raises:
        BenchmarkError: the service did not create it.
    """
    async with httpx.AsyncClient(trust_env=False, timeout=30) as client:
        answer = await client.post(f"{program.url}/api/budgets", json=_BUDGET)
    if answer.status_code != httpx.codes.CREATED.value:
        raise BenchmarkError(f"{program.url} created no budget: {answer.status_code} {answer.text[:500]}")


async def require_use(program: Program) -> None:
    """Raise BenchmarkError unless jobs were counted: without, a budget would cost nothing."""
    async with httpx.AsyncClient(trust_env=False, timeout=30) as client:
        answer = await client.get(f"{program.url}/api/budgets")
    (budget,) = answer.raise_for_status().json()["budgets"]
    if not budget["used"] + budget["reserved"]:
        raise BenchmarkError(f"{program.url} counted no job in its budget")


def reserving(settings: MongoSettings, *, reservations: int) -> Measured:
    """One round of so many reservations of a new budget, 64 at once, from the stores of four processes.

    Raises:
        BenchmarkError: the budget did not count exactly what was reserved.
    """

    async def measured() -> Figures:
        async with AsyncExitStack() as stack:
            stores = [await stack.enter_async_context(open_stores(settings)) for _ in range(_PROCESSES)]
            moment = now()
            budget = Budget(
                id=new_job_id(moment),
                name="hot",
                scope=BudgetScope(ScopeKind.ALL),
                amount=reservations * _PRICE,
                created_at=moment,
            )
            period = BudgetPeriod(budget=budget, holder="", window=budget.window(moment))
            began = time.monotonic()
            fitting = await _reserve_all(stores, period, reservations)
            seconds = time.monotonic() - began
            (counted,) = await stores[0].budget_counters.look([period])
        if (fitting, counted.reserved) != (reservations, budget.amount):
            raise BenchmarkError(f"{fitting} of {reservations} reservations had room; {counted.reserved} is reserved")
        return {RESERVATIONS: reservations / seconds}

    return measured


async def _reserve_all(stores: Sequence[Stores], period: BudgetPeriod, reservations: int) -> int:
    """Reserve for so many jobs; returns for how many there was room."""
    left = iter(range(reservations))

    async def caller(number: int) -> int:
        own, fitting = stores[number % len(stores)].reservations, 0
        for _ in left:
            reserved = await own.reserve(Ask(period=period, jobs=(RoundJob(job_id=new_job_id(now()), amount=_PRICE),)))
            own.stored([reserved])
            fitting += reserved.fits
        return fitting

    return sum(await asyncio.gather(*(caller(number) for number in range(_AT_ONCE))))
