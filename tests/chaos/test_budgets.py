"""The reckoning finds budgets whose counters are not what the jobs say."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

import pytest

from tests.chaos.budgets import below_its_jobs, drifted, limited_wrongly, over_its_limit, untold
from tests.chaos.receipts import BudgetReceipt, budget_receipt_of
from tests.chaos.records import BudgetRecord, Document, PeriodRecord, Records
from tests.chaos.test_ledger import FAILED, completed
from tests.chaos.told import Told, Wish
from tests.support.receiver import Received

NOW: Final = datetime(2026, 11, 28, 12, tzinfo=UTC)
ALL: Final = "B1/all/"
EACH_USER: Final = "B2/2026-11-01/me"
A_KEY: Final = "B3/all/k1"
FAL: Final = "B4/all/"


def budget(budget_id: str, kind: str, value: str | None = None, **changes: Any) -> BudgetRecord:
    scope = {"kind": kind, "value": value}
    members = {"name": "b", "amount": "1", "counts": "charge", "alerts": [50], "hard": True, "webhookUrl": None}
    return BudgetRecord.model_validate({"_id": budget_id, "scope": scope, **members, **changes})


BUDGETS: Final = (
    budget("B1", "all"),
    budget("B2", "user", "*"),
    budget("B3", "key", "k1"),
    budget("B4", "all", counts="provider", hard=False),
    budget("B5", "user", "somebody"),
)


def period(name: str, used: str, reserved: str = "0", **changes: Any) -> PeriodRecord:
    budget_id, _, holder = name.split("/", 2)
    members = {"limit": "1", "used": used, "reserved": reserved}
    return PeriodRecord.model_validate({"_id": name, "budgetId": budget_id, "holder": holder, **members, **changes})


RIGHT: Final = (period(ALL, "0.05"), period(EACH_USER, "0.05"), period(A_KEY, "0.05"), period(FAL, "0.03"))


def held(*names: str, number: int = 1) -> list[dict[str, Any]]:
    return [{"period": name, "amount": "0.05", "number": number, "state": "settled"} for name in names]


HELD: Final = held(ALL, EACH_USER, A_KEY, FAL)
COST: Final = {"costPerImage": "0.05", "numImages": 1, "totalCost": "0.05", "providerCost": "0.03"}
JOB: Final = completed(reservations=HELD, cost=COST)
TOLD: Final = Told(wishes={"wish-1": Wish("wish-1", 1, "me", "key", caller="k1")})


def left(*jobs: dict[str, Any], periods: Sequence[PeriodRecord] = RIGHT, **more: Any) -> Records:
    documents = [Document.model_validate({**each, "raw": {}}) for each in jobs]
    return Records(documents=documents, paid=(), objects=frozenset(), budgets=BUDGETS, periods=periods, **more)


@pytest.mark.parametrize(
    "jobs",
    [
        [JOB],
        [JOB, {**FAILED, "_id": "OTHER", "reservations": HELD}],
        [{**JOB, "reservations": [*HELD, *held(ALL, EACH_USER, A_KEY, FAL, number=2)]}],
    ],
    ids=["completed", "failed too", "ran again after its end"],
)
def test_counters_that_are_what_ended_jobs_cost_have_not_drifted(jobs: list[dict[str, Any]]) -> None:
    assert list(drifted(left(*jobs), TOLD)) == []


@pytest.mark.parametrize(
    "found",
    [
        left(JOB, periods=[period(ALL, "0.10"), *RIGHT[1:]]),
        left(JOB, periods=[period(ALL, "0"), *RIGHT[1:]]),
        left(JOB, periods=[period(ALL, "0.05", "0.05"), *RIGHT[1:]]),
        left(JOB, periods=[*RIGHT[:3], period(FAL, "0.05")]),
        left(JOB, periods=RIGHT[1:]),
        left(JOB, periods=[*RIGHT, period("B2/2026-11-01/nobody", "0.05")]),
        left({**JOB, "status": "running"}),
        left({**JOB, "reservations": HELD[1:]}, periods=RIGHT[1:]),
        left({**JOB, "reservations": [*HELD, *held("B5/all/somebody")]}, periods=[*RIGHT, period("B5/all/me", "0.05")]),
        left(
            {**JOB, "reservations": [*HELD, *held("B1/2026-11-28/")]}, periods=[*RIGHT, period("B1/2026-11-28/", "0")]
        ),
        left(JOB, rounds=["a round"]),
        left(JOB, corrections=["budget period B1/all/ differed from its jobs"]),
    ],
    ids=[
        "used more",
        "used less",
        "still reserved",
        "the charge instead of the bill",
        "no counters",
        "without jobs",
        "not ended and not reserved",
        "not counted",
        "counted for another",
        "counted twice",
        "unfinished round",
        "corrected meanwhile",
    ],
)
def test_counters_that_differ_have_drifted(found: Records) -> None:
    assert {finding.column for finding in drifted(found, TOLD)} == {"budget drift"}


def test_job_of_another_key_does_not_count_in_the_budget_of_a_key() -> None:
    other = Told(wishes={"wish-1": replace(TOLD.wishes["wish-1"], caller="k2")})

    assert list(drifted(left(JOB), other)) != []
    assert (
        list(drifted(left({**JOB, "reservations": held(ALL, EACH_USER, FAL)}, periods=[*RIGHT[:2], RIGHT[3]]), other))
        == []
    )


@pytest.mark.parametrize(
    ("which", "booked_again", "is_over"),
    [
        (period(ALL, "0.5", "0.5"), "0", False),
        (period(ALL, "0.5", "0.55"), "0", True),
        (period(ALL, "0.5", "0.55"), "0.05", False),
        (period(FAL, "2"), "0", False),
    ],
    ids=["full", "over", "over by a job that ran again", "soft"],
)
def test_hard_budget_never_gives_away_more_than_it_has(which: PeriodRecord, booked_again: str, is_over: bool) -> None:
    of = {budget.id: budget for budget in BUDGETS}[which.budget_id]

    assert bool(list(over_its_limit(of, which, Decimal(booked_again)))) == is_over


def test_budget_never_shows_less_than_its_accepted_jobs() -> None:
    assert list(below_its_jobs(period(ALL, "0.05", "0.05"), Decimal("0.10"))) == []
    assert list(below_its_jobs(period(ALL, "0.05", "0.05"), Decimal("0.15"))) != []


def test_limit_is_the_amount_with_all_that_was_added() -> None:
    raised = period(ALL, "0.05", limit="1.10")

    assert list(limited_wrongly(left(JOB, periods=[raised]), {"B1": Decimal("0.10")})) == []
    assert list(limited_wrongly(left(JOB, periods=[raised]), {})) != []


TOLD_OF: Final = BudgetReceipt(
    id="m1", event="budget.alert", at=NOW, budget="B1", holder="", percent=50, is_signed=True
)


def receipt(percent: int | None = 50, **changes: Any) -> BudgetReceipt:
    event = "budget.refused" if percent is None else "budget.alert"
    return replace(TOLD_OF, event=event, percent=percent, **changes)


LATER: Final = NOW + timedelta(minutes=59)


@pytest.mark.parametrize(
    ("used", "refused", "receipts", "count"),
    [
        ("0.49", None, [], 0),
        ("0.50", None, [receipt(), receipt()], 0),
        ("0.50", None, [], 1),
        ("0.50", None, [receipt(100)], 1),
        ("0.50", None, [receipt(budget="B2")], 1),
        ("0.50", None, [receipt(is_signed=False)], 2),
        ("0", NOW, [receipt(None), receipt(None)], 0),
        ("0", NOW, [], 1),
        ("0", NOW, [receipt(None), receipt(None, id="m2", at=LATER)], 1),
        ("0", NOW, [receipt(None), receipt(None, id="m2", at=LATER + timedelta(minutes=1))], 0),
    ],
    ids=[
        "not reached",
        "told twice under one id",
        "not told",
        "another percentage",
        "another budget",
        "not signed",
        "refused",
        "refusal not told",
        "refusals told too often",
        "refusals told hourly",
    ],
)
def test_what_a_budget_did_not_tell_is_undelivered(
    used: str, refused: datetime | None, receipts: list[BudgetReceipt], count: int
) -> None:
    telling = budget("B1", "all", webhookUrl="http://127.0.0.1/hook")
    found = replace(left(), budgets=[telling], periods=[period(ALL, used, refusedAt=refused)], budget_receipts=receipts)

    assert [finding.column for finding in untold(found)] == ["undelivered"] * count


def test_delivery_about_a_budget_is_read() -> None:
    body = (
        b'{"type":"budget.alert","timestamp":"2026-11-28T12:00:00Z",'
        b'"data":{"budgetId":"B1","holder":"","percent":50,"limit":1,"used":0.5,"reserved":0}}'
    )
    headers = {"webhook-id": "m1", "webhook-timestamp": "1800000000", "webhook-signature": "v1,wrong"}

    assert budget_receipt_of(Received("/hook", headers, body)) == receipt(is_signed=False)
