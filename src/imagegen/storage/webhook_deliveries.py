"""Deliveries to callers' webhooks: recorded in the transaction that ends a job, so that no crash can lose one.

An attempt is claimed by compare-and-set, under a lease on the database's clock: the claim postpones the next one. If a
process dies during an attempt, the delivery falls due again. An index finds the next user and the next receiver that
have a due delivery, so that a step of the rotation costs the same however many are due.
"""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any, Final, TypeVar

from pymongo import ASCENDING, IndexModel, ReturnDocument, UpdateOne
from pymongo.errors import DuplicateKeyError

from imagegen.errors import ImagegenError
from imagegen.jobs import Job
from imagegen.storage.errors import mongo_errors
from imagegen.storage.expressions import from_now
from imagegen.storage.jobs.documents import Document
from imagegen.storage.mongodb import Collection, Session, bulk_update
from imagegen.webhooks import (
    Attempt,
    AttemptOutcome,
    BudgetNotice,
    DeliveryRoute,
    DeliveryState,
    WebhookDelivery,
    receiver_of,
    webhook_id,
)

T = TypeVar("T")
_PENDING: Final = {"state": DeliveryState.PENDING.value}
_ROTATION: Final = "turns"
_INDEXES: Final = (
    IndexModel([("jobId", ASCENDING)]),
    IndexModel(
        [("userId", ASCENDING), ("receiver", ASCENDING), ("dueAt", ASCENDING)],
        name=_ROTATION,
        partialFilterExpression=_PENDING,
    ),
)
_DUE: Final[Document] = {**_PENDING, "$expr": {"$lte": ["$dueAt", "$$NOW"]}}


class UnreadableDelivery(ImagegenError):
    """This version cannot read a stored delivery, so it is not sent any more."""

    def __init__(self, delivery_id: str) -> None:
        super().__init__(f"delivery {delivery_id} cannot be read, so it is given up")


class WebhookDeliveries:
    """The store of webhook deliveries.

    Attributes:
        recorded: set whenever this process has recorded one, so that its sender looks for it at once.
    """

    def __init__(self, collection: Collection) -> None:
        self._deliveries = collection
        self.recorded = asyncio.Event()

    async def ensure_indexes(self) -> None:
        """Create the indexes that the rotation and the delivery log of a job rely on."""
        with mongo_errors():
            await self._deliveries.create_indexes(list(_INDEXES))

    async def record(self, jobs: Sequence[Job], session: Session) -> None:
        """Record a delivery, due at once, for each job with a webhook that ends in this session's transaction.

        Raises the driver's errors, for `with_transaction`.
        """
        inserts = [_insert(job) for job in jobs if job.webhook_url is not None]
        if inserts:
            await bulk_update(self._deliveries, inserts, session)

    async def record_event(self, event: BudgetNotice) -> None:
        """Record a delivery of an event, due at once; one with the same id stays as it is."""
        values: Document = {
            "jobId": "",
            **_route(DeliveryRoute("", receiver_of(event.url))),
            "event": event.type,
            "url": event.url,
            "endedAt": event.at,
            "payload": event.payload,
            **_PENDING,
            "claims": 0,
            "attempts": [],
        }
        document = {**_literals(values), "createdAt": "$$NOW", "dueAt": "$$NOW"}
        with suppress(DuplicateKeyError), mongo_errors():
            new = {"_id": event.id, "state": {"$exists": False}}
            await self._deliveries.update_one(new, [{"$set": document}], upsert=True)
        self.recorded.set()

    async def add_missing_routes(self) -> None:
        """Give the deliveries that version 0.1.0 recorded a route, which all of them share."""
        with mongo_errors():
            await self._deliveries.update_many(
                {**_PENDING, "userId": None}, {"$set": _route(DeliveryRoute())}, hint=_ROTATION
            )

    async def next_user(self, after: str, full: Sequence[str], full_receivers: Sequence[str]) -> str | None:
        """The next user after `after`, in a circle, with a due delivery, leaving out full users and receivers."""
        others: Document = {"receiver": {"$nin": [*full_receivers]}}
        for later in ({"$gt": after}, {"$gte": ""}):
            if (user_id := await self._first("userId", {"userId": {**later, "$nin": [*full]}, **others})) is not None:
                return user_id
        return None

    async def next_receiver(self, user_id: str, after: str, closed: Sequence[str]) -> str | None:
        """The user's next receiver after `after`, in a circle, with a due delivery, leaving out closed ones."""
        for later in ({"$gt": after}, {"$gte": ""}):
            wanted: Document = {"userId": user_id, "receiver": {**later, "$nin": [*closed]}}
            if (receiver := await self._first("receiver", wanted)) is not None:
                return receiver
        return None

    async def _first(self, name: str, wanted: Document) -> str | None:
        with mongo_errors():
            found = await self._deliveries.find_one(
                {**_DUE, **wanted}, {name: 1}, sort=[("userId", ASCENDING), ("receiver", ASCENDING)], hint=_ROTATION
            )
        return None if found is None else found[name]

    async def claim(self, route: DeliveryRoute, lease: timedelta) -> WebhookDelivery | None:
        """Claim the route's delivery that has been due for longest, for the length of the lease.

        Returns:
            The delivery; None if none is due.

        Raises:
            UnreadableDelivery: the stored delivery cannot be read; it is marked as failed.
        """
        taken = {"dueAt": from_now(lease), "claims": {"$add": ["$claims", 1]}}
        with mongo_errors():
            found = await self._deliveries.find_one_and_update(
                {**_DUE, **_route(route)},
                [{"$set": taken}],
                sort=[("dueAt", ASCENDING)],
                hint=_ROTATION,
                return_document=ReturnDocument.AFTER,
            )
        if not found:  # Motor's stub claims that there always is one
            return None
        try:
            return _delivery(found)
        except (KeyError, TypeError, ValueError) as error:
            await self._end({"_id": found["_id"]}, DeliveryState.FAILED)
            raise UnreadableDelivery(found["_id"]) from error

    async def postpone_route(self, route: DeliveryRoute, pause: timedelta, horizon: timedelta) -> int:
        """Postpone a route's deliveries until the pause is over; those due and older than the horizon are given up.

        Returns:
            How many were given up.
        """
        entry = {"at": "$$NOW", "outcome": AttemptOutcome.POSTPONED.value, "status": None, "answer": None}
        given_up = {
            "attempts": {"$concatArrays": ["$attempts", [entry]]},
            "state": DeliveryState.FAILED.value,
            "dueAt": None,
        }
        old = {"$and": [{"$expr": {"$lt": ["$createdAt", from_now(-horizon)]}}]}
        sooner = {**_PENDING, **_route(route), "$expr": {"$lt": ["$dueAt", from_now(pause)]}}
        with mongo_errors():
            outcome = await self._deliveries.update_many(
                {**_DUE, **_route(route), **old}, [{"$set": given_up}], hint=_ROTATION
            )
            await self._deliveries.update_many(sooner, [{"$set": {"dueAt": from_now(pause)}}], hint=_ROTATION)
        return outcome.modified_count

    async def record_attempt(
        self, delivery: WebhookDelivery, attempt: Attempt, state: DeliveryState, pause: timedelta
    ) -> None:
        """Record the outcome of a claimed attempt, and when the next one is due if the delivery stays pending.

        Nothing is changed if another process has claimed the delivery since, or if it was deleted.
        """
        entry = {"at": attempt.at, "outcome": attempt.outcome.value, "status": attempt.status, "answer": attempt.answer}
        changes = {
            "attempts": {"$concatArrays": ["$attempts", [{"$literal": entry}]]},
            "state": state.value,
            "dueAt": from_now(pause) if state is DeliveryState.PENDING else None,
        }
        with mongo_errors():
            await self._deliveries.update_one(_claimed(delivery), [{"$set": changes}])

    async def supersede(self, delivery: WebhookDelivery) -> None:
        """End a claimed delivery whose event is no longer true, without sending it."""
        await self._end(_claimed(delivery), DeliveryState.SUPERSEDED)

    async def _end(self, which: Document, state: DeliveryState) -> None:
        with mongo_errors():
            await self._deliveries.update_one(which, {"$set": {"state": state.value, "dueAt": None}})

    async def find_by_job(self, job_id: str) -> Sequence[WebhookDelivery]:
        """All deliveries of a job, oldest first."""
        with mongo_errors():
            found = self._deliveries.find({"jobId": job_id}).sort("createdAt", ASCENDING)
            return [_delivery(document) async for document in found]

    async def delete_by_job(self, job_id: str) -> None:
        """Delete a job's deliveries, so that none of them is sent any more."""
        with mongo_errors():
            await self._deliveries.delete_many({"jobId": job_id})


