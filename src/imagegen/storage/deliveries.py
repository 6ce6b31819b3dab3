"""What is owed to callers' webhooks: recorded in the transaction that ends a job, so that no crash can forget it.

An attempt is claimed by compare-and-set, under a lease on the database's clock: a claim puts the next one off. A
process that dies in between leaves a delivery that falls due again. Users and their receivers are found one after the
other, by an index that skips from one to the next, so that a turn costs the same however much is due.
"""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, TypeVar

from pymongo import ASCENDING, IndexModel, ReturnDocument, UpdateOne

from imagegen.errors import ImagegenError
from imagegen.jobs import Job
from imagegen.storage.answers import answers
from imagegen.storage.job_documents import Document
from imagegen.storage.mongodb import Collection, Session, update_all
from imagegen.webhooks import Attempt, Delivery, DeliveryState, Outcome, Route, receiver_of, webhook_id

T = TypeVar("T")
_PENDING: Final = {"state": DeliveryState.PENDING.value}
_TURNS: Final = "turns"
_INDEXES: Final = (
    IndexModel([("jobId", ASCENDING)]),
    IndexModel(
        [("userId", ASCENDING), ("receiver", ASCENDING), ("dueAt", ASCENDING)],
        name=_TURNS,
        partialFilterExpression=_PENDING,
    ),
)
_DUE: Final[Document] = {**_PENDING, "$expr": {"$lte": ["$dueAt", "$$NOW"]}}


class UnreadableDelivery(ImagegenError):
    """A stored delivery that this version cannot read. Nothing more is sent of it."""

    def __init__(self, delivery_id: str) -> None:
        super().__init__(f"delivery {delivery_id} cannot be read, so it is given up")


class Deliveries:
    """The verbs that deliveries are kept with.

    Attributes:
        news: set whenever this process has recorded one; a hint to look at once.
    """

    def __init__(self, collection: Collection) -> None:
        self._deliveries = collection
        self.news = asyncio.Event()

    async def ensure_indexes(self) -> None:
        """Make the indexes that the sweep and the log of a job rely on."""
        with answers():
            await self._deliveries.create_indexes(list(_INDEXES))

    async def record(self, jobs: Sequence[Job], session: Session) -> None:
        """Owe jobs that end in this session's transaction to their webhooks, those that have one; due at once.

        Raises the driver's errors, for `with_transaction`.
        """
        owed = [_owed(job) for job in jobs if job.webhook_url is not None]
        if owed:
            await update_all(self._deliveries, owed, session)

    async def adopt(self) -> None:
        """Give the deliveries that version 0.1.0 has recorded a route, which all of them share."""
        with answers():
            await self._deliveries.update_many({**_PENDING, "userId": None}, {"$set": _route(Route())}, hint=_TURNS)

    async def next_user(self, after: str, full: Sequence[str], full_receivers: Sequence[str]) -> str | None:
        """The first user after this one, in a circle, with a delivery that is due; but for those that are full."""
        others: Document = {"receiver": {"$nin": [*full_receivers]}}
        for later in ({"$gt": after}, {"$gte": ""}):
            if (user_id := await self._first("userId", {"userId": {**later, "$nin": [*full]}, **others})) is not None:
                return user_id
        return None

    async def next_receiver(self, user_id: str, after: str, closed: Sequence[str]) -> str | None:
        """The user's first receiver after this one, in a circle, that a delivery is due to; but for those closed."""
        for later in ({"$gt": after}, {"$gte": ""}):
            wanted: Document = {"userId": user_id, "receiver": {**later, "$nin": [*closed]}}
            if (receiver := await self._first("receiver", wanted)) is not None:
                return receiver
        return None

    async def _first(self, name: str, wanted: Document) -> str | None:
        with answers():
            found = await self._deliveries.find_one(
                {**_DUE, **wanted}, {name: 1}, sort=[("userId", ASCENDING), ("receiver", ASCENDING)], hint=_TURNS
            )
        return None if found is None else found[name]

    async def claim(self, route: Route, lease: timedelta) -> Delivery | None:
        """Take the route's delivery that has been due for longest; no other process gets it before the lease is over.

        Raises:
            UnreadableDelivery: the record cannot be read; it is ended.
        """
        taken = {"dueAt": _from_now(lease), "claims": {"$add": ["$claims", 1]}}
        with answers():
            found = await self._deliveries.find_one_and_update(
                {**_DUE, **_route(route)},
                [{"$set": taken}],
                sort=[("dueAt", ASCENDING)],
                hint=_TURNS,
                return_document=ReturnDocument.AFTER,
            )
        if not found:  # Motor's stub says that there always is one
            return None
        try:
            return _delivery(found)
        except (KeyError, TypeError, ValueError) as error:
            await self._end({"_id": found["_id"]}, DeliveryState.FAILED)
            raise UnreadableDelivery(found["_id"]) from error

    async def put_off(self, route: Route, pause: timedelta, horizon: timedelta) -> int:
        """Let nothing of a route be due before the pause is over, and give up what is due and older than the horizon.

        Returns:
            How many were given up.
        """
        noted = {"at": "$$NOW", "outcome": Outcome.POSTPONED.value, "status": None, "answer": None}
        given_up = {
            "attempts": {"$concatArrays": ["$attempts", [noted]]},
            "state": DeliveryState.FAILED.value,
            "dueAt": None,
        }
        old = {"$and": [{"$expr": {"$lt": ["$createdAt", _from_now(-horizon)]}}]}
        sooner = {**_PENDING, **_route(route), "$expr": {"$lt": ["$dueAt", _from_now(pause)]}}
        with answers():
            outcome = await self._deliveries.update_many(
                {**_DUE, **_route(route), **old}, [{"$set": given_up}], hint=_TURNS
            )
            await self._deliveries.update_many(sooner, [{"$set": {"dueAt": _from_now(pause)}}], hint=_TURNS)
        return outcome.modified_count

    async def note(self, delivery: Delivery, attempt: Attempt, state: DeliveryState, pause: timedelta) -> None:
        """Write down what became of a claimed attempt, and when the next is due if the state says that there is one.

        Nothing happens if the claim has run out and somebody else has taken the delivery, or if it was dropped.
        """
        noted = {"at": attempt.at, "outcome": attempt.outcome.value, "status": attempt.status, "answer": attempt.answer}
        changes = {
            "attempts": {"$concatArrays": ["$attempts", [{"$literal": noted}]]},
            "state": state.value,
            "dueAt": _from_now(pause) if state is DeliveryState.PENDING else None,
        }
        with answers():
            await self._deliveries.update_one(_claimed(delivery), [{"$set": changes}])

    async def supersede(self, delivery: Delivery) -> None:
        """Nothing more is sent of a claimed delivery: what it tells is no longer so."""
        await self._end(_claimed(delivery), DeliveryState.SUPERSEDED)

    async def _end(self, which: Document, state: DeliveryState) -> None:
        with answers():
            await self._deliveries.update_one(which, {"$set": {"state": state.value, "dueAt": None}})

    async def of_job(self, job_id: str) -> Sequence[Delivery]:
        """All deliveries of a job, oldest first."""
        with answers():
            found = self._deliveries.find({"jobId": job_id}).sort("createdAt", ASCENDING)
            return [_delivery(document) async for document in found]

    async def drop(self, job_id: str) -> None:
        """Forget a deleted job's deliveries; nothing more is sent of it."""
        with answers():
            await self._deliveries.delete_many({"jobId": job_id})


