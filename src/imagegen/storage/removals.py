"""What is still to be removed: the pictures of deleted jobs, and what ended jobs left in the bucket."""

from collections.abc import Sequence
from datetime import datetime

from imagegen.errors import StaleJob
from imagegen.jobs import Job
from imagegen.storage.answers import answers
from imagegen.storage.job_documents import from_document, tombstone
from imagegen.storage.mongodb import Collection


class Removals:
    """The verbs of deletion and of clearing up. `collection` is that of the jobs."""

    def __init__(self, collection: Collection) -> None:
        self._jobs = collection

    async def bury(self, job: Job) -> Job:
        """Store a job's tombstone if the job is still what it was made from; StaleJob if it is not."""
        before = {"_id": job.id, "version": job.version - 1, "status": job.status.value, "deletion": None}
        with answers():
            outcome = await self._jobs.update_one(before, {"$set": tombstone(job)})
        if outcome.matched_count == 0:
            raise StaleJob(job.id)
        return job

    async def to_erase(self, now: datetime, limit: int) -> Sequence[Job]:
        """Tombstones whose pictures are still to be removed from the bucket."""
        with answers():
            cursor = self._jobs.find({"deletion.dueAt": {"$type": "date", "$lte": now}}).limit(limit)
            return [from_document(document) for document in await cursor.to_list(length=limit)]

    async def erased(self, job: Job, due_at: datetime | None) -> None:
        """The bucket was cleared of a deleted job; `due_at` says when to look again."""
        with answers():
            await self._jobs.update_one({"_id": job.id}, {"$set": {"deletion.dueAt": due_at, "deletion.inputKeys": []}})

    async def to_clear(self, now: datetime, limit: int) -> Sequence[Job]:
        """Ended jobs that may have left objects in the bucket which they do not name."""
        with answers():
            cursor = self._jobs.find({"clearAt": {"$type": "date", "$lte": now}}).limit(limit)
            return [from_document(document) for document in await cursor.to_list(length=limit)]

    async def cleared(self, job: Job, due_at: datetime | None) -> None:
        """The bucket was cleared of what the job does not name; `due_at` says when to look again."""
        with answers():
            await self._jobs.update_one({"_id": job.id}, {"$set": {"clearAt": due_at}})

    async def uses_input(self, key: str) -> bool:
        """Whether a job that is not deleted refers to this picture of its user's."""
        with answers():
            return await self._jobs.find_one({"inputKeys": key}, {"_id": 1}) is not None
