"""Budgets are created, changed, adjusted and deleted; every change is in the audit trail."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from pydantic import JsonValue

from imagegen.budgets import Budget, BudgetScope, Counts, Period, ScopeKind
from imagegen.clock import now
from imagegen.errors import (
    BudgetConflict,
    BudgetDeleted,
    BudgetNotFound,
    GrantNotAllowed,
    IdempotencyMismatch,
    InvalidInput,
    InvalidRequest,
    StaleBudget,
    TooManyBudgets,
)
from imagegen.operations import budget_administration
from imagegen.operations.budget_requests import (
    read_adjust_request,
    read_change_request,
    read_create_request,
)
from imagegen.registry import load_registry
from imagegen.settings import Settings
from imagegen.storage.audit_trail import AuditAction
from imagegen.storage.budgets.ledger import LedgerKind
from imagegen.storage.stores import open_stores
from tests.support.budget_office import ANN, BudgetOffice, sent

REGISTRY = load_registry()
ALL: JsonValue = {"kind": "all"}
EACH_USER: JsonValue = {"kind": "user", "value": "*"}
ADMIN = ["admin", "generate", "read"]
Read = Callable[[JsonValue, Any], object]


@pytest.fixture
async def office(own: Settings) -> AsyncGenerator[BudgetOffice]:
    async with open_stores(own.mongodb) as stores:
        yield BudgetOffice(stores, own, REGISTRY)


async def faults_of(made: Awaitable[object]) -> list[tuple[str, str]]:
    with pytest.raises(InvalidRequest) as refused:
        await made
    assert isinstance(refused.value, InvalidInput)
    return [(fault.pointer, fault.code) for fault in refused.value.faults]


def faults_in(read: Read, body: JsonValue) -> list[tuple[str, str]]:
    with pytest.raises(InvalidRequest) as refused:
        read(body, REGISTRY)
    assert isinstance(refused.value, InvalidInput)
    return [(fault.pointer, fault.code) for fault in refused.value.faults]


# Bodies.


def test_all_faults_of_a_body_are_told_at_once() -> None:
    body: JsonValue = {
        "name": "two\nlines",
        "scope": {"kind": "all", "value": "ann"},
        "amount": "25",
        "currency": "EUR",
        "counts": "provider",
        "period": "year",
        "models": ["flux-por"],
        "alerts": [0, 50, 50],
        "hard": True,
        "limit": 3,
    }

    assert faults_in(read_create_request, body) == [
        ("/name", "wrong_format"),
        ("/amount", "wrong_type"),
        ("/currency", "not_allowed"),
        ("/period", "not_allowed"),
        ("/alerts/0", "out_of_range"),
        ("/limit", "unknown_name"),
        ("/models/0", "unknown_model"),
        ("/scope/value", "conflict"),
        ("/hard", "not_allowed"),
    ]


@pytest.mark.parametrize(
    ("amount", "code"),
    [
        (0, "out_of_range"),
        (-1, "out_of_range"),
        (1_000_000_001, "out_of_range"),
        (0.0000001, "out_of_range"),
        (True, "wrong_type"),
        ("1", "wrong_type"),
        (None, "missing"),
        ([], "wrong_type"),
    ],
)
def test_an_amount_is_a_number_above_zero_with_six_decimals(amount: JsonValue, code: str) -> None:
    assert faults_in(read_create_request, {"name": "n", "scope": ALL, "amount": amount}) == [("/amount", code)]


@pytest.mark.parametrize("amount", [0.000001, 0.1, 25, 25.0, 1_000_000_000, 999_999_999.999999])
def test_an_amount_is_taken_digit_for_digit(amount: float) -> None:
    request = read_create_request({"name": "n", "scope": ALL, "amount": amount}, REGISTRY)

    assert request.amount == Decimal(repr(amount))
    assert "E" not in str(request.amount) or amount < 0.00001


@pytest.mark.parametrize(
    ("members", "fault"),
    [
        ({"scope": {"kind": "team", "value": "x"}}, ("/scope/kind", "not_allowed")),
        ({"scope": {"kind": "user"}}, ("/scope/value", "missing")),
        ({"scope": {"kind": "key"}}, ("/scope/value", "missing")),
        ({"scope": {"kind": "key", "value": "ab12cd34ef"}}, ("/scope/value", "not_allowed")),
        ({"scope": {"kind": "all", "value": "ann"}}, ("/scope/value", "conflict")),
        ({"timeZone": "Europe/Berlin"}, ("/timeZone", "conflict")),
        ({"period": "day", "timeZone": "Europe/Berlim"}, ("/timeZone", "not_allowed")),
        ({"period": "day", "timeZone": "../../etc/passwd"}, ("/timeZone", "not_allowed")),
        ({"period": "day", "timeZone": "localtime"}, ("/timeZone", "not_allowed")),
        ({"period": "day", "timeZone": "right/UTC"}, ("/timeZone", "not_allowed")),
        ({"models": ["flux-pro", "flux-pro"]}, ("/models/1", "conflict")),
        ({"models": []}, ("/models", "too_short")),
        ({"alerts": [50, 50]}, ("/alerts/1", "conflict")),
        ({"alerts": [101]}, ("/alerts/0", "out_of_range")),
        ({"alerts": list(range(1, 12))}, ("/alerts", "too_long")),
        ({"counts": "provider", "hard": True}, ("/hard", "not_allowed")),
        ({"hard": 1}, ("/hard", "wrong_type")),
        ({"webhookUrl": "ftp://example.com"}, ("/webhookUrl", "wrong_format")),
        ({"webhookUrl": "https://example.com/hook"}, ("/webhookUrl", "unsupported")),
        ({"name": ""}, ("/name", "too_short")),
    ],
)
async def test_each_fault_has_its_place(office: BudgetOffice, members: dict[str, Any], fault: tuple[str, str]) -> None:
    async def create() -> None:
        await office.create(**members)

    assert await faults_of(create()) == [fault]
    assert await office.stores.budgets.all() == []


@pytest.mark.parametrize("member", ["scope", "counts", "period", "timeZone", "currency"])
def test_what_cannot_be_changed_is_told_so(member: str) -> None:
    assert faults_in(read_change_request, {member: "x"}) == [(f"/{member}", "not_allowed")]
    with pytest.raises(InvalidInput, match=f"{member} cannot be changed: create another budget"):
        read_change_request({member: "x"}, REGISTRY)


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        ({"amount": 0, "reason": "x"}, ("/amount", "out_of_range")),
        ({"amount": 1}, ("/reason", "missing")),
        ({"amount": 1, "reason": ""}, ("/reason", "too_short")),
        ({"amount": 1, "reason": "r" * 501}, ("/reason", "too_long")),
        ({"amount": 1, "reason": "x", "periods": 0}, ("/periods", "out_of_range")),
        ({"amount": 1, "reason": "x", "periods": 1001}, ("/periods", "out_of_range")),
        ({"amount": 1, "reason": "x", "period": 1}, ("/period", "unknown_name")),
    ],
)
def test_each_fault_of_an_adjustment_has_its_place(body: JsonValue, fault: tuple[str, str]) -> None:
    assert faults_in(read_adjust_request, body) == [fault]


# Create.


async def test_a_budget_is_stored_as_asked(office: BudgetOffice) -> None:
    budget = await office.create(
        name="Shops in Berlin",
        scope=EACH_USER,
        amount=25.5,
        period="month",
        timeZone="Europe/Berlin",
        models=["flux-pro"],
        alerts=[90, 10],
        hard=False,
    )

    assert budget == Budget(
        id=budget.id,
        name="Shops in Berlin",
        scope=BudgetScope(ScopeKind.USER, "*"),
        amount=Decimal("25.5"),
        period=Period.MONTH,
        time_zone="Europe/Berlin",
        models=("flux-pro",),
        alerts=(10, 90),
        hard=False,
        created_at=budget.created_at,
    )
    assert await office.stores.budgets.find(budget.id) == budget
    assert [*await office.stores.budgets.undeleted()] == [budget]
    assert office.told == ["command"]


async def test_a_budget_is_a_hard_wallet_in_utc_unless_asked_otherwise(office: BudgetOffice) -> None:
    budget = await office.create()

    assert (budget.period, budget.time_zone, budget.counts, budget.hard) == (None, "UTC", Counts.CHARGE, True)
    assert (budget.alerts, budget.models, budget.webhook_url) == ((50, 80, 100), None, None)


async def test_a_budget_of_the_bill_only_tells(office: BudgetOffice) -> None:
    assert not (await office.create(counts="provider")).hard
    assert not (await office.create(counts="provider", hard=False)).hard


async def test_a_budget_of_a_key_needs_the_key(office: BudgetOffice) -> None:
    key = await office.key()
    budget = await office.create(scope={"kind": "key", "value": key.id})

    assert budget.scope == BudgetScope(ScopeKind.KEY, key.id)


async def test_there_are_no_more_budgets_than_may_be(office: BudgetOffice, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(budget_administration, "MOST_BUDGETS", 2)
    first, _ = await office.create(), await office.create()

    with pytest.raises(TooManyBudgets):
        await office.create()
    await office.admin().delete(first.id)
    await office.create()


# Change, adjust, delete.


async def test_members_that_are_left_out_of_a_change_stay(office: BudgetOffice) -> None:
    budget = await office.create(models=["flux-pro"])

    renamed = (await office.change(budget, name="new", amount=20)).budget
    opened = (await office.change(budget, models=None, alerts=[], hard=False)).budget

    assert renamed == replace(budget, name="new", amount=Decimal(20), version=2)
    assert opened == replace(renamed, models=None, alerts=(), hard=False, version=3)


async def test_a_change_that_changes_nothing_is_no_version_and_no_entry(office: BudgetOffice) -> None:
    budget = await office.create()

    assert (await office.change(budget)).budget == budget
    assert (await office.change(budget, name=budget.name)).budget == budget
    assert len((await office.audit()).entries) == 1


async def test_a_budget_of_the_bill_stays_soft(office: BudgetOffice) -> None:
    budget = await office.create(counts="provider")

    assert await faults_of(office.change(budget, hard=True)) == [("/hard", "not_allowed")]


async def test_a_top_up_of_a_wallet_stays(office: BudgetOffice) -> None:
    budget = await office.create()
    report = await office.adjust(budget, amount=5.25)

    (adjustment,) = report.budget.adjustments
    assert (adjustment.amount, adjustment.reason, adjustment.until) == (Decimal("5.25"), "more", None)
    assert report.state is not None
    assert (report.state.limit, report.state.remaining) == (Decimal("15.25"), Decimal("15.25"))
    (entry,) = (await office.admin().ledger_page(budget.id, limit=5)).entries
    assert (entry.kind, entry.amount, entry.reason, entry.id) == (
        LedgerKind.ADJUST, Decimal("5.25"), "more", adjustment.id,
    )  # fmt: skip


async def test_a_wallet_has_no_periods_to_adjust(office: BudgetOffice) -> None:
    budget = await office.create()

    assert await faults_of(office.adjust(budget, amount=5, periods=2)) == [("/periods", "conflict")]


@pytest.mark.parametrize(("periods", "days"), [(None, 1), (1, 1), (3, 3)])
async def test_an_adjustment_lasts_for_its_periods(office: BudgetOffice, periods: int | None, days: int) -> None:
    budget = await office.create(period="day")
    adjusted = (await office.adjust(budget, amount=-4, periods=periods)).budget

    moment = adjusted.adjustments[0].at
    limits = [adjusted.limit(adjusted.window(moment + timedelta(days=day))) for day in range(5)]
    assert limits == [Decimal(6)] * days + [Decimal(10)] * (5 - days)


async def test_concurrent_adjustments_are_all_made(office: BudgetOffice) -> None:
    budget = await office.create()
    await asyncio.gather(*(office.adjust(budget, amount=1) for _ in range(4)))

    report = await office.admin().show(budget.id)
    assert report.state is not None
    assert (report.state.limit, report.budget.version) == (Decimal(14), 5)


async def test_a_deleted_budget_stays_deleted_and_can_be_read(office: BudgetOffice) -> None:
    budget = await office.create()
    await office.adjust(budget, amount=1)
    await office.admin().delete(budget.id)
    await office.admin().delete(budget.id)

    assert (await office.admin().show(budget.id)).budget.deleted_at is not None
    assert len((await office.admin().ledger_page(budget.id, limit=5)).entries) == 1
    assert [*await office.stores.budgets.undeleted()] == []
    assert (await office.admin().page(limit=5)).budgets == []
    with pytest.raises(BudgetDeleted):
        await office.change(budget, name="x")
    with pytest.raises(BudgetDeleted):
        await office.adjust(budget, amount=1)


async def test_a_change_gives_up_when_others_are_always_faster(
    office: BudgetOffice, monkeypatch: pytest.MonkeyPatch
) -> None:
    budget = await office.create()

    async def lose(*_: Any) -> None:
        raise StaleBudget(budget.id)

    monkeypatch.setattr("imagegen.operations.compare_and_set._TRIES", 3)
    monkeypatch.setattr(office.stores.budgets, "save", lose)
    for change in (
        office.change(budget, name="new"),
        office.adjust(budget, amount=1),
        office.admin().delete(budget.id),
    ):
        with pytest.raises(BudgetConflict):
            await change


async def test_a_lost_save_stores_nothing(office: BudgetOffice) -> None:
    budget = await office.create()
    (entry,) = (await office.audit()).entries
    await office.change(budget, name="new")

    with pytest.raises(StaleBudget):
        await office.stores.budgets.save(replace(budget, name="late", version=2), replace(entry, id="other"))
    assert (await office.admin().show(budget.id)).budget.name == "new"
    assert len((await office.audit()).entries) == 2


# The audit trail.


async def test_every_change_is_in_the_audit_trail(office: BudgetOffice) -> None:
    admin = await office.key(scopes=ADMIN)
    budget = await office.create(admin)
    await office.change(budget, admin, amount=12.5)
    await office.adjust(budget, admin, amount=3)
    await office.admin(admin).delete(budget.id)

    entries = (await office.audit(budget_id=budget.id)).entries
    assert [entry.action for entry in entries] == [
        AuditAction.BUDGET_DELETED,
        AuditAction.BUDGET_ADJUSTED,
        AuditAction.BUDGET_CHANGED,
        AuditAction.BUDGET_CREATED,
    ]
    assert {(entry.actor, entry.budget_id, entry.key_id) for entry in entries} == {(admin.id, budget.id, None)}
    assert entries[2].changes == {"amount": {"from": "10", "to": "12.5"}}
    assert entries[1].changes["adjustments"]["to"] == {"amount": "3", "reason": "more", "until": None}
    assert len((await office.audit()).entries) == 5


# Restricted administrators.


async def test_a_restricted_admin_manages_only_budgets_of_what_it_could_grant(office: BudgetOffice) -> None:
    ann = await office.key(users=["ann"], scopes=ADMIN)
    hers, bobs = await office.key(users=["ann"]), await office.key(users=["bob"])
    visible = [await office.create(), await office.create(scope={"kind": "key", "value": hers.id})]
    hidden = [
        await office.create(scope=scope)
        for scope in (ALL, EACH_USER, {"kind": "user", "value": "bob"}, {"kind": "key", "value": bobs.id})
    ]
    admin = office.admin(ann)

    assert {each.budget.id for each in (await admin.page(limit=10)).budgets} == {each.id for each in visible}
    assert {entry.budget_id for entry in (await office.audit(ann)).entries if entry.budget_id} == {
        each.id for each in visible
    }
    for budget in hidden:
        for forbidden in (
            admin.show(budget.id),
            office.change(budget, ann, name="x"),
            office.adjust(budget, ann, amount=1),
            admin.delete(budget.id),
            admin.ledger_page(budget.id, limit=1),
        ):
            with pytest.raises(BudgetNotFound):
                await forbidden
        assert (await office.admin().show(budget.id)).budget == budget
        assert (await office.audit(ann, budget.id)).entries == []


@pytest.mark.parametrize(
    ("scope", "pointer"),
    [(ALL, "/scope/kind"), (EACH_USER, "/scope/value"), ({"kind": "user", "value": "bob"}, "/scope/value")],
)
async def test_a_restricted_admin_limits_no_others(office: BudgetOffice, scope: JsonValue, pointer: str) -> None:
    ann = await office.key(users=["ann"], scopes=ADMIN)

    with pytest.raises(GrantNotAllowed) as refused:
        await office.create(ann, scope=scope)
    assert [fault.pointer for fault in refused.value.faults] == [pointer]
    await office.create(ann, scope=ANN)


async def test_a_key_that_it_could_not_grant_is_no_key_to_a_restricted_admin(office: BudgetOffice) -> None:
    ann, bobs = await office.key(users=["ann"], scopes=ADMIN), await office.key(users=["bob"])

    async def create() -> None:
        await office.create(ann, scope={"kind": "key", "value": bobs.id})

    assert await faults_of(create()) == [("/scope/value", "not_allowed")]


async def test_an_admin_of_one_model_limits_no_others(office: BudgetOffice) -> None:
    admin = await office.key(models=["flux-pro"], scopes=ADMIN)
    for members in ({}, {"models": ["flux-dev"]}, {"scope": EACH_USER, "models": ["flux-pro"]}):
        with pytest.raises(GrantNotAllowed):
            await office.create(admin, **members)
    budget = await office.create(admin, models=["flux-pro"])

    with pytest.raises(GrantNotAllowed):
        await office.change(budget, admin, models=None)


async def test_pages_are_newest_first_and_skip_what_is_not_seen(office: BudgetOffice) -> None:
    ann = await office.key(users=["ann"], scopes=ADMIN)
    hers: list[str] = []
    for _ in range(4):
        hers.append((await office.create()).id)
        await office.create(scope=ALL)

    for own, expected in ((ann, hers), (None, [each.id for each in await office.stores.budgets.all()])):
        admin, seen, before = office.admin(own), list[str](), None
        while True:
            page = await admin.page(limit=3, before=before)
            seen += [each.budget.id for each in page.budgets]
            if (before := page.next_before) is None:
                break
        assert seen == expected[::-1]


# Idempotency keys.


async def test_a_repeated_creation_returns_the_budget(office: BudgetOffice) -> None:
    request = read_create_request({"name": "Ann", "scope": ANN, "amount": 10}, REGISTRY)
    first = await office.admin().create(request, sent("k"))
    again = await office.admin().create(request, sent("k"))

    assert (again.budget, again.replayed, first.replayed) == (first.budget, True, False)
    with pytest.raises(IdempotencyMismatch) as refused:
        await office.admin().create(request, sent("k", "another body"))
    assert refused.value.budget_id == first.budget.id
    assert len(await office.stores.budgets.all()) == 1


async def test_a_repeated_adjustment_adds_once_even_at_once(office: BudgetOffice) -> None:
    budget = await office.create()
    reports = await asyncio.gather(*(office.adjust(budget, used=sent("k"), amount=5) for _ in range(4)))
    again = await office.adjust(budget, used=sent("k"), amount=5)

    assert again.state is not None
    assert (again.state.limit, again.replayed) == (Decimal(15), True)
    assert [report.replayed for report in reports].count(False) == 1
    assert len((await office.admin().ledger_page(budget.id, limit=5)).entries) == 1
    with pytest.raises(IdempotencyMismatch):
        await office.adjust(budget, used=sent("k", "another body"), amount=6)


async def test_an_idempotency_key_is_free_again_after_a_day(
    office: BudgetOffice, monkeypatch: pytest.MonkeyPatch
) -> None:
    budget = await office.create()
    await office.adjust(budget, used=sent("k"), amount=5)
    later = now() + timedelta(hours=25)
    monkeypatch.setattr(budget_administration, "now", lambda: later)
    report = await office.adjust(budget, used=sent("k"), amount=5)

    assert report.state is not None
    assert (report.replayed, report.state.limit) == (False, Decimal(20))
