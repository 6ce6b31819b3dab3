"""Periods of budgets in zones whose clocks change: every moment is in exactly one, and each begins where one ends."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from imagegen.budgets import Adjustment, Budget, BudgetScope, Period, ScopeKind, end_after, time_zone, window_of
from imagegen.budgets.periods import UnknownTimeZone

STEP = timedelta(minutes=70)
# Midnight is left out or comes twice, a day is left out, the clock moves by half an hour or by two.
ZONES = [
    "UTC",
    "Europe/Berlin",
    "America/Sao_Paulo",
    "America/Havana",
    "Africa/Cairo",
    "Asia/Beirut",
    "Pacific/Apia",
    "Australia/Lord_Howe",
    "Antarctica/Troll",
    "Asia/Kathmandu",
]


def at(text: str, zone: str = "UTC") -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=time_zone(zone)).astimezone(UTC)


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize(
    ("period", "year"), [(Period.DAY, 2011), (Period.DAY, 2018), (Period.WEEK, 2018), (Period.MONTH, 2018)]
)
def test_periods_follow_each_other_without_a_gap(zone: str, period: Period, year: int) -> None:
    moment, clock = datetime(year, 1, 1, tzinfo=UTC), time_zone(zone)
    window = window_of(moment, period, clock)
    while moment.year == year:
        found = window_of(moment, period, clock)
        assert found.starts_at is not None
        assert found.ends_at is not None
        assert found.starts_at <= moment < found.ends_at
        assert found == window or found.starts_at == window.ends_at
        window, moment = found, moment + STEP


@pytest.mark.parametrize(
    ("moment", "zone", "period", "first", "edges"),
    [
        # The day on which the clocks go forward has 23 hours, and the one on which they go back has 25.
        ("2026-03-29T12:00", "Europe/Berlin", Period.DAY, "2026-03-29", ("2026-03-28T23:00", "2026-03-29T22:00")),
        ("2026-10-25T12:00", "Europe/Berlin", Period.DAY, "2026-10-25", ("2026-10-24T22:00", "2026-10-25T23:00")),
        # No midnight: the day begins at 01:00.
        ("2018-11-04T12:00", "America/Sao_Paulo", Period.DAY, "2018-11-04", ("2018-11-04T03:00", "2018-11-05T02:00")),
        # Midnight twice: the day begins at the first.
        ("2026-11-01T12:00", "America/Havana", Period.DAY, "2026-11-01", ("2026-11-01T04:00", "2026-11-02T05:00")),
        # No 30 December 2011.
        ("2011-12-29T12:00", "Pacific/Apia", Period.DAY, "2011-12-29", ("2011-12-29T10:00", "2011-12-30T10:00")),
        ("2026-11-28T01:00", "UTC", Period.WEEK, "2026-11-23", ("2026-11-23T00:00", "2026-11-30T00:00")),
        ("2026-12-31T23:59", "UTC", Period.MONTH, "2026-12-01", ("2026-12-01T00:00", "2027-01-01T00:00")),
        ("2028-02-29T00:00", "UTC", Period.MONTH, "2028-02-01", ("2028-02-01T00:00", "2028-03-01T00:00")),
    ],
)
def test_a_period_has_the_days_of_its_zone(
    moment: str, zone: str, period: Period, first: str, edges: tuple[str, str]
) -> None:
    window = window_of(at(moment, zone), period, time_zone(zone))
    assert (window.id, window.starts_at, window.ends_at) == (first, *map(at, edges))


def test_a_wallet_has_one_period_and_the_last_thirty_days_move_on() -> None:
    assert window_of(at("2026-11-28T00:00"), None, time_zone("UTC")).ends_at is None
    found = [
        window_of(at(moment), Period.ROLLING, time_zone("UTC")) for moment in ("2026-11-28T00:00", "2026-11-29T00:00")
    ]
    assert [(each.id, each.oldest_day) for each in found] == [
        ("rolling-30d", "2026-10-30"),
        ("rolling-30d", "2026-10-31"),
    ]


@pytest.mark.parametrize(
    ("period", "periods", "ends"),
    [
        (Period.DAY, 1, "2026-11-29T00:00"),
        (Period.WEEK, 2, "2026-12-07T00:00"),
        (Period.MONTH, 14, "2028-01-01T00:00"),
        (Period.ROLLING, 1, "2026-12-28T00:00"),
    ],
)
def test_periods_of_an_adjustment_end(period: Period, periods: int, ends: str) -> None:
    assert end_after(at("2026-11-28T12:00"), period, time_zone("UTC"), periods) == at(ends)


def test_an_adjustment_counts_in_its_periods_and_in_no_other() -> None:
    made = at("2026-11-28T12:00")
    more = Adjustment(id="1", amount=Decimal(10), reason="fair", at=made, until=at("2027-01-01T00:00"))
    less = Adjustment(id="2", amount=Decimal(-30), reason="error", at=made, until=at("2026-12-01T00:00"))
    budget = Budget(
        id="b",
        name="b",
        scope=BudgetScope(ScopeKind.ALL),
        amount=Decimal(15),
        created_at=made,
        period=Period.MONTH,
        adjustments=(more, less),
    )
    months = ("2026-10-15T00:00", "2026-11-30T00:00", "2026-12-31T23:00", "2027-01-01T00:00")
    assert [budget.limit(budget.window(at(month))) for month in months] == [15, 0, 25, 15]


@pytest.mark.parametrize("name", ["", "Europe/Berlim", "../../etc/passwd", "localtime", "right/UTC", "Factory", "\0"])
def test_a_name_without_a_zone_is_refused(name: str) -> None:
    with pytest.raises(UnknownTimeZone):
        time_zone(name)
