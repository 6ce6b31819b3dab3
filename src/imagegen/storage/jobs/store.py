"""Jobs in MongoDB: inserted, read, leased and changed.

Every transition is one compare-and-set: it names the version and the lease epoch that it started from, and changes
nothing if another process was faster. The last one marks the job as not counted in the usage yet.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from pymongo import DESCENDING
from pymongo.errors import DuplicateKeyError

from imagegen.errors import JobDeleted, JobNotFound, RequestOwned, StaleJob
from imagegen.jobs import Idempotency, Job, JobStatus
from imagegen.storage.batching import Batcher
from imagegen.storage.budgets.settlement import IS_HELD, SETTLES
from imagegen.storage.errors import mongo_errors
from imagegen.storage.jobs.claims import Claims
from imagegen.storage.jobs.documents import Document, from_document, mutable_part
from imagegen.storage.jobs.indexes import INDEXES
from imagegen.storage.jobs.inserts import Inserts
from imagegen.storage.jobs.leases import RELEASED, UNFINISHED, holds_lease
from imagegen.storage.jobs.provider_slots import RELEASE_SLOT, find_free_slot
from imagegen.storage.jobs.queries import JobFilter, JobPage, build_query
from imagegen.storage.jobs.renewals import CANCEL_REQUESTED_AT, Renewals
from imagegen.storage.jobs.transitions import AtEnd, Transition, TransitionWriter
from imagegen.storage.mongodb import Collection, check_transactions
from imagegen.storage.usage.counting import IS_MARKED


class Jobs:
    """The store of jobs. `at_end` are the stores that learn of their ends."""

    def __init__(self, collection: Collection, at_end: AtEnd) -> None:
        self._jobs = collection
        self._inserts = Inserts(collection)
        self._transitions = TransitionWriter(collection, at_end)
        self._claims = Claims(collection)
        self._renewals = Renewals(collection)
        self._reads = Batcher[str, dict[str, Any] | None](self._read)

    async def check(self) -> None:
        """Raise DatabaseUnavailable unless MongoDB responds."""
        with mongo_errors():
            await self._jobs.database.command("ping")

    async def check_transactions(self) -> None:
        """Insert and delete a document in a transaction that a majority acknowledges, as accepting a batch does."""
        await check_transactions(self._jobs)

    async def ensure_indexes(self) -> None:
        """Create the indexes over jobs."""
        with mongo_errors():
            await self._jobs.create_indexes(list(INDEXES))

    async def insert(self, job: Job, lease: timedelta | None = None) -> tuple[Job, bool]:
        """Store a new job, or find the one that its idempotency key has already created.

        Args:
            job: the new job.
            lease: how long the lease of a job lasts that is `started` already; it begins with this write.

        Returns:
            The stored job, and whether it existed before.

        Raises:
            DatabaseUnavailable: nothing was stored.
            JobInsertUnknown: MongoDB failed and cannot tell whether the job is stored.
        """
        return await self._inserts.insert(job, lease)

    async def get(self, job_id: str) -> Job:
        """Read one job.

        Raises:
            JobNotFound: no job has this id.
            JobDeleted: only its tombstone is left.
        """
        document = await self._reads.submit(job_id)
        if document is None:
            raise JobNotFound(job_id)
        job = from_document(document)
        if job.deletion is not None:
            raise JobDeleted(job_id, job.user_id)
        return job

    async def _read(self, job_ids: Sequence[str]) -> Sequence[dict[str, Any] | None]:
        with mongo_errors():
            found = await self._jobs.find({"_id": {"$in": list(job_ids)}}).to_list(length=len(job_ids))
        documents = {document["_id"]: document for document in found}
        return [documents.get(job_id) for job_id in job_ids]

    async def find_by_idempotency_key(self, key: Idempotency, since: datetime) -> Job | None:
        """The job, or its tombstone, that a request with this idempotency key has created since then."""
        return await self._inserts.find_by_idempotency_key(key, since)

    async def is_unfinished(self, job_id: str) -> bool:
        """Whether the job still needs a runner."""
        with mongo_errors():
            return await self._jobs.find_one({"_id": job_id, **UNFINISHED}, {"_id": 1}) is not None

    async def page(self, wanted: JobFilter, *, limit: int, before: str | None = None) -> JobPage:
        """List at most `limit` jobs, newest first, of those before the id `before`."""
        with mongo_errors():
            cursor = self._jobs.find(build_query(wanted, before)).sort("_id", DESCENDING).limit(limit + 1)
            documents = await cursor.to_list(length=limit + 1)
        jobs = tuple(from_document(document) for document in documents[:limit])
        return JobPage(jobs=jobs, next_before=jobs[-1].id if len(documents) > limit else None)

    async def claim(self, job_id: str, runner: str, lease: timedelta) -> Job | None:
        """Take the lease of an unfinished job; None if a runner holds it, or the job is finished or unknown."""
        return await self._claims.claim(job_id, runner, lease)

    async def renew(self, job: Job, lease: timedelta) -> datetime | None:
        """Renew the lease.

        Returns:
            When the job's cancellation was requested; None if it was not.

        Raises:
            StaleJob: another runner has taken the lease, or the job has ended.
        """
        return await self._renewals.renew(job, lease)

    async def release_lease(self, job: Job) -> None:
        """Release the lease, so that any runner may continue the job at once."""
        with mongo_errors():
            await self._jobs.update_one(holds_lease(job), {"$set": RELEASED})

    async def save(self, job: Job) -> Job:
        """Store a transition if the job has not changed since.

        It can be repeated: a transition that was stored without an acknowledgement counts as stored.

        Returns:
            The job as given.

        Raises:
            StaleJob: the job has changed, or another runner has taken its lease.
            RequestOwned: another job has the id of its request.
        """
        changes: Document = {**mutable_part(job), "lease.taken": 1}  # a runner that gets this far did not crash on it
        if job.status.is_final:
            changes |= IS_MARKED
            changes["lease.until"] = None
            changes["clearAt"] = job.completed_at if job.may_have_orphans else None
            if job.reservations:
                changes |= SETTLES
        try:
            return await self._store(
                job, {"$set": changes} if job.is_open_at_fal else {"$set": changes, **RELEASE_SLOT}
            )
        except DuplicateKeyError as error:
            raise RequestOwned(job.id) from error

    async def save_intent(self, job: Job, limit: int) -> Job | None:
        """Store the intent to submit, if fewer than `limit` requests of all processes are open at fal.

        One write stores the intent and takes a slot: a number below `limit` that no other document has, which a unique
        index enforces. The document keeps it until the request is no longer open. So slots are counted nowhere else,
        and no crash can leak one.

        Returns:
            The job as given; None if no slot is free.

        Raises:
            StaleJob: as in `save`.
        """
        while (slot := await find_free_slot(self._jobs, limit)) is not None:
            try:
                return await self._store(job, {"$set": {**mutable_part(job), "falSlot": slot}})
            except DuplicateKeyError:
                continue  # another process took this slot at the same moment
        return None

    async def _store(self, job: Job, update: Document) -> Job:
        elements: list[Mapping[str, Any]] | None = [IS_HELD] if job.status.is_final and job.reservations else None
        transition = Transition(job, {**holds_lease(job), "version": job.version - 1}, update, elements)
        if not await self._transitions.store(transition) and not await self._is_stored(job):
            raise StaleJob(job.id)
        return job

    async def request_cancel(self, job_id: str) -> bool:
        """Record that a running job's cancellation was requested; False if it is not running. It can be repeated."""
        requested = {"cancelRequestedAt": {"$ifNull": ["$cancelRequestedAt", "$$NOW"]}}
        running = {"_id": job_id, "status": JobStatus.RUNNING.value}
        with mongo_errors():
            return (await self._jobs.update_one(running, [{"$set": requested}])).matched_count == 1

    async def cancel_requested_at(self, job_id: str) -> datetime | None:
        """When the job's cancellation was requested; None if it was not."""
        with mongo_errors():
            found = await self._jobs.find_one({"_id": job_id}, CANCEL_REQUESTED_AT)
        return found.get("cancelRequestedAt") if found else None

    async def _is_stored(self, job: Job) -> bool:
        with mongo_errors():
            same = {"_id": job.id, "version": job.version, "lease.epoch": job.lease.epoch}
            same |= {"lease.runner": job.lease.runner, "status": job.status.value}
            # Storing a late request id creates the same version under the same lease.
            request = job.submission.request
            same |= {"submission.state": job.submission.state.value}
            same |= {"submission.request.requestId": request.request_id if request else None}
            return await self._jobs.find_one(same, {"_id": 1}) is not None
