"""Objects still to be removed from the bucket: those of deleted jobs, and the orphans of ended jobs."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

from imagegen.errors import StaleJob
from imagegen.jobs import Job
from imagegen.storage.errors import mongo_errors
from imagegen.storage.expressions import backoff
from imagegen.storage.jobs.documents import Document, from_document, tombstone
from imagegen.storage.mongodb import Collection

Due = Literal["deletion.dueAt", "clearAt"]
_FIRST_PAUSE: Final = timedelta(minutes=1)
_LONGEST_PAUSE: Final = timedelta(hours=1)

_FAILURES: Final = "removalFailures"
_SUCCESS: Final[Document] = {"$unset": {_FAILURES: ""}}


@dataclass(frozen=True, slots=True)
class UnreadableJob:
    """A stored job that this version cannot read."""

    id: str


class Removals:
    """Stores deletions, and finds jobs with objects to remove. `collection` is that of the jobs."""

    def __init__(self, collection: Collection) -> None:
        self._jobs = collection

    async def create_tombstone(self, job: Job) -> Job:
        """Replace a job by its tombstone; StaleJob if the job has changed since."""
        before = {"_id": job.id, "version": job.version - 1, "status": job.status.value, "deletion": None}
        with mongo_errors():
            outcome = await self._jobs.update_one(before, {"$set": tombstone(job), "$unset": {"fingerprint": ""}})
        if outcome.matched_count == 0:
            raise StaleJob(job.id)
        return job

    async def pending_purge(self, now: datetime, limit: int) -> Sequence[Job | UnreadableJob]:
        """Tombstones whose images are still to be removed from the bucket, the longest due first."""
        return await self._due("deletion.dueAt", now, limit)

    async def mark_purged(self, job: Job, due_at: datetime | None) -> None:
        """Record that a deleted job's objects were removed; `due_at` is when to check again, None if never."""
        with mongo_errors():
            await self._jobs.update_one(
                {"_id": job.id}, {"$set": {"deletion.dueAt": due_at, "deletion.inputKeys": []}, **_SUCCESS}
            )

    async def pending_cleanup(self, now: datetime, limit: int) -> Sequence[Job | UnreadableJob]:
        """Ended jobs that may have orphans in the bucket, the longest due first."""
        return await self._due("clearAt", now, limit)

    async def mark_cleaned(self, job: Job, due_at: datetime | None) -> None:
        """Record that a job's orphans were removed; `due_at` is when to check again, None if never."""
        with mongo_errors():
            await self._jobs.update_one({"_id": job.id}, {"$set": {"clearAt": due_at}, **_SUCCESS})

    async def postpone(self, job_id: str, which: Due) -> None:
        """Postpone a failed removal: by a minute, twice as long after each further failure, up to an hour."""
        failures = {"$ifNull": [f"${_FAILURES}", 0]}
        later = {"$add": ["$$NOW", backoff(failures, _FIRST_PAUSE, _LONGEST_PAUSE)]}
        with mongo_errors():
            await self._jobs.update_one({"_id": job_id}, [{"$set": {which: later, _FAILURES: {"$add": [failures, 1]}}}])

    async def _due(self, which: Due, now: datetime, limit: int) -> Sequence[Job | UnreadableJob]:
        with mongo_errors():
            cursor = self._jobs.find({which: {"$type": "date", "$lte": now}}).sort(which, 1).limit(limit)
            return [_read(document) for document in await cursor.to_list(length=limit)]

    async def is_input_used(self, key: str) -> bool:
        """Whether a job that is not deleted refers to this input image."""
        with mongo_errors():
            return await self._jobs.find_one({"inputKeys": key}, {"_id": 1}) is not None


def _read(document: Document) -> Job | UnreadableJob:
    try:
        return from_document(document)
    except (KeyError, TypeError, ValueError):
        return UnreadableJob(str(document["_id"]))
