"""Periods of budgets: days, weeks and months in a time zone, the last thirty days, or no period at all.

A day begins at its first moment in the zone: where midnight comes twice at the first one, and where it is left out at
the moment that takes its place.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from functools import cache
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from imagegen.errors import ImagegenError

ROLLING_DAYS: Final = 30


# Files beside the zones: what they mean depends on the machine, or they count leap seconds.
_NO_ZONES: Final = frozenset({"localtime", "posixrules", "Factory"})


class Period(StrEnum):
    """How often a budget begins anew. `rolling-30d` is today and the 29 days before, in the budget's time zone."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    ROLLING = "rolling-30d"


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """One period of a budget.

    Attributes:
        id: unique among the periods of a budget: its first day, `all` without a period, or `rolling-30d`.
        starts_at: its first moment in UTC, of one that moves on every day that of today; None if it has none.
        ends_at: the first moment in UTC after it, when the budget begins anew; None if it never does.
        oldest_day: the first day that counts, in ISO 8601, if the window moves on every day; else None.
    """

    id: str
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    oldest_day: str | None = None


ALWAYS: Final = Window(id="all")


class UnknownTimeZone(ImagegenError):
    """No time zone has this name."""

    def __init__(self, name: str) -> None:
        super().__init__(f"{name[:100]!r} is not a time zone, such as Europe/Berlin or UTC.")


@cache
def time_zone(name: str) -> ZoneInfo:
    """The time zone of an IANA name. The first time it is read from disk, which blocks.

    Raises:
        UnknownTimeZone: there is none.
    """
    if name in _NO_ZONES or name.startswith(("posix/", "right/")):
        raise UnknownTimeZone(name)
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise UnknownTimeZone(name) from error


time_zone("UTC")  # read now: the first use would read a file, which blocks an event loop


def window_of(moment: datetime, period: Period | None, zone: ZoneInfo) -> Window:
    """The window of a period that contains this moment."""
    if period is None:
        return ALWAYS
    today = moment.astimezone(zone).date()
    if period is Period.ROLLING:
        oldest = today - timedelta(days=ROLLING_DAYS - 1)
        return Window(id=period.value, starts_at=_beginning(today, zone), oldest_day=oldest.isoformat())
    first, after = _days(today, period)
    return Window(id=first.isoformat(), starts_at=_beginning(first, zone), ends_at=_beginning(after, zone))


def end_after(moment: datetime, period: Period | None, zone: ZoneInfo, periods: int) -> datetime | None:
    """When so many periods are over, the one of this moment included; None without a period."""
    if period is None:
        return None
    if period is Period.ROLLING:
        return _beginning(moment.astimezone(zone).date() + timedelta(days=ROLLING_DAYS * periods), zone)
    day = moment.astimezone(zone).date()
    for _ in range(periods):
        _, day = _days(day, period)
    return _beginning(day, zone)


def day_of(moment: datetime, zone: ZoneInfo) -> str:
    """The day of a moment in a time zone, in ISO 8601."""
    return moment.astimezone(zone).date().isoformat()


def _days(day: date, period: Period) -> tuple[date, date]:
    """The first day of the period of a day, and the first day after it."""
    if period is Period.DAY:
        return day, day + timedelta(days=1)
    if period is Period.WEEK:
        monday = day - timedelta(days=day.weekday())
        return monday, monday + timedelta(days=7)
    first = day.replace(day=1)
    return first, (first + timedelta(days=32)).replace(day=1)


def _beginning(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time.min, zone).astimezone(UTC)
