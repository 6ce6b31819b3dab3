"""Inserting jobs: each is stored once, even if its idempotency key is reused or MongoDB fails during the insert."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from pymongo import InsertOne, UpdateOne
from pymongo.errors import BulkWriteError, DuplicateKeyError, ServerSelectionTimeoutError

from imagegen.errors import DatabaseUnavailable
from imagegen.jobs import Idempotency, Job
from imagegen.storage.batching import Batcher
from imagegen.storage.errors import duplicate_index, duplicate_keys, mongo_errors
from imagegen.storage.expressions import from_now
from imagegen.storage.idempotency import IDEMPOTENCY_INDEX, IDEMPOTENCY_KEPT, idempotency_filter
from imagegen.storage.jobs.documents import Document, from_document, to_document
from imagegen.storage.mongodb import Collection, linearizable


class JobInsertUnknown(DatabaseUnavailable):
    """MongoDB failed during an insert, so the job `job_id` may or may not exist."""

    def __init__(self, job_id: str) -> None:
        super().__init__(f"failed while job {job_id} was being stored")
        self.job_id = job_id


@dataclass(frozen=True, slots=True)
class _Insert:
    job: Job
    lease: timedelta | None

    @property
    def write(self) -> "InsertOne[Document] | UpdateOne":
        """The insert; with a lease an upsert, because only an update has the time of the database's clock.

        No existing job matches its filter, so a repeat meets its own `_id` and changes nothing. The document is a
        literal: an expression would evaluate callers' text such as `$userId`.
        """
        document = to_document(self.job)
        if self.lease is None:
            return InsertOne(document)
        new = {"_id": self.job.id, "status": {"$exists": False}}
        leased = [{"$replaceWith": {"$literal": document}}, {"$set": {"lease.until": from_now(self.lease)}}]
        return UpdateOne(new, leased, upsert=True)


class Inserts:
    """Stores new jobs, in batches. `collection` is that of the jobs."""

    def __init__(self, collection: Collection) -> None:
        self._jobs, self._linearizable = collection, linearizable(collection)
        self._inserts = Batcher[_Insert, None](self._insert)

    async def insert(self, job: Job, lease: timedelta | None = None) -> tuple[Job, bool]:
        """Store a new job, or find the one that its idempotency key has already created.

        Args:
            job: the new job.
            lease: how long the lease lasts that it is stored with; None if it has none.

        Returns:
            The stored job, and whether it existed before.

        Raises:
            DatabaseUnavailable: nothing was stored.
            JobInsertUnknown: MongoDB failed and cannot tell whether the job is stored.
        """
        try:
            await self._inserts.submit(_Insert(job, lease))
        except DatabaseUnavailable as error:
            if isinstance(error.__cause__, ServerSelectionTimeoutError):
                raise
            return await self._find_after_failure(job), False
        except DuplicateKeyError as error:
            if duplicate_index(error) != IDEMPOTENCY_INDEX.document["name"]:  # an earlier try has stored this job
                return await self._find_after_failure(job), False
            return await self._find_or_replace(job, lease)
        return job, False

    async def _insert(self, inserts: Sequence[_Insert]) -> Sequence[DuplicateKeyError | None]:
        """Store jobs independently of each other; an error for one that a unique index refused."""
        with mongo_errors():
            refused = await _write(self._jobs, [insert.write for insert in inserts])
        return [refused.get(index) for index in range(len(inserts))]

    async def _find_after_failure(self, job: Job) -> Job:
        try:
            with mongo_errors():
                document = await self._linearizable.find_one({"_id": job.id})
        except DatabaseUnavailable as error:
            raise JobInsertUnknown(job.id) from error
        if document is None:
            raise JobInsertUnknown(job.id)
        return from_document(document)

    async def _find_or_replace(self, job: Job, lease: timedelta | None) -> tuple[Job, bool]:
        """The job that has this idempotency key; if it is older than a day, the new job takes the key over."""
        assert job.idempotency is not None
        key = idempotency_filter(job.idempotency)
        with mongo_errors():
            document = await self._jobs.find_one(key)
            if document is not None and document["createdAt"] > job.created_at - IDEMPOTENCY_KEPT:
                return from_document(document), True
            if document is not None:
                same = {"_id": document["_id"], **key}
                await self._jobs.update_one(same, {"$unset": {"idempotency": ""}})
        return await self.insert(job, lease)

    async def find_by_idempotency_key(self, key: Idempotency, since: datetime) -> Job | None:
        """The job, or its tombstone, that a request with this idempotency key has created since then."""
        with mongo_errors():
            document = await self._jobs.find_one({**idempotency_filter(key), "createdAt": {"$gt": since}})
        return None if document is None else from_document(document)


async def _write(
    jobs: Collection, writes: "Sequence[InsertOne[Document] | UpdateOne]"
) -> Mapping[int, DuplicateKeyError]:
    """Write independently of each other; returns the errors of those that a unique index refused, by their index."""
    try:
        await jobs.bulk_write(writes, ordered=False)  # pyright: ignore[reportUnknownMemberType] - its `let`
    except BulkWriteError as error:
        return duplicate_keys(error)
    return {}
