"""Adjustments of a budget: what is over goes, what is old becomes one, and limits stay the same."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from imagegen.budgets import Adjustment, Budget, BudgetScope, Period, ScopeKind, adjusted, end_after

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def a_budget(*adjustments: Adjustment, period: Period | None = Period.DAY) -> Budget:
    return Budget(
        id="b",
        name="b",
        scope=BudgetScope(ScopeKind.ALL),
        amount=Decimal(10),
        period=period,
        created_at=NOW - 400 * DAY,
        adjustments=adjustments,
    )


def an_adjustment(number: int, until: datetime | None = None, at: datetime = NOW) -> Adjustment:
    return Adjustment(id=f"{number:03}", amount=Decimal(number), reason="more", at=at, until=until)


def test_adjustments_that_are_over_are_dropped() -> None:
    over, under_way = an_adjustment(1, NOW - DAY, NOW - 2 * DAY), an_adjustment(2, NOW + DAY, NOW - DAY)
    new = an_adjustment(3, NOW + 2 * DAY)
    budget = a_budget(over, under_way)

    assert adjusted(budget, new) == replace(budget, adjustments=(under_way, new), version=2)


def test_only_the_newest_hundred_stand_alone_and_the_limit_stays() -> None:
    budget = a_budget(period=None)
    for number in range(1, 301):
        budget = adjusted(budget, an_adjustment(number))

    assert len(budget.adjustments) == 101
    assert budget.limit(budget.window(NOW)) == 10 + sum(range(1, 301))
    assert [each.id for each in budget.adjustments] == [f"{number:03}" for number in range(200, 301)]


def test_old_ones_that_end_together_become_one_and_no_limit_changes() -> None:
    ends = (NOW + DAY, NOW + 5 * DAY, None)
    budget = a_budget()
    expected: dict[int, Decimal] = {}
    for number in range(1, 301):
        budget = adjusted(budget, an_adjustment(number, ends[number % 3]))
    for days in range(8):
        window = budget.window(NOW + days * DAY)
        every = [an_adjustment(number, ends[number % 3]) for number in range(1, 301)]
        expected[days] = budget.amount + sum((each.amount for each in every if each.is_in(window)), Decimal(0))

    assert len(budget.adjustments) <= 103
    assert {days: budget.limit(budget.window(NOW + days * DAY)) for days in expected} == expected
    assert len(set(expected.values())) == 3


def test_a_limit_is_never_below_zero() -> None:
    budget = adjusted(a_budget(period=None), an_adjustment(-50))

    assert budget.limit(budget.window(NOW)) == 0


def test_an_adjustment_of_the_last_thirty_days_ends() -> None:
    budget = a_budget(period=Period.ROLLING)
    until = end_after(NOW, Period.ROLLING, budget.zone, 1)
    budget = adjusted(budget, an_adjustment(5, until))

    limits = [budget.limit(budget.window(NOW + days * DAY)) for days in (0, 29, 30)]
    assert limits == [15, 15, 10]
