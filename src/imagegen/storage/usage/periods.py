"""The periods of usage: rows for days and months (UTC), each of a user and a model, and the rows that a query reads.

A month's row repeats the sums of its days, so that a query over years reads few rows.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import Any, Final, cast

from imagegen.storage.jobs.documents import Document

_DAY: Final = "2026-11-22"  # the form of a day
_MONTH: Final = "2026-11"  # the form of a month


class Grouping(StrEnum):
    """What sums are grouped by: model, day or month (UTC), or user."""

    MODEL = "model"
    DAY = "day"
    MONTH = "month"
    USER = "user"

    @property
    def member(self) -> str:
        """The member of a row, stored and on the wire, that holds the group."""
        return "userId" if self is Grouping.USER else self.value


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageFilter:
    """The filter of a usage query; None means any.

    Attributes:
        user_id: the usage of this user; takes precedence over `user_ids`.
        user_ids: the usage of any of these users.
        from_day: jobs that ended on this day (UTC) or later.
        to_day: jobs that ended before this day (UTC).
    """

    user_id: str | None = None
    user_ids: tuple[str, ...] | None = None
    from_day: date | None = None
    to_day: date | None = None


@dataclass(frozen=True, slots=True, order=True)
class UsageKey:
    """The key of a row of sums.

    Attributes:
        period: a day as 2026-11-22 or a month as 2026-11.
        user_id: the user.
        model: the model.
    """

    period: str
    user_id: str
    model: str

    @property
    def month(self) -> "UsageKey":
        """The key of the month that this day is in."""
        return UsageKey(self.period[: len(_MONTH)], self.user_id, self.model)

    @property
    def members(self) -> Document:
        """The key's members in a row: a `day` or a `month`, the user and the model."""
        kind = "month" if len(self.period) == len(_MONTH) else "day"
        return {kind: self.period, "userId": self.user_id, "model": self.model}

    @property
    def completed_within(self) -> Document:
        """The condition for jobs of this user and model that ended in this period."""
        begin = datetime.strptime(self.period, "%Y-%m" if len(self.period) == len(_MONTH) else "%Y-%m-%d")  # noqa: DTZ007 - UTC follows
        end = begin + timedelta(days=1)
        while len(self.period) == len(_MONTH) and end.day != 1:
            end += timedelta(days=1)
        within = {"$gte": begin.replace(tzinfo=UTC), "$lt": end.replace(tzinfo=UTC)}
        return {"userId": self.user_id, "model": self.model, "completedAt": within}


def key_of(row: Mapping[str, Any]) -> UsageKey:
    """The key of a stored row."""
    period = cast("str", row.get("day") or row["month"])
    return UsageKey(period, cast("str", row["userId"]), cast("str", row["model"]))


def build_query(wanted: UsageFilter, by: Grouping) -> tuple[Document, object]:
    """The filter of the rows to sum up, and the expression to group them by. Rows of months are used if they suffice.

    Args:
        wanted: the usage to sum up.
        by: what to group it by.
    """
    users = wanted.user_ids if wanted.user_id is None else (wanted.user_id,)
    of_users: Document = {} if users is None else {"userId": {"$in": list(users)}}
    bounds = {"$gte": wanted.from_day, "$lt": wanted.to_day}
    if by is Grouping.DAY or any(day and day.day != 1 for day in bounds.values()):
        query: Document = {**of_users, "day": _between(bounds, len(_DAY))}
        return query, {"$substrBytes": ["$day", 0, len(_MONTH)]} if by is Grouping.MONTH else f"${by.member}"
    return {**of_users, "month": _between(bounds, len(_MONTH))}, f"${by.member}"


def _between(bounds: Mapping[str, date | None], length: int) -> Document:
    """The bounds as text. The lower one is always there, so that only rows that have this member match."""
    given: Document = {operator: day.isoformat()[:length] for operator, day in bounds.items() if day is not None}
    return {"$gte": "", **given}