def _owed(job: Job) -> UpdateOne:
    given: Document = {
        "jobId": job.id,
        **_route(Route(job.user_id, receiver_of(job.webhook_url or ""))),
        "event": f"job.{job.status.value}",
        "url": job.webhook_url,
        "endedAt": job.completed_at,
        **_PENDING,
        "claims": 0,
        "attempts": [],
    }
    document = {**_literally(given), "createdAt": "$$NOW", "dueAt": "$$NOW"}
    return UpdateOne({"_id": webhook_id(job.id, job.version)}, [{"$set": document}], upsert=True)


def _route(route: Route) -> Document:
    return {"userId": route.user_id, "receiver": route.receiver}


def _claimed(delivery: Delivery) -> Document:
    return {"_id": delivery.id, "claims": delivery.claims, **_PENDING}


def _literally(values: Mapping[str, object]) -> Document:
    """The values as such: in a pipeline, text that begins with a dollar would be read as an expression."""
    return {name: {"$literal": value} for name, value in values.items()}


def _from_now(duration: timedelta) -> Document:
    return {"$add": ["$$NOW", int(duration.total_seconds() * 1000)]}


def _delivery(document: Mapping[str, Any]) -> Delivery:
    """Read a delivery; KeyError, TypeError or ValueError if it is none."""
    due_at: datetime | None = document["dueAt"]
    return Delivery(
        id=_a(str, document["_id"]),
        job_id=_a(str, document["jobId"]),
        event=_a(str, document["event"]),
        url=_a(str, document["url"]),
        created_at=_a(datetime, document["createdAt"]),
        ended_at=_a(datetime, document["endedAt"]),
        route=Route(document.get("userId") or "", document.get("receiver") or ""),
        state=DeliveryState(document["state"]),
        claims=_a(int, document["claims"]),
        due_at=due_at,
        attempts=tuple(_attempt(attempt) for attempt in document["attempts"]),
    )


def _a(kind: type[T], value: object) -> T:
    if not isinstance(value, kind):
        raise TypeError(f"expected {kind.__name__}, found {type(value).__name__}")
    return value


def _attempt(document: Mapping[str, Any]) -> Attempt:
    return Attempt(
        at=document["at"],
        outcome=Outcome(document["outcome"]),
        status=document["status"],
        answer=document["answer"],
    )
