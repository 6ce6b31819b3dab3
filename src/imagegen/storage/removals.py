"""What is still to be removed: the pictures of deleted jobs, and what ended jobs left in the bucket."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

from imagegen.errors import StaleJob
from imagegen.jobs import Job
from imagegen.storage.answers import answers
from imagegen.storage.job_documents import Document, from_document, tombstone
from imagegen.storage.mongodb import Collection, milliseconds

Due = Literal["deletion.dueAt", "clearAt"]
_FIRST_PAUSE: Final = timedelta(minutes=1)
_LONGEST_PAUSE: Final = timedelta(hours=1)
_MOST_DOUBLINGS: Final = 20
_FAILURES: Final = "removalFailures"
_SUCCESS: Final[Document] = {"$unset": {_FAILURES: ""}}


@dataclass(frozen=True, slots=True)
class UnreadableJob:
    """A stored job that this version cannot read."""

    id: str


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

    async def to_erase(self, now: datetime, limit: int) -> Sequence[Job | UnreadableJob]:
        """Tombstones whose pictures are still to be removed from the bucket, the one that is due for longest first."""
        return await self._due("deletion.dueAt", now, limit)

    async def erased(self, job: Job, due_at: datetime | None) -> None:
        """The bucket was cleared of a deleted job; `due_at` says when to look again."""
        with answers():
            await self._jobs.update_one(
                {"_id": job.id}, {"$set": {"deletion.dueAt": due_at, "deletion.inputKeys": []}, **_SUCCESS}
            )

    async def to_clear(self, now: datetime, limit: int) -> Sequence[Job | UnreadableJob]:
        """Ended jobs that may have left objects in the bucket which they do not name, the longest due first."""
        return await self._due("clearAt", now, limit)

    async def cleared(self, job: Job, due_at: datetime | None) -> None:
        """The bucket was cleared of what the job does not name; `due_at` says when to look again."""
        with answers():
            await self._jobs.update_one({"_id": job.id}, {"$set": {"clearAt": due_at}, **_SUCCESS})

    async def put_off(self, job_id: str, which: Due) -> None:
        """A removal has failed: it is due again after a minute, twice as long each time, an hour at most."""
        doubled = {"$pow": [2, {"$min": [{"$ifNull": [f"${_FAILURES}", 0]}, _MOST_DOUBLINGS]}]}
        pause = {"$multiply": [milliseconds(_FIRST_PAUSE), doubled]}
        later = {"$add": ["$$NOW", {"$min": [pause, milliseconds(_LONGEST_PAUSE)]}]}
        failures = {"$add": [{"$ifNull": [f"${_FAILURES}", 0]}, 1]}
        with answers():
            await self._jobs.update_one({"_id": job_id}, [{"$set": {which: later, _FAILURES: failures}}])

    async def _due(self, which: Due, now: datetime, limit: int) -> Sequence[Job | UnreadableJob]:
        with answers():
            cursor = self._jobs.find({which: {"$type": "date", "$lte": now}}).sort(which, 1).limit(limit)
            return [_read(document) for document in await cursor.to_list(length=limit)]

    async def uses_input(self, key: str) -> bool:
        """Whether a job that is not deleted refers to this picture of its user's."""
        with answers():
            return await self._jobs.find_one({"inputKeys": key}, {"_id": 1}) is not None


def _read(document: Document) -> Job | UnreadableJob:
    try:
        return from_document(document)
    except (KeyError, TypeError, ValueError):
        return UnreadableJob(str(document["_id"]))
