"""Counts of requests and images in the last minute, of each key and user that has a limit: one document each.

A limit is a bucket that drains steadily, on the database's clock, and holds a minute's allowance, so a burst of a whole
minute passes at once. What is in it is an integer: a request or an image is 60,000, and a limit of n drains n in a
millisecond. Both limits of a key, or of a user, are one update: either both take a hit, or none.

The counts need no durability: they are acknowledged by the primary alone, and MongoDB removes them when they are empty.
"""

import asyncio
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Literal, cast

from pymongo import ASCENDING, IndexModel, ReturnDocument
from pymongo.errors import DuplicateKeyError

from imagegen.clock import now
from imagegen.errors import DatabaseUnavailable, RateName, RateState
from imagegen.keys import Rates
from imagegen.storage.batching import Batcher
from imagegen.storage.errors import mongo_errors
from imagegen.storage.mongodb import Collection, acknowledged_by_primary

_MINUTE: Final = 60_000  # milliseconds; also what one request or image adds
_KEPT: Final = timedelta(minutes=2)  # a count is empty after one
_INDEXES: Final = (IndexModel([("at", ASCENDING)], expireAfterSeconds=int(_KEPT.total_seconds())),)
_TRIES: Final = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """What a request takes of the limits of its key, or of its user.

    Attributes:
        whose: a key's or a user's.
        holder: the id of the key or of the user.
        rates: the limits.
        requests: how many it takes; negative to give back.
        images: likewise.
    """

    whose: Literal["key", "user"]
    holder: str
    rates: Rates
    requests: int
    images: int

    @property
    def limits(self) -> Mapping[str, int]:
        """The limits that there are."""
        limits = {"requests": self.rates.requests_per_minute, "images": self.rates.images_per_minute}
        return {what: limit for what, limit in limits.items() if limit is not None}

    @property
    def limits_by_name(self) -> Mapping[RateName, int]:
        """The limits that there are, by the names that callers see."""
        return {cast("RateName", f"{self.whose}-{what}"): limit for what, limit in self.limits.items()}

    @property
    def counts(self) -> Mapping[str, int]:
        """How many it takes of each limit that there is."""
        counts = {"requests": self.requests, "images": self.images}
        return {what: counts[what] for what in self.limits}

    @property
    def costs(self) -> Mapping[str, int]:
        """What it adds to the count of each limit that there is."""
        return {what: count * _MINUTE for what, count in self.counts.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """Whether the limits took a hit, and how they are now."""

    fits: bool
    at: datetime
    counts: Mapping[str, int]

    def states(self, hit: Hit, wanted: Hit | None = None) -> Sequence[RateState]:
        """The limits of the hit; `wanted` is the hit that was refused, or that was only looked for."""
        refused = wanted or (None if self.fits else hit)
        costs: Mapping[str, int] = refused.costs if refused is not None else {}
        return [self._state(hit, what, limit, costs.get(what, 0)) for what, limit in hit.limits.items()]

    def _state(self, hit: Hit, what: str, limit: int, cost: int) -> RateState:
        count = self.counts[what]
        room = limit * _MINUTE - count
        wait = timedelta(milliseconds=max(0, _divided_up(cost - room, limit)))
        return RateState(
            name=cast("RateName", f"{hit.whose}-{what}"),
            limit=limit,
            remaining=max(0, room // _MINUTE),
            reset=timedelta(milliseconds=_divided_up(count, limit)),
            wait=wait,
            free_at=self.at + wait,
        )


class RateCounts:
    """The store of counts."""

    def __init__(self, collection: Collection) -> None:
        self._counts = acknowledged_by_primary(collection)
        self._hits = Batcher(self._hit_all)
        self._looks = Batcher(self._look_at_all)

    async def ensure_indexes(self) -> None:
        """Create the index by which MongoDB removes empty counts."""
        with mongo_errors():
            await self._counts.create_indexes(list(_INDEXES))

    async def hit(self, hit: Hit) -> Taken:
        """Take a hit, if all its limits have room for it; otherwise none takes it."""
        return await self._hits.submit(hit)

    async def look(self, hit: Hit) -> Taken:
        """The limits as they are now; takes nothing, and writes nothing."""
        return await self._looks.submit(hit)

    async def _look_at_all(self, hits: Sequence[Hit]) -> Sequence[Taken]:
        wanted: Sequence[dict[str, Any]] = [
            {"$match": {"_id": {"$in": list({_id(hit) for hit in hits})}}},
            {"$set": {"now": "$$NOW"}},
        ]
        with mongo_errors():
            found = {each["_id"]: each async for each in self._counts.aggregate(wanted)}
        return [_drained(hit, found.get(_id(hit))) for hit in hits]

    async def _hit_all(self, hits: Sequence[Hit]) -> Sequence[Taken | Exception]:
        """Take the hits, those of one holder as one command. No error is raised: a hit must not be taken twice."""
        places: dict[tuple[str, str, Rates], list[int]] = defaultdict(list)
        for place, hit in enumerate(hits):
            places[hit.whose, hit.holder, hit.rates].append(place)
        groups = [[hits[place] for place in group] for group in places.values()]
        outcomes = await asyncio.gather(*map(self._hit_one_holder, groups), return_exceptions=True)
        results: dict[int, Taken | Exception] = {}
        for group, outcome in zip(places.values(), outcomes, strict=True):
            match outcome:
                case Exception():
                    results |= dict.fromkeys(group, outcome)
                case BaseException():
                    raise outcome
                case _:
                    results |= zip(group, outcome, strict=True)
        return [results[place] for place in range(len(hits))]

    async def _hit_one_holder(self, hits: Sequence[Hit]) -> Sequence[Taken]:
        first = hits[0]
        for _ in range(_TRIES):
            try:
                with mongo_errors():
                    found: dict[str, Any] = await self._counts.find_one_and_update(
                        {"_id": _id(first)},
                        update_for(first.limits, [hit.costs for hit in hits]),
                        upsert=True,
                        return_document=ReturnDocument.AFTER,
                    )
            except DuplicateKeyError:  # another process made the document at the same moment
                continue
            return [Taken(fits=each["fits"], at=found["at"], counts=each["counts"]) for each in found["hits"]]
        raise DatabaseUnavailable


def update_for(limits: Mapping[str, int], costs: Sequence[Mapping[str, int]]) -> Sequence[dict[str, Any]]:
    """Drain the counts up to now, then take one hit after the other."""
    now: dict[str, Any] = {"$max": ["$at", "$$NOW"]}  # another primary's clock may be behind
    passed = {"$subtract": [now, {"$ifNull": ["$at", now]}]}
    drained = {
        what: {"$max": [0, {"$subtract": [{"$ifNull": [f"$counts.{what}", 0]}, {"$multiply": [passed, limit]}]}]}
        for what, limit in limits.items()
    }
    return [
        {"$replaceWith": {"_id": "$_id", "at": now, "counts": drained}},
        {"$set": {"taken": _taken_one_by_one(limits, costs)}},
        {"$replaceWith": {"_id": "$_id", "at": "$at", "counts": "$taken.counts", "hits": "$taken.hits"}},
    ]


def _taken_one_by_one(limits: Mapping[str, int], costs: Sequence[Mapping[str, int]]) -> dict[str, Any]:
    fits = [
        {
            "$or": [
                {"$lte": [f"$$this.{what}", 0]},
                {"$lte": [{"$add": [f"$$value.counts.{what}", f"$$this.{what}"]}, limit * _MINUTE]},
            ]
        }
        for what, limit in limits.items()
    ]
    more = {what: {"$max": [0, {"$add": [f"$$value.counts.{what}", f"$$this.{what}"]}]} for what in limits}
    after = {what: {"$cond": ["$$fits", more[what], f"$$value.counts.{what}"]} for what in limits}
    taken = {"$concatArrays": ["$$value.hits", [{"fits": "$$fits", "counts": "$$after"}]]}
    step = {"$let": {"vars": {"after": after}, "in": {"counts": "$$after", "hits": taken}}}
    return {
        "$reduce": {
            "input": [dict(cost) for cost in costs],
            "initialValue": {"counts": "$counts", "hits": []},
            "in": {"$let": {"vars": {"fits": {"$and": fits}}, "in": step}},
        }
    }


def _id(hit: Hit) -> str:
    return f"{hit.whose}/{hit.holder}"


def _drained(hit: Hit, found: Mapping[str, Any] | None) -> Taken:
    """The counts of a document as they are now; without one, nothing was taken for long."""
    if found is None:
        return Taken(fits=True, at=now(), counts=dict.fromkeys(hit.limits, 0))
    at = max(found["at"], found["now"])
    passed = (at - found["at"]) // timedelta(milliseconds=1)
    counts = {what: max(0, found["counts"].get(what, 0) - passed * limit) for what, limit in hit.limits.items()}
    return Taken(fits=True, at=at, counts=counts)


def _divided_up(count: int, by: int) -> int:
    return -(-count // by)
