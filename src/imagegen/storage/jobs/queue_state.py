"""What the queue needs from the jobs: idle jobs that may lack a message, and the number of a user's queued jobs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from imagegen.jobs import JobStatus, Priority, SubmissionState
from imagegen.storage.errors import mongo_errors
from imagegen.storage.expressions import from_now
from imagegen.storage.jobs.documents import Document
from imagegen.storage.jobs.leases import LEASE_EXPIRED, UNFINISHED
from imagegen.storage.mongodb import Collection

_FIELDS: Final = {
    "userId": 1,
    "priority": 1,
    "generation": 1,
    "submission.state": 1,
    "uncounted": {"$eq": ["$submission.counted", False]},
    "held": {"$or": [{"$ne": [{"$ifNull": ["$hold", None]}, None]}, {"$gt": ["$transfer.attempts", 0]}]},
    "resolved": {"$ne": [{"$ifNull": ["$result", None]}, None]},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class QueuedJob:
    """An unfinished job without a live lease, as reconciliation needs it.

    Attributes:
        id: the job's.
        user_id: whose job it is.
        priority: its lane's.
        generation: how often it was published.
        was_sent: whether fal has its request, or may have it.
        is_open_at_fal: the same, and it holds a slot there.
        is_held: whether an earlier attempt has failed.
    """

    id: str
    user_id: str
    priority: Priority
    generation: int
    was_sent: bool
    is_open_at_fal: bool
    is_held: bool = False


class QueueState:
    """Queries for reconciliation and for publishing a job. `collection` is that of the jobs."""

    def __init__(self, collection: Collection) -> None:
        self._jobs = collection

    async def has_more_queued(self, user_id: str, priority: Priority, most: int) -> bool:
        """Whether more than `most` of the user's jobs of this priority are queued."""
        # A document of an older version has no priority, which means normal.
        same = {"priority": priority.value if priority is Priority.LOW else {"$ne": Priority.LOW.value}}
        with mongo_errors():
            return await self._jobs.count_documents({**same, **_queued_of(user_id)}, limit=most + 1) > most

    async def find_idle(self, untouched_for: timedelta) -> Sequence[QueuedJob]:
        """The unfinished jobs whose lease ended, or that were created, at least `untouched_for` ago."""
        last_touched = {"$max": ["$lease.until", "$createdAt"]}
        idle = {**UNFINISHED, "$expr": {"$lt": [last_touched, from_now(-untouched_for)]}}
        with mongo_errors():
            found = [document async for document in self._jobs.find(idle, _FIELDS)]
        return [job for document in found if (job := _readable(document)) is not None]

    async def bump_generation(self, job_id: str, generation: int) -> int | None:
        """Count one more publishing of an unfinished job without a live lease.

        This touches the job, so that no other process finds it idle before it is published.

        Returns:
            The new generation; None if another process was faster, or the job no longer needs a message.
        """
        unheld = {"_id": job_id, "generation": generation, **UNFINISHED, **LEASE_EXPIRED}
        touched = {"generation": generation + 1, "lease.until": "$$NOW"}
        with mongo_errors():
            outcome = await self._jobs.update_one(unheld, [{"$set": touched}])
        return generation + 1 if outcome.matched_count else None


def _queued_of(user_id: str) -> Document:
    return {"userId": user_id, "status": JobStatus.QUEUED.value}


def _readable(found: Mapping[str, Any]) -> QueuedJob | None:
    """The job; None if it cannot be read, such as one of a newer version, so that the others are still queued."""
    try:
        return _queued_job(found)
    except (KeyError, TypeError, ValueError):
        return None


def _queued_job(found: Mapping[str, Any]) -> QueuedJob:
    was_sent = found["submission"]["state"] != SubmissionState.NONE.value
    return QueuedJob(
        id=found["_id"],
        user_id=found["userId"],
        priority=Priority(found.get("priority", Priority.NORMAL.value)),
        generation=found["generation"],
        was_sent=was_sent,
        is_open_at_fal=was_sent and not found["resolved"] and not found["uncounted"],
        is_held=found["held"],
    )
