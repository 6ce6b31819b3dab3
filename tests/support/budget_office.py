"""Administrators of the budgets of one database."""

from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from pydantic import JsonValue

from imagegen.budgets import Budget
from imagegen.jobs import Idempotency
from imagegen.keys import ApiKey
from imagegen.operations.audit import AuditPage, AuditReader
from imagegen.operations.budget_administration import BudgetAdministration
from imagegen.operations.budget_reports import BudgetReport
from imagegen.operations.budget_requests import read_adjust_request, read_change_request, read_create_request
from imagegen.operations.key_administration import COMMAND, KeyAdministration
from imagegen.operations.key_requests import read_create_request as read_key_request
from imagegen.registry import Registry
from imagegen.settings import Settings
from imagegen.storage.stores import Stores

ANN: JsonValue = {"kind": "user", "value": "ann"}


@dataclass
class BudgetOffice:
    """Administrators, and how often they told of a change."""

    stores: Stores
    settings: Settings
    registry: Registry
    told: list[str] = field(default_factory=list[str])

    def admin(self, own_key: ApiKey | None = None) -> BudgetAdministration:
        """The administrator with this key, or without one."""
        actor, stores = own_key.id if own_key else COMMAND, self.stores

        async def announce() -> None:
            self.told.append(actor)

        return BudgetAdministration(
            store=stores.budgets,
            counters=stores.budget_counters,
            ledger=stores.ledger,
            audit=stores.audit,
            keys=stores.api_keys,
            registry=self.registry,
            settings=self.settings,
            actor=actor,
            own_key=own_key,
            announce=announce,
        )

    def key_admin(self, own_key: ApiKey | None = None) -> KeyAdministration:
        """What the same administrator does with keys."""
        budgets = self.admin(own_key)
        return KeyAdministration(
            store=budgets.keys,
            audit=budgets.audit,
            registry=self.registry,
            actor=budgets.actor,
            own_key=own_key,
            announce=budgets.announce,
        )

    async def key(self, **members: Any) -> ApiKey:
        """A new key."""
        return (await self.key_admin().create(read_key_request({"name": "shop", **members}, self.registry))).key

    async def create(self, own_key: ApiKey | None = None, **members: Any) -> Budget:
        """A new budget: a wallet of ten dollars for ann, unless the members say something else."""
        body: JsonValue = {"name": "Ann", "scope": ANN, "amount": 10, **members}
        return (await self.admin(own_key).create(read_create_request(body, self.registry))).budget

    async def change(self, budget: Budget, own_key: ApiKey | None = None, **members: Any) -> BudgetReport:
        """Change a budget."""
        return await self.admin(own_key).change(budget.id, read_change_request(members, self.registry))

    async def adjust(
        self, budget: Budget, own_key: ApiKey | None = None, used: Idempotency | None = None, **members: Any
    ) -> BudgetReport:
        """Adjust a budget."""
        request = read_adjust_request({"reason": "more", **members}, self.registry)
        return await self.admin(own_key).adjust(budget.id, request, used or sent(uuid4().hex))

    async def audit(self, own_key: ApiKey | None = None, budget_id: str | None = None) -> AuditPage:
        """The audit trail."""
        reader = AuditReader(keys=self.key_admin(own_key), budgets=self.admin(own_key))
        return await reader.page(limit=50, budget_id=budget_id)


def sent(key: str, body: str = "0") -> Idempotency:
    """The idempotency key of an administrator's request."""
    return Idempotency(caller="anonymous/", route="a route", key=key, body_sha256=body)
