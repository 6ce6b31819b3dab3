"""The updates of a period's counters, as pipelines for MongoDB. Pure.

An update does nothing unless its round is the next one of its process and lane, so a repeat changes nothing, and
nor does a round that was given up meanwhile. What a round did stands in the period until the next round of its lane.
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Final

from imagegen.budgets import Window
from imagegen.storage.budgets.budget_period import BudgetPeriod
from imagegen.storage.budgets.rounds import Round, RoundKind

Stage = dict[str, Any]
_TAKEN: Final = "taken"
_MERGED: Final = "$$ROOT"


def last_round(process: str, lane: str) -> str:
    """Where a period keeps the last round of a process in a lane."""
    return f"rounds.{process}.{lane}"


def reserve(new: Round, period: BudgetPeriod, asks: Sequence[tuple[Decimal, bool]]) -> list[Stage]:
    """Add what each request asks for, one after the other, if there is room for it.

    A period that knows of a later version of the budget keeps that one's limit.

    Args:
        new: the round.
        period: made if there is none yet.
        asks: each request's amount, and whether it is added even if there is no room.
    """
    window, version = period.window, period.budget.version
    path = last_round(new.process, new.kind.lane)
    outcome = {
        "id": new.id,
        "number": new.number,
        "at": "$$NOW",
        "isOpen": "$isOpen",
        "fits": f"${_TAKEN}.fits",
    }
    has_refused = {"$and": ["$isNext", "$isOpen", {"$not": [{"$allElementsTrue": [f"${_TAKEN}.fits"]}]}]}
    return [
        {"$replaceWith": {"$mergeObjects": [{"$literal": period.fresh}, _MERGED]}},
        {
            "$set": {
                "limit": {"$cond": [{"$lte": ["$version", version]}, period.limit, "$limit"]},
                "version": {"$max": ["$version", version]},
                "isOpen": _is_open(window),
                "isNext": _is_next(path, new.number),
                **_days_from(window.oldest_day),
            }
        },
        *([{"$set": {"used": {"$sum": _values("$days")}}}] if window.oldest_day else []),
        {"$set": {_TAKEN: _one_after_the_other(asks)}},
        {
            "$set": {
                "reserved": {"$cond": ["$isNext", f"${_TAKEN}.reserved", "$reserved"]},
                path: {"$cond": ["$isNext", outcome, f"${path}"]},
                "changedAt": {"$cond": ["$isNext", "$$NOW", "$changedAt"]},
                "refusedAt": {"$cond": [has_refused, "$$NOW", _as_it_is("refusedAt")]},
            }
        },
        {"$unset": [_TAKEN, "isNext", "isOpen"]},
    ]


def settle(new: Round) -> list[Stage]:
    """Take the amounts of settled or released jobs off what is reserved, and add what they cost; or book amounts."""
    path = last_round(new.process, new.kind.lane)
    amount = sum((job.amount for job in new.jobs), Decimal(0))
    charged: dict[str | None, Decimal] = {}
    for job in new.jobs:
        charged[job.day] = charged.get(job.day, Decimal(0)) + job.charged
    more = amount if new.kind is RoundKind.BOOK else -amount
    changes: Stage = {"reserved": {"$add": ["$reserved", more]}}
    changes["used"] = {"$add": ["$used", sum(charged.values(), Decimal(0))]}
    for day, cost in charged.items():
        if day is not None:
            changes[f"days.{day}"] = {"$add": [{"$ifNull": [f"$days.{day}", Decimal(0)]}, cost]}
    changes |= {path: {"id": new.id, "number": new.number, "at": "$$NOW"}, "changedAt": "$$NOW"}
    return [
        {"$set": {"isNext": _is_next(path, new.number)}},
        {"$set": {name: {"$cond": ["$isNext", change, _as_it_is(name)]} for name, change in changes.items()}},
        {"$unset": ["isNext"]},
    ]


def give_up(which: Round) -> list[Stage]:
    """Let a round that has not taken place never take place: its number counts as used."""
    path = last_round(which.process, which.kind.lane)
    used_up: Stage = {"id": None, "number": which.number, "at": "$$NOW", "isOpen": True, "fits": []}
    before = {"$lt": [{"$ifNull": [f"${path}.number", 0]}, which.number]}
    return [{"$set": {path: {"$cond": [before, used_up, f"${path}"]}}}]


def _as_it_is(name: str) -> object:
    return {"$ifNull": [f"${name}", "$$REMOVE"]}


def _is_next(path: str, number: int) -> Stage:
    """Whether the last round of the lane is the one before; the period forgets those of processes that are gone."""
    return {"$in": [{"$ifNull": [f"${path}.number", number - 1]}, [number - 1]]}


def _is_open(window: Window) -> object:
    if window.starts_at is None or window.ends_at is None:
        return True
    return {"$and": [{"$gte": ["$$NOW", window.starts_at]}, {"$lt": ["$$NOW", window.ends_at]}]}


def _days_from(oldest: str | None) -> Stage:
    if oldest is None:
        return {}
    kept = {"$filter": {"input": {"$objectToArray": "$days"}, "cond": {"$gte": ["$$this.k", oldest]}}}
    return {"days": {"$arrayToObject": kept}}


def _values(days: str) -> Stage:
    return {"$map": {"input": {"$objectToArray": days}, "in": "$$this.v"}}


def _one_after_the_other(asks: Sequence[tuple[Decimal, bool]]) -> Stage:
    fits = {
        "$and": [
            "$isOpen",
            {
                "$or": [
                    "$$this.forced",
                    {"$lte": [{"$add": ["$used", "$$value.reserved", "$$this.amount"]}, "$limit"]},
                ]
            },
        ]
    }
    after = {"$cond": ["$$fits", {"$add": ["$$value.reserved", "$$this.amount"]}, "$$value.reserved"]}
    step = {"reserved": after, "fits": {"$concatArrays": ["$$value.fits", ["$$fits"]]}}
    return {
        "$reduce": {
            "input": [{"amount": amount, "forced": forced} for amount, forced in asks],
            "initialValue": {"reserved": "$reserved", "fits": []},
            "in": {"$let": {"vars": {"fits": fits}, "in": step}},
        }
    }
