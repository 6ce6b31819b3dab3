"""How a job is accepted: stored once, also where its idempotency key comes again or MongoDB breaks off."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from pymongo.errors import BulkWriteError, ServerSelectionTimeoutError
from pymongo.read_concern import ReadConcern

from imagegen.errors import DatabaseUnavailable
from imagegen.jobs import Idempotency, Job
from imagegen.storage.answers import answers, refused
from imagegen.storage.job_documents import Document, from_document, to_document
from imagegen.storage.mongodb import Collection
from imagegen.storage.rounds import Rounds

IDEMPOTENCY_KEPT: Final = timedelta(hours=24)


class AcceptanceUnknown(DatabaseUnavailable):
    """MongoDB broke off during an insert: the job may exist. `job_id` tells where to look."""

    def __init__(self, job_id: str) -> None:
        super().__init__(f"broke off while job {job_id} was being stored")
        self.job_id = job_id


class Acceptance:
    """Stores new jobs, in rounds. `collection` is that of the jobs."""

    def __init__(self, collection: Collection) -> None:
        self._jobs = collection
        # A linearizable read sees only what a majority has journaled, so what it finds is safe.
        self._safe = collection.with_options(read_concern=ReadConcern("linearizable"))  # pyright: ignore[reportUnknownMemberType] - its codec's type
        self._inserts = Rounds[Job, bool](self._insert)

    async def insert(self, job: Job) -> tuple[Job, bool]:
        """Store a new job, or find the one that its idempotency key already made.

        Returns:
            The stored job, and whether it was there before.

        Raises:
            DatabaseUnavailable: nothing was stored.
            AcceptanceUnknown: MongoDB broke off and cannot be asked whether the job is stored.
        """
        try:
            was_stored = await self._inserts.ask(job)
        except DatabaseUnavailable as error:
            if isinstance(error.__cause__, ServerSelectionTimeoutError):
                raise
            return await self._after_a_broken_insert(job), False
        return (job, False) if was_stored else await self._known(job)

    async def _insert(self, jobs: Sequence[Job]) -> Sequence[bool]:
        """Store jobs independently of each other; False for one whose idempotency key is taken."""
        with answers():
            documents = [to_document(job) for job in jobs]
            taken = await _insert_many(self._jobs, documents)
        return [number not in taken for number in range(len(jobs))]

    async def _after_a_broken_insert(self, job: Job) -> Job:
        try:
            with answers():
                document = await self._safe.find_one({"_id": job.id})
        except DatabaseUnavailable as error:
            raise AcceptanceUnknown(job.id) from error
        if document is None:
            raise AcceptanceUnknown(job.id)
        return from_document(document)

    async def _known(self, job: Job) -> tuple[Job, bool]:
        """The job that already owns this idempotency key; one older than a day gives it up to the new job."""
        assert job.idempotency is not None
        key = _idempotency_filter(job.idempotency)
        with answers():
            document = await self._jobs.find_one(key)
            if document is not None and document["createdAt"] > job.created_at - IDEMPOTENCY_KEPT:
                return from_document(document), True
            if document is not None:
                same = {"_id": document["_id"], **key}
                await self._jobs.update_one(same, {"$unset": {"idempotency": ""}})
        return await self.insert(job)

    async def made_by(self, key: Idempotency, since: datetime) -> Job | None:
        """The job, or the tombstone, that a request with this idempotency key has made since then."""
        with answers():
            document = await self._jobs.find_one({**_idempotency_filter(key), "createdAt": {"$gt": since}})
        return None if document is None else from_document(document)


async def _insert_many(jobs: Collection, documents: Sequence[Document]) -> frozenset[int]:
    """Insert documents independently of each other; the numbers of those that a unique index refused."""
    try:
        await jobs.insert_many(documents, ordered=False)
    except BulkWriteError as error:
        return frozenset(refused(error))
    return frozenset()


def _idempotency_filter(key: Idempotency) -> Document:
    """The first condition is what lets MongoDB use the partial index."""
    same = {"idempotency.caller": key.caller, "idempotency.route": key.route, "idempotency.key": key.key}
    return {"idempotency": {"$exists": True}, **same}
