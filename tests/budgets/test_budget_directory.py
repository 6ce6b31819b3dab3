"""The budgets in a process's memory: how soon a change is known, and for how long they count without MongoDB."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest

from imagegen.budgets import Budget
from imagegen.errors import DatabaseUnavailable
from imagegen.queue import Changed, announce_change, open_queue
from imagegen.registry import load_registry
from imagegen.settings import Settings
from imagegen.storage.budgets.definitions import Budgets
from imagegen.storage.budgets.directory import BudgetDirectory, open_budget_directory
from imagegen.storage.stores import Stores, open_stores
from tests.support.budget_office import BudgetOffice

REGISTRY = load_registry()
MINUTE = timedelta(seconds=60)


class Watched(Budgets):
    """The stored budgets, which can be away."""

    def __init__(self, stored: Budgets) -> None:
        super().__init__(stored._budgets, stored._audit, stored._ledger)
        self.is_away = False

    async def undeleted(self) -> Sequence[Budget]:
        if self.is_away:
            raise DatabaseUnavailable
        return await super().undeleted()


@pytest.fixture
async def stores(own: Settings) -> AsyncGenerator[Stores]:
    async with open_stores(own.mongodb) as stores:
        yield stores


@asynccontextmanager
async def directory(own: Settings, stored: Budgets, valid_for: timedelta = MINUTE) -> AsyncGenerator[BudgetDirectory]:
    """The directory of a process with a connection to NATS of its own."""
    lease = timedelta(seconds=30)
    async with (
        open_queue(own.nats, lease) as queue,
        open_budget_directory(stored, queue.budget_news, valid_for) as budgets,
    ):
        yield budgets


async def test_undeleted_budgets_are_held_oldest_first(own: Settings, stores: Stores) -> None:
    office = BudgetOffice(stores, own, REGISTRY)
    budgets = [await office.create(name=name) for name in ("one", "two", "three")]
    await office.admin().delete(budgets[1].id)

    async with directory(own, stores.budgets) as held:
        assert [each.id for each in held.current()] == [budgets[0].id, budgets[2].id]


async def test_change_by_another_process_is_known_within_two_seconds(own: Settings, stores: Stores) -> None:
    office = BudgetOffice(stores, own, REGISTRY)
    async with directory(own, stores.budgets) as held:
        assert held.current() == []
        budget = await office.create()
        await announce_change(own.nats, Changed.BUDGETS)
        async with asyncio.timeout(2):
            while not held.current():
                await asyncio.sleep(0.02)

        assert held.current() == [budget]


async def test_own_change_is_known_at_once_and_told(own: Settings, stores: Stores) -> None:
    office = BudgetOffice(stores, own, REGISTRY)
    async with directory(own, stores.budgets) as one, directory(own, stores.budgets) as other:
        budget = await office.create()
        await one.announce_change()
        assert one.current() == [budget]
        async with asyncio.timeout(2):
            while not other.current():
                await asyncio.sleep(0.02)


async def test_budgets_do_not_count_as_known_once_mongodb_is_away_for_long(own: Settings, stores: Stores) -> None:
    stored = Watched(stores.budgets)
    async with directory(own, stored, timedelta(seconds=1)) as held:
        stored.is_away = True
        assert held.current() == []
        await asyncio.sleep(1.2)
        with pytest.raises(DatabaseUnavailable):
            held.current()
        stored.is_away = False
        async with asyncio.timeout(5):
            while not is_known(held):
                await asyncio.sleep(0.05)


async def test_nothing_is_known_before_the_first_answer(own: Settings, stores: Stores) -> None:
    stored = Watched(stores.budgets)
    stored.is_away = True
    async with directory(own, stored) as held:
        assert not is_known(held)


def is_known(held: BudgetDirectory) -> bool:
    try:
        held.current()
    except DatabaseUnavailable:
        return False
    return True
