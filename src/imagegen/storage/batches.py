"""Batches in MongoDB: a document each, written in one transaction with its jobs, which never changes again.

How far a batch is follows from its jobs, counted over an index that has all that is counted.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final

import pymongo
from pydantic.alias_generators import to_camel
from pymongo import ASCENDING, DESCENDING, IndexModel
from pymongo.errors import DuplicateKeyError
from pymongo.read_concern import ReadConcern

from imagegen.errors import BatchNotFound, DatabaseUnavailable
from imagegen.jobs import Idempotency, Job, JobStatus
from imagegen.storage.answers import answers
from imagegen.storage.job_documents import Document, to_document
from imagegen.storage.mongodb import Collection, Session, in_transaction

# A thousand jobs are up to 40 MB: what is given and what fal gets, each as large as the body.
_PATIENCE: Final = timedelta(seconds=30)
_IDEMPOTENCY: Final = IndexModel(
    [("idempotency.caller", ASCENDING), ("idempotency.route", ASCENDING), ("idempotency.key", ASCENDING)],
    name="idempotency",
    unique=True,
    partialFilterExpression={"idempotency": {"$exists": True}},
)
_IN_A_BATCH: Final = {"batchId": {"$exists": True}}
_INDEXES_OF_JOBS: Final = (
    IndexModel(
        [("batchId", ASCENDING), ("status", ASCENDING), ("cost.totalCost", ASCENDING)],
        name="batchCounts",
        partialFilterExpression=_IN_A_BATCH,
    ),
    IndexModel([("batchId", ASCENDING), ("_id", DESCENDING)], name="batchJobs", partialFilterExpression=_IN_A_BATCH),
)


class BatchUnknown(DatabaseUnavailable):
    """MongoDB broke off while a batch was being stored: it may exist, with all its jobs. `batch_id` tells where."""

    def __init__(self, batch_id: str) -> None:
        super().__init__(f"broke off while batch {batch_id} was being stored")
        self.batch_id = batch_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Jobs that were asked for together.

    Attributes:
        id: a ULID.
        user_id: whose jobs they are.
        job_ids: in the order of the requests.
        estimated_cost: US dollars, if every picture arrives.
        created_at: when it was accepted.
        idempotency: the caller's key for it.
    """

    id: str
    user_id: str
    job_ids: tuple[str, ...]
    estimated_cost: Decimal
    created_at: datetime
    idempotency: Idempotency | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """How far a batch is: the number of its jobs by status, and what the completed ones were charged (US dollars)."""

    counts: Mapping[JobStatus, int]
    charged: Decimal

    @property
    def is_final(self) -> bool:
        """Whether every job has ended."""
        return all(not count or status.is_final for status, count in self.counts.items())


class Batches:
    """The verbs that batches are kept with. `collection` is their own, `jobs` that of the jobs."""

    def __init__(self, collection: Collection, jobs: Collection) -> None:
        self._batches, self._jobs = collection, jobs

    async def ensure_indexes(self) -> None:
        """Make the indexes that the counts, the lists and idempotency rely on."""
        with answers():
            await self._batches.create_indexes([_IDEMPOTENCY])
            await self._jobs.create_indexes(list(_INDEXES_OF_JOBS))

    async def insert(self, batch: Batch, jobs: Sequence[Job], since: datetime) -> tuple[Batch, bool]:
        """Store a new batch and its jobs, all or nothing, or find the batch that its idempotency key already made.

        Args:
            batch: the batch.
            jobs: its jobs.
            since: a batch that is older gives its idempotency key up to the new one.

        Returns:
            The stored batch, and whether it was there before.

        Raises:
            DatabaseUnavailable: nothing was stored.
            BatchUnknown: MongoDB broke off and cannot be asked whether the batch is stored.
        """
        try:
            await self._store(batch, jobs)
        except DuplicateKeyError:
            assert batch.idempotency is not None
            known = await self.made_by(batch.idempotency, since)
            if known is not None:
                return known, True
            await self._release(batch.idempotency, since)
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
            with answers(), pymongo.timeout(_PATIENCE.total_seconds()):
                await in_transaction(self._batches, store)
        except DatabaseUnavailable as error:
            if committing and not await self._is_stored(batch.id):
                raise BatchUnknown(batch.id) from error
            if not committing:
                raise

    async def _is_stored(self, batch_id: str) -> bool:
        """Look for it. A linearizable read sees only what a majority has journaled, so what it finds is safe."""
        safe = self._batches.with_options(read_concern=ReadConcern("linearizable"))  # pyright: ignore[reportUnknownMemberType] - its codec's type
        try:
            with answers():
                return await safe.find_one({"_id": batch_id}, {"_id": 1}) is not None
        except DatabaseUnavailable:
            return False

    async def _release(self, key: Idempotency, since: datetime) -> None:
        """Take the key from a batch that is older."""
        with answers():
            await self._batches.update_one(
                {**_same_key(key), "createdAt": {"$lte": since}}, {"$unset": {"idempotency": ""}}
            )

    async def made_by(self, key: Idempotency, since: datetime) -> Batch | None:
        """The batch that a request with this idempotency key has made since then."""
        with answers():
            found = await self._batches.find_one({**_same_key(key), "createdAt": {"$gt": since}})
        return None if found is None else _batch(found)

    async def get(self, batch_id: str) -> Batch:
        """Read one batch; BatchNotFound if there is none."""
        with answers():
            found = await self._batches.find_one({"_id": batch_id})
        if found is None:
            raise BatchNotFound(batch_id)
        return _batch(found)

    async def tally(self, batch_id: str) -> Tally:
        """How far a batch is: read from the index alone, however large its jobs are."""
        group = {"_id": "$status", "count": {"$sum": 1}, "cost": {"$sum": "$cost.totalCost"}}
        pipeline = [*counted(batch_id), {"$group": group}]
        with answers():
            found = {JobStatus(each["_id"]): each async for each in self._jobs.aggregate(pipeline)}
        charged = found[JobStatus.COMPLETED]["cost"] if JobStatus.COMPLETED in found else 0
        counts = {status: int(found[status]["count"]) if status in found else 0 for status in JobStatus}
        return Tally(counts=counts, charged=Decimal(charged))


def counted(batch_id: str) -> list[Document]:
    """The first stages of a count over the jobs of a batch, which an index covers."""
    return [{"$match": {"batchId": batch_id}}, {"$project": {"_id": 0, "status": 1, "cost.totalCost": 1}}]


def _same_key(key: Idempotency) -> Document:
    """The first condition is what lets MongoDB use the partial index."""
    same = {"idempotency.caller": key.caller, "idempotency.route": key.route, "idempotency.key": key.key}
    return {"idempotency": {"$exists": True}, **same}


def _document(batch: Batch) -> dict[str, Any]:
    document: dict[str, Any] = {
        "_id": batch.id,
        "userId": batch.user_id,
        "jobIds": list(batch.job_ids),
        "estimatedCost": batch.estimated_cost,
        "createdAt": batch.created_at,
    }
    if batch.idempotency is not None:
        document["idempotency"] = {to_camel(name): value for name, value in asdict(batch.idempotency).items()}
    return document


def _batch(document: Mapping[str, Any]) -> Batch:
    key = document.get("idempotency")
    idempotency = key and Idempotency(
        caller=key["caller"], route=key["route"], key=key["key"], body_sha256=key["bodySha256"]
    )
    return Batch(
        id=document["_id"],
        user_id=document["userId"],
        job_ids=tuple(document["jobIds"]),
        estimated_cost=document["estimatedCost"],
        created_at=document["createdAt"],
        idempotency=idempotency,
    )