def _insert(job: Job) -> UpdateOne:
    values: Document = {
        "jobId": job.id,
        **_route(DeliveryRoute(job.user_id, receiver_of(job.webhook_url or ""))),
        "event": f"job.{job.status.value}",
        "url": job.webhook_url,
        "endedAt": job.completed_at,
        **_PENDING,
        "claims": 0,
        "attempts": [],
    }
    document = {**_literals(values), "createdAt": "$$NOW", "dueAt": "$$NOW"}
    return UpdateOne({"_id": webhook_id(job.id, job.version)}, [{"$set": document}], upsert=True)


def _route(route: DeliveryRoute) -> Document:
    return {"userId": route.user_id, "receiver": route.receiver}


def _claimed(delivery: WebhookDelivery) -> Document:
    return {"_id": delivery.id, "claims": delivery.claims, **_PENDING}


def _literals(values: Mapping[str, object]) -> Document:
    """The values as literals: a pipeline reads a string that begins with a dollar sign as an expression."""
    return {name: {"$literal": value} for name, value in values.items()}


def _delivery(document: Mapping[str, Any]) -> WebhookDelivery:
    """Read a delivery; raises KeyError, TypeError or ValueError if the document is malformed."""
    due_at: datetime | None = document["dueAt"]
    return WebhookDelivery(
        id=_typed(str, document["_id"]),
        job_id=_typed(str, document["jobId"]),
        event=_typed(str, document["event"]),
        url=_typed(str, document["url"]),
        created_at=_typed(datetime, document["createdAt"]),
        ended_at=_typed(datetime, document["endedAt"]),
        route=DeliveryRoute(document.get("userId") or "", document.get("receiver") or ""),
        state=DeliveryState(document["state"]),
        claims=_typed(int, document["claims"]),
        due_at=due_at,
        attempts=tuple(_attempt(attempt) for attempt in document["attempts"]),
        payload=document.get("payload"),
    )


def _typed(kind: type[T], value: object) -> T:
    if not isinstance(value, kind):
        raise TypeError(f"expected {kind.__name__}, found {type(value).__name__}")
    return value


def _attempt(document: Mapping[str, Any]) -> Attempt:
    return Attempt(
        at=document["at"],
        outcome=AttemptOutcome(document["outcome"]),
        status=document["status"],
        answer=document["answer"],
    )
