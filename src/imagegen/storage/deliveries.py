"""What is owed to callers' webhooks: recorded in the transaction that ends a job, so that no crash can forget it.

An attempt is claimed by compare-and-set, under a lease on the database's clock: a claim puts the next one off. A
process that dies in between leaves a delivery that falls due again.
"""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from pymongo import ASCENDING, IndexModel, ReturnDocument, UpdateOne

from imagegen.jobs import Job
from imagegen.storage.answers import answers
from imagegen.storage.job_documents import Document
from imagegen.storage.mongodb import Collection, Session, update_all
from imagegen.webhooks import Attempt, Delivery, DeliveryState, Outcome, webhook_id

_PENDING: Final = {"state": DeliveryState.PENDING.value}
_INDEXES: Final = (
    IndexModel([("jobId", ASCENDING)]),
    IndexModel([("dueAt", ASCENDING)], name="due", partialFilterExpression=_PENDING),
)
_OLDEST_FIRST: Final = [("dueAt", ASCENDING)]


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

    async def claim(self, lease: timedelta) -> Delivery | None:
        """Take the delivery that has been due for longest; nobody else is given it before the lease is over."""
        due = {**_PENDING, "$expr": {"$lte": ["$dueAt", "$$NOW"]}}
        taken = {"dueAt": _from_now(lease), "claims": {"$add": ["$claims", 1]}}
        with answers():
            found = await self._deliveries.find_one_and_update(
                due, [{"$set": taken}], sort=_OLDEST_FIRST, return_document=ReturnDocument.AFTER
            )
        return _delivery(found) if found else None  # Motor's stub says that there always is one

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
        ended = {"state": DeliveryState.SUPERSEDED.value, "dueAt": None}
        with answers():
            await self._deliveries.update_one(_claimed(delivery), {"$set": ended})

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
        "event": f"job.{job.status.value}",
        "url": job.webhook_url,
        "endedAt": job.completed_at,
        **_PENDING,
        "claims": 0,
        "attempts": [],
    }
    document = {**_literally(given), "createdAt": "$$NOW", "dueAt": "$$NOW"}
    return UpdateOne({"_id": webhook_id(job.id, job.version)}, [{"$set": document}], upsert=True)


def _claimed(delivery: Delivery) -> Document:
    return {"_id": delivery.id, "claims": delivery.claims, **_PENDING}


def _literally(values: Mapping[str, object]) -> Document:
    """The values as such: in a pipeline, text that begins with a dollar would be read as an expression."""
    return {name: {"$literal": value} for name, value in values.items()}


def _from_now(duration: timedelta) -> Document:
    return {"$add": ["$$NOW", int(duration.total_seconds() * 1000)]}


def _delivery(document: Mapping[str, Any]) -> Delivery:
    due_at: datetime | None = document["dueAt"]
    return Delivery(
        id=document["_id"],
        job_id=document["jobId"],
        event=document["event"],
        url=document["url"],
        created_at=document["createdAt"],
        ended_at=document["endedAt"],
        state=DeliveryState(document["state"]),
        claims=document["claims"],
        due_at=due_at,
        attempts=tuple(_attempt(attempt) for attempt in document["attempts"]),
    )


def _attempt(document: Mapping[str, Any]) -> Attempt:
    return Attempt(
        at=document["at"],
        outcome=Outcome(document["outcome"]),
        status=document["status"],
        answer=document["answer"],
    )
