"""Batches in MongoDB: one document each, written in one transaction with its jobs, and never changed.

The progress of a batch is counted from its jobs, over an index that covers the count.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final

import pymongo
from pydantic.alias_generators import to_camel
from pymongo import ASCENDING, DESCENDING, IndexModel
from pymongo.errors import DuplicateKeyError

from imagegen.errors import BatchNotFound, BudgetState, DatabaseUnavailable
from imagegen.jobs import Idempotency, Job, JobStatus
from imagegen.storage.errors import mongo_errors
from imagegen.storage.idempotency import (
    IDEMPOTENCY_INDEX,
    idempotency_document,
    idempotency_filter,
    stored_idempotency,
)
from imagegen.storage.jobs.documents import Document, to_document
from imagegen.storage.mongodb import Collection, Session, in_transaction, linearizable

# A thousand jobs are up to 40 MB: each holds the caller's input and fal's payload, and both may be as large as a body.
_LIMIT: Final = timedelta(seconds=30)
_IN_BATCH: Final = {"batchId": {"$exists": True}}
_JOB_INDEXES: Final = (
    IndexModel(
        [("batchId", ASCENDING), ("status", ASCENDING), ("cost.totalCost", ASCENDING)],
        name="batchCounts",
        partialFilterExpression=_IN_BATCH,
    ),
    IndexModel([("batchId", ASCENDING), ("_id", DESCENDING)], name="batchJobs", partialFilterExpression=_IN_BATCH),
)


class BatchInsertUnknown(DatabaseUnavailable):
    """MongoDB failed during an insert, so the batch `batch_id` may or may not exist, with all its jobs."""

    def __init__(self, batch_id: str) -> None:
        super().__init__(f"failed while batch {batch_id} was being stored")
        self.batch_id = batch_id


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchRefusal:
    """The last requests of a batch, for which budgets had no room.

    Attributes:
        first: the place of the first of them.
        estimates: what each could have cost, in US dollars.
        budgets: those that refused, as they were.
    """

    first: int
    estimates: tuple[Decimal, ...]
    budgets: tuple[BudgetState, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Jobs that were requested together.

    Attributes:
        id: a ULID.
        user_id: the user of every job.
        job_ids: in the order of the requests.
        estimated_cost: in US dollars, if every image is delivered.
        created_at: when it was accepted.
        idempotency: the caller's key; None if it sent none.
        refusal: of the requests that were left out; None if all were accepted.
    """

    id: str
    user_id: str
    job_ids: tuple[str, ...]
    estimated_cost: Decimal
    created_at: datetime
    idempotency: Idempotency | None = None
    refusal: BatchRefusal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchProgress:
    """The progress of a batch.

    Attributes:
        counts: the number of jobs in each status.
        charged: the sum of the completed jobs' charges, in US dollars.
    """

    counts: Mapping[JobStatus, int]
    charged: Decimal

    @property
    def is_final(self) -> bool:
        """Whether every job has ended."""
        return all(not count or status.is_final for status, count in self.counts.items())


