"""Alerts of budgets: what each look of a process reads, and that it misses nothing."""

import base64
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from pydantic import SecretStr

from imagegen.budgets import Budget
from imagegen.clock import now
from imagegen.engine.budget_upkeep import BudgetAlerts
from imagegen.errors import DatabaseUnavailable
from imagegen.registry import load_registry
from imagegen.services import Services, open_services
from imagegen.settings import Settings, WebhookSettings
from imagegen.storage.stores import Stores, open_stores
from tests.support.budget_office import BudgetOffice
from tests.support.budget_periods import PRICE, period_of, reserve_and_store

REGISTRY = load_registry()
HOOK = "https://127.0.0.1/hook"
LONG_AGO = timedelta(minutes=30)
pytestmark = pytest.mark.usefixtures("service")  # which creates the bucket


@dataclass
class House:
    """A process, its alerts, and the budgets whose periods each look has read."""

    stores: Stores
    services: Services
    office: BudgetOffice
    read: list[list[str]] = field(default_factory=list[list[str]])

    async def budget(self, **members: Any) -> Budget:
        given: dict[str, Any] = {"scope": {"kind": "all"}, "webhookUrl": HOOK, "amount": 0.1, **members}
        budget = await self.office.create(**given)
        await self.services.budget_directory.announce_change()
        return budget

    async def spend(self, budget: Budget, *, ago: timedelta = timedelta(0)) -> None:
        await reserve_and_store(self.stores, period_of(budget))
        periods = self.stores.budget_counters._periods  # pyright: ignore[reportPrivateUsage] - time cannot pass here
        await periods.update_one({"_id": period_of(budget).id}, {"$set": {"changedAt": now() - ago}})

    async def told(self) -> Sequence[tuple[str, str]]:
        """The budgets that were told of, and of what."""
        deliveries = self.services.webhook_deliveries._deliveries  # pyright: ignore[reportPrivateUsage] - as recorded
        return [(each["event"], each["_id"].split("_")[-1]) async for each in deliveries.find({}).sort("_id", 1)]


@pytest.fixture
async def house(own: Settings, monkeypatch: pytest.MonkeyPatch) -> AsyncGenerator[House]:
    secret = SecretStr("whsec_" + base64.b64encode(bytes(32)).decode())
    settings = own.model_copy(update={"webhooks": WebhookSettings(secrets=secret, allow_private=True)})
    async with open_stores(settings.mongodb) as stores, open_services(settings, REGISTRY) as services:
        house = House(stores, services, BudgetOffice(stores, settings, REGISTRY))
        real = services.budget_counters.changed_within

        async def changed_within(*args: Any) -> Any:
            found = await real(*args)
            house.read.append([each.budget_id for each in found])
            return found

        monkeypatch.setattr(services.budget_counters, "changed_within", changed_within)
        yield house


async def test_a_look_reads_what_changed_since_the_last_one(house: House) -> None:
    quiet, busy = await house.budget(), await house.budget()
    alerts = BudgetAlerts(house.services)
    await house.spend(quiet, ago=2 * LONG_AGO)
    await house.spend(busy, ago=LONG_AGO)
    told = [await alerts.tell(), await alerts.tell()]
    await house.spend(busy)
    told += [await alerts.tell()]

    assert house.read == [[quiet.id, busy.id], [], [busy.id]]
    assert told == [2, 0, 2]  # 50 % of each, then 80 and 100 % of the second


async def test_a_process_that_starts_tells_what_an_earlier_one_has_not(house: House) -> None:
    budget = await house.budget()
    await BudgetAlerts(house.services).tell()
    await house.spend(budget, ago=LONG_AGO)

    assert await BudgetAlerts(house.services).tell() == 1
    assert await BudgetAlerts(house.services).tell() == 0


@pytest.mark.parametrize(
    ("before", "change"),
    [
        ({"alerts": [100]}, {"alerts": [50]}),
        ({"amount": 10}, {"amount": 0.1}),
        ({"webhookUrl": None}, {"webhookUrl": HOOK}),
    ],
    ids=["other percentages", "a lower amount", "a receiver"],
)
async def test_a_changed_budget_is_told_of_though_its_counters_are_not(
    house: House, before: dict[str, Any], change: dict[str, Any]
) -> None:
    other = await house.budget(name="other")
    budget = await house.budget(**{"alerts": [50], **before})
    await house.spend(other, ago=LONG_AGO)
    await house.spend(budget, ago=timedelta(days=3))
    alerts = BudgetAlerts(house.services)
    assert [await alerts.tell(), await alerts.tell()] == [1, 0]
    await house.office.change(budget, **change)
    await house.services.budget_directory.announce_change()

    assert [await alerts.tell(), await alerts.tell()] == [1, 0]
    assert house.read[-2:] == [[budget.id], []]


async def test_a_look_that_failed_is_repeated(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    budget = await house.budget()
    alerts = BudgetAlerts(house.services)
    await alerts.tell()
    await house.spend(budget, ago=timedelta(seconds=30))

    async def away(*_: object) -> None:
        raise DatabaseUnavailable

    with monkeypatch.context() as patched:
        patched.setattr(house.services.webhook_deliveries, "record_event", away)
        with pytest.raises(DatabaseUnavailable):
            await alerts.tell()

    assert [await alerts.tell(), await alerts.tell()] == [1, 0]


async def test_what_is_reached_right_before_a_period_ends_is_told(house: House) -> None:
    budget = await house.budget(period="day")
    yesterday = period_of(budget, at=now() - timedelta(days=1))
    assert yesterday.window.ends_at is not None
    periods = house.stores.budget_counters._periods  # pyright: ignore[reportPrivateUsage] - time cannot pass here
    changed = {"reserved": PRICE, "changedAt": yesterday.window.ends_at - timedelta(seconds=1), "used": Decimal(0)}
    await periods.insert_one({"_id": yesterday.id, **yesterday.fresh, **changed})

    assert await BudgetAlerts(house.services).tell() == 1
    assert await house.told() == [("budget.alert", "50")]
