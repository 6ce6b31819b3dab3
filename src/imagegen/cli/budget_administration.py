"""What `imagegen budgets` does."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Final, TypeVar
from uuid import uuid4

from pydantic import JsonValue

from imagegen.cli import administration
from imagegen.cli.administration import Announce
from imagegen.cli.errors import InvalidArgument
from imagegen.jobs import Idempotency
from imagegen.operations.body_hash import hash_body
from imagegen.operations.budget_administration import BudgetAdministration
from imagegen.operations.budget_reports import BudgetReport
from imagegen.operations.budget_requests import read_adjust_request, read_change_request, read_create_request
from imagegen.operations.key_administration import COMMAND
from imagegen.queue import Changed
from imagegen.registry import Registry
from imagegen.settings import Settings
from imagegen.storage.budgets.ledger import LedgerEntry
from imagegen.storage.stores import Stores

T = TypeVar("T")
Act = Callable[[BudgetAdministration], Awaitable[T]]
Body = dict[str, JsonValue]
_ADJUST: Final = "imagegen budgets adjust"
_PAGE: Final = 100


def administer(act: Act[T]) -> T:
    """Do something with the budgets of the database of the settings, or of the local stack that runs."""
    return administration.administer(Changed.BUDGETS, _administration, act)


def scope_of(key: str | None, users: Sequence[str], *, everyone: bool) -> Body:
    """The scope that the options mean.

    Raises:
        InvalidArgument: they name none, or more than one.
    """
    scopes: list[Body] = [{"kind": "user", "value": user} for user in users]
    if key is not None:
        scopes.append({"kind": "key", "value": key})
    if everyone:
        scopes.append({"kind": "all"})
    if len(scopes) != 1:
        raise InvalidArgument("Say whose jobs count: one of --key ID, --user ID, --each-user and --all")
    return scopes[0]


def add_budget(body: Body) -> Act[BudgetReport]:
    """Creates the budget of this body, as of `POST /api/budgets`."""

    async def add(admin: BudgetAdministration) -> BudgetReport:
        return await admin.create(read_create_request(body, admin.registry))

    return add


def change_budget(budget_id: str, body: Body) -> Act[BudgetReport]:
    """Changes a budget, as `PATCH /api/budgets/{budgetId}`."""

    async def change(admin: BudgetAdministration) -> BudgetReport:
        return await admin.change(budget_id, read_change_request(body, admin.registry))

    return change


def adjust_budget(budget_id: str, body: Body, key: str | None) -> Act[BudgetReport]:
    """Adjusts a budget; with an idempotency key, a repeat does nothing."""

    async def adjust(admin: BudgetAdministration) -> BudgetReport:
        hashes = hash_body({**body, "budgetId": budget_id})
        used = Idempotency(caller=COMMAND, route=_ADJUST, key=key or uuid4().hex, body_sha256=hashes.sha256)
        return await admin.adjust(budget_id, read_adjust_request(body, admin.registry), used)

    return adjust


async def all_budgets(admin: BudgetAdministration) -> Sequence[BudgetReport]:
    """All budgets, newest first."""
    page = await admin.page(limit=_PAGE)
    found = [*page.budgets]
    while page.next_before is not None:
        page = await admin.page(limit=_PAGE, before=page.next_before)
        found += page.budgets
    return found


def ledger_of(budget_id: str, job_id: str | None, most: int) -> Act[Sequence[LedgerEntry]]:
    """The newest entries of a ledger."""

    async def read(admin: BudgetAdministration) -> Sequence[LedgerEntry]:
        return (await admin.ledger_page(budget_id, limit=most, job_id=job_id)).entries

    return read


def _administration(stores: Stores, registry: Registry, settings: Settings, announce: Announce) -> BudgetAdministration:
    return BudgetAdministration(
        store=stores.budgets,
        counters=stores.budget_counters,
        ledger=stores.ledger,
        audit=stores.audit,
        keys=stores.api_keys,
        registry=registry,
        settings=settings,
        actor=COMMAND,
        own_key=None,
        announce=announce,
    )