class Batches:
    """The store of batches. `collection` is their own, `jobs` that of the jobs."""

    def __init__(self, collection: Collection, jobs: Collection) -> None:
        self._batches, self._jobs = collection, jobs

    async def ensure_indexes(self) -> None:
        """Create the indexes that counts, lists and idempotency rely on."""
        with mongo_errors():
            await self._batches.create_indexes([IDEMPOTENCY_INDEX])
            await self._jobs.create_indexes(list(_JOB_INDEXES))

    async def insert(self, batch: Batch, jobs: Sequence[Job], since: datetime) -> tuple[Batch, bool]:
        """Store a new batch and its jobs, all or nothing, or find the batch that its idempotency key has created.

        Args:
            batch: the batch.
            jobs: its jobs.
            since: the new batch takes over the idempotency key of a batch that is older than this.

        Returns:
            The stored batch, and whether it existed before.

        Raises:
            DatabaseUnavailable: nothing was stored.
            BatchInsertUnknown: MongoDB failed and cannot tell whether the batch is stored.
        """
        try:
            await self._store(batch, jobs)
        except DuplicateKeyError:
            assert batch.idempotency is not None
            known = await self.find_by_idempotency_key(batch.idempotency, since)
            if known is not None:
                return known, True
            await self._release_key(batch.idempotency, since)
            return await self.insert(batch, jobs, since)
        return batch, False

    async def _store(self, batch: Batch, jobs: Sequence[Job]) -> None:
        documents = [dict(to_document(job)) for job in jobs]
        committing = False

        async def store(session: Session) -> None:
            nonlocal committing
            await self._batches.insert_one(_document(batch), session=session)
            await self._jobs.insert_many(documents, session=session)
            committing = True

        try:
            with mongo_errors(), pymongo.timeout(_LIMIT.total_seconds()):
                await in_transaction(self._batches, store)
        except DatabaseUnavailable as error:
            if committing and not await self._is_stored(batch.id):
                raise BatchInsertUnknown(batch.id) from error
            if not committing:
                raise

    async def _is_stored(self, batch_id: str) -> bool:
        try:
            with mongo_errors():
                return await linearizable(self._batches).find_one({"_id": batch_id}, {"_id": 1}) is not None
        except DatabaseUnavailable:
            return False

    async def _release_key(self, key: Idempotency, since: datetime) -> None:
        """Remove the key from a batch that is older than this."""
        older = {**idempotency_filter(key), "createdAt": {"$lte": since}}
        with mongo_errors():
            await self._batches.update_one(older, {"$unset": {"idempotency": ""}})

    async def find_by_idempotency_key(self, key: Idempotency, since: datetime) -> Batch | None:
        """The batch that a request with this idempotency key has created since then."""
        with mongo_errors():
            found = await self._batches.find_one({**idempotency_filter(key), "createdAt": {"$gt": since}})
        return None if found is None else _batch(found)

    async def get(self, batch_id: str) -> Batch:
        """Read one batch.

        Raises:
            BatchNotFound: no batch has this id.
        """
        with mongo_errors():
            found = await self._batches.find_one({"_id": batch_id})
        if found is None:
            raise BatchNotFound(batch_id)
        return _batch(found)

    async def progress(self, batch_id: str) -> BatchProgress:
        """Count a batch's jobs, from the index alone, however large they are."""
        group = {"_id": "$status", "count": {"$sum": 1}, "cost": {"$sum": "$cost.totalCost"}}
        pipeline = [*job_counts_pipeline(batch_id), {"$group": group}]
        with mongo_errors():
            found = {JobStatus(each["_id"]): each async for each in self._jobs.aggregate(pipeline)}
        charged = found[JobStatus.COMPLETED]["cost"] if JobStatus.COMPLETED in found else 0
        counts = {status: int(found[status]["count"]) if status in found else 0 for status in JobStatus}
        return BatchProgress(counts=counts, charged=Decimal(charged))


def job_counts_pipeline(batch_id: str) -> list[Document]:
    """The first stages of a count over the jobs of a batch, covered by an index."""
    return [{"$match": {"batchId": batch_id}}, {"$project": {"_id": 0, "status": 1, "cost.totalCost": 1}}]


def _document(batch: Batch) -> dict[str, Any]:
    document: dict[str, Any] = {
        "_id": batch.id,
        "userId": batch.user_id,
        "jobIds": list(batch.job_ids),
        "estimatedCost": batch.estimated_cost,
        "createdAt": batch.created_at,
    }
    if batch.idempotency is not None:
        document["idempotency"] = idempotency_document(batch.idempotency)
    if batch.refusal is not None:
        document["refusal"] = _refusal_document(batch.refusal)
    return document


def _refusal_document(refusal: BatchRefusal) -> dict[str, Any]:
    return {
        "first": refusal.first,
        "estimates": list(refusal.estimates),
        "budgets": [{to_camel(name): value for name, value in asdict(each).items()} for each in refusal.budgets],
    }


def _refusal(document: Mapping[str, Any] | None) -> BatchRefusal | None:
    if document is None:
        return None
    names = {to_camel(each.name): each.name for each in fields(BudgetState)}
    return BatchRefusal(
        first=document["first"],
        estimates=tuple(document["estimates"]),
        budgets=tuple(
            BudgetState(**{names[name]: value for name, value in each.items() if name in names})
            for each in document["budgets"]
        ),
    )


def _batch(document: Mapping[str, Any]) -> Batch:
    key = document.get("idempotency")
    return Batch(
        id=document["_id"],
        user_id=document["userId"],
        job_ids=tuple(document["jobIds"]),
        estimated_cost=document["estimatedCost"],
        created_at=document["createdAt"],
        idempotency=None if key is None else stored_idempotency(key),
        refusal=_refusal(document.get("refusal")),
    )
