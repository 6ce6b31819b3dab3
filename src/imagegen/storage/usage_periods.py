"""What usage is kept for: days and months (UTC), each with a user and a model; and which of them answer a question.

A month's rows say again what those of its days say, so that a question about years reads few of them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import Any, Final, cast

from imagegen.storage.job_documents import Document

_DAY: Final = "2026-11-22"
_MONTH: Final = "2026-11"


class Grouping(StrEnum):
    """What the sums are for: each model, each day or each month (UTC)."""

    MODEL = "model"
    DAY = "day"
    MONTH = "month"


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageFilter:
    """What is summed; None means any. The days are those on which jobs ended, in UTC; `to_day` is exclusive.

    `user_ids` asks for any of these users; `user_id`, if given, decides alone.
    """

    user_id: str | None = None
    user_ids: tuple[str, ...] | None = None
    from_day: date | None = None
    to_day: date | None = None


@dataclass(frozen=True, slots=True, order=True)
class UsageKey:
    """What sums are kept for: a day as 2026-11-22 or a month as 2026-11, a user, a model."""

    period: str
    user_id: str
    model: str

    @property
    def month(self) -> "UsageKey":
        """The month that this day is in."""
        return UsageKey(self.period[: len(_MONTH)], self.user_id, self.model)

    @property
    def members(self) -> Document:
        """What a row with this key has: a `day` or a `month`."""
        kind = "month" if len(self.period) == len(_MONTH) else "day"
        return {kind: self.period, "userId": self.user_id, "model": self.model}

    @property
    def ended(self) -> Document:
        """The condition that a job of this key ended in its period."""
        begin = datetime.strptime(self.period, "%Y-%m" if len(self.period) == len(_MONTH) else "%Y-%m-%d")  # noqa: DTZ007 - UTC follows
        end = begin + timedelta(days=1)
        while len(self.period) == len(_MONTH) and end.day != 1:
            end += timedelta(days=1)
        within = {"$gte": begin.replace(tzinfo=UTC), "$lt": end.replace(tzinfo=UTC)}
        return {"userId": self.user_id, "model": self.model, "completedAt": within}


def key_of(row: Mapping[str, Any]) -> UsageKey:
    """The key of a row as it was stored."""
    period = cast("str", row.get("day") or row["month"])
    return UsageKey(period, cast("str", row["userId"]), cast("str", row["model"]))


def question(wanted: UsageFilter, by: Grouping) -> tuple[Document, object]:
    """The rows to sum up, and what to group them by: those of months wherever days say nothing more."""
    users = wanted.user_ids if wanted.user_id is None else (wanted.user_id,)
    of_users: Document = {} if users is None else {"userId": {"$in": list(users)}}
    bounds = {"$gte": wanted.from_day, "$lt": wanted.to_day}
    if by is Grouping.DAY or any(day and day.day != 1 for day in bounds.values()):
        query: Document = {**of_users, "day": _between(bounds, len(_DAY))}
        return query, {"$substrBytes": ["$day", 0, len(_MONTH)]} if by is Grouping.MONTH else f"${by.value}"
    return {**of_users, "month": _between(bounds, len(_MONTH))}, f"${by.value}"


def _between(bounds: Mapping[str, date | None], length: int) -> Document:
    """The bounds as text; there is always one, for a row has a day or a month."""
    given: Document = {operator: day.isoformat()[:length] for operator, day in bounds.items() if day is not None}
    return {"$gte": "", **given}
