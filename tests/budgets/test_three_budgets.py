"""A thousand requests at once, each of which counts in three budgets, in two processes that share them."""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from typing import Final

import pytest

from imagegen.budgets import Budget
from imagegen.clock import now
from imagegen.errors import BudgetExceeded
from imagegen.jobs import Job, JobStatus
from imagegen.keys import ApiKey, Caller
from imagegen.operations.generate import accept
from imagegen.registry import load_registry
from imagegen.services import Services, open_services
from imagegen.settings import Settings
from imagegen.storage.budgets.budget_period import BudgetPeriod
from imagegen.storage.stores import Stores, open_stores
from tests.support.budget_office import BudgetOffice
from tests.support.budget_periods import PRICE, counters, end
from tests.support.jobs_apart import a_job

USERS: Final = ("ann", "bob", "$eve", "a/b")
REQUESTS: Final = 1000
REGISTRY: Final = load_registry()
pytestmark = [pytest.mark.usefixtures("service"), pytest.mark.slow]  # which creates the bucket


@dataclass(slots=True, kw_only=True)
class House:
    """Two processes with a key, and a budget of that key, one of each user and one of all.

    Attributes:
        looks: how often all counters were looked at while requests came.
        wrong: what they said when it was above the limit, or below what was accepted.
    """

    stores: Stores
    processes: Sequence[Services]
    key: ApiKey
    budgets: Mapping[str, Budget]
    accepted: list[Job] = field(default_factory=list[Job])
    looks: int = 0
    wrong: list[object] = field(default_factory=list[object])

    def periods(self) -> Sequence[BudgetPeriod]:
        holders = {"key": [self.key.id], "user": USERS, "all": [""]}
        return [
            BudgetPeriod(budget=budget, holder=holder, window=budget.window(now()))
            for kind, budget in self.budgets.items()
            for holder in holders[kind]
        ]

    async def request(self, number: int) -> None:
        """Ask one of the processes for a job of one of the users."""
        services = self.processes[number // len(USERS) % len(self.processes)]
        try:
            done = await accept(a_job(user_id=USERS[number % len(USERS)]), Caller(self.key), services)
        except BudgetExceeded:
            return
        self.accepted.append(done.job)

    async def look(self) -> None:
        """Compare the counters with what had been accepted before."""
        before = jobs_by_holder(self.accepted, self.key)
        for period in self.periods():
            spent = sum(await counters(self.stores, period), Decimal(0))
            if not before[period.holder] * PRICE <= spent <= period.limit:
                self.wrong.append((period.id, spent, before[period.holder]))
        self.looks += 1

    async def watch(self) -> None:
        while True:
            await self.look()


def jobs_by_holder(jobs: Sequence[Job], key: ApiKey) -> Counter[str]:
    """How many jobs count for each holder: their user, the key, and all."""
    return Counter([job.user_id for job in jobs]) + Counter({key.id: len(jobs), "": len(jobs)})


@asynccontextmanager
async def house(own: Settings, room: Mapping[str, int]) -> AsyncGenerator[House]:
    """Processes that know budgets with room for so many jobs. Each request asks them in the order of `room`."""
    async with open_stores(own.mongodb) as stores, AsyncExitStack() as stack:
        office = BudgetOffice(stores, own, REGISTRY)
        key = await office.key()
        scopes = {
            "key": {"kind": "key", "value": key.id},
            "user": {"kind": "user", "value": "*"},
            "all": {"kind": "all"},
        }
        budgets = {
            kind: await office.create(name=kind, scope=scopes[kind], amount=float(jobs * PRICE))
            for kind, jobs in room.items()
        }
        processes = [await stack.enter_async_context(open_services(own, REGISTRY)) for _ in range(2)]
        yield House(stores=stores, processes=processes, key=key, budgets=budgets)


@pytest.mark.parametrize(
    "room",
    [{"key": 60, "user": 100, "all": 400}, {"all": 400, "user": 15, "key": 200}, {"key": 400, "user": 100, "all": 60}],
    ids=["that of the key", "that of each user", "that of all"],
)
async def test_the_tightest_of_three_budgets_decides_exactly(own: Settings, room: Mapping[str, int]) -> None:
    async with house(own, room) as it:
        watching = asyncio.create_task(it.watch())
        await asyncio.gather(*(it.request(number) for number in range(REQUESTS)))
        watching.cancel()
        await asyncio.wait({watching})

        assert (len(it.accepted), it.wrong, it.looks > 3) == (60, [], True)
        due = jobs_by_holder(it.accepted, it.key)
        assert [await counters(it.stores, each) for each in it.periods()] == [
            (0, due[each.holder] * PRICE) for each in it.periods()
        ]

        completed = it.accepted[::2]
        await asyncio.gather(*(end(it.stores, job.id, JobStatus.COMPLETED) for job in completed))
        await asyncio.gather(*(end(it.stores, job.id, JobStatus.FAILED) for job in it.accepted[1::2]))
        await it.stores.budget_reconciliation.reconcile(timedelta(0))
        assert await it.stores.budget_reconciliation.audit() == []
        due = jobs_by_holder(completed, it.key)
        assert [await counters(it.stores, each) for each in it.periods()] == [
            (due[each.holder] * PRICE, 0) for each in it.periods()
        ]
