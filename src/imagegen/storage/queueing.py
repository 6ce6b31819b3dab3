"""What the queue has to know of the jobs: which ones wait without a message, and how crowded it is for a user."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from imagegen.jobs import JobStatus, Priority, SubmissionState
from imagegen.storage.answers import answers
from imagegen.storage.job_documents import Document
from imagegen.storage.leases import NO_LIVE_LEASE, WANTS_A_RUNNER
from imagegen.storage.mongodb import Collection, milliseconds

_WAITING_FIELDS: Final = {
    "userId": 1,
    "priority": 1,
    "generation": 1,
    "submission.state": 1,
    "uncounted": {"$eq": ["$submission.counted", False]},
    "held": {"$or": [{"$ne": [{"$ifNull": ["$hold", None]}, None]}, {"$gt": ["$transfer.attempts", 0]}]},
    "resolved": {"$ne": [{"$ifNull": ["$result", None]}, None]},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """What the audit has to know of an unfinished job that nobody holds.

    Attributes:
        was_sent: fal has its request, or may have it.
        is_open_at_fal: the same, and it holds a slot there.
        is_held: an earlier try has failed.
    """

    id: str
    user_id: str
    priority: Priority
    generation: int
    was_sent: bool
    is_open_at_fal: bool
    is_held: bool = False


class Queueing:
    """The questions of the audit, and of whoever publishes a job. `collection` is that of the jobs."""

    def __init__(self, collection: Collection) -> None:
        self._jobs = collection

    async def is_crowded(self, user_id: str, priority: Priority, most: int) -> bool:
        """Whether more than `most` of the user's jobs of this priority wait for their first runner."""
        # A document of an older version has no priority, which reads as normal.
        same = {"priority": priority.value if priority is Priority.LOW else {"$ne": Priority.LOW.value}}
        with answers():
            return await self._jobs.count_documents({**same, **_queued_of(user_id)}, limit=most + 1) > most

    async def waiting(self, untouched_for: timedelta) -> Sequence[Waiting]:
        """The unfinished jobs that nobody has held for a while: the audit's question."""
        long_ago = {"$subtract": ["$$NOW", milliseconds(untouched_for)]}
        idle = {
            **WANTS_A_RUNNER,
            "$expr": {"$lt": [{"$max": ["$lease.until", "$createdAt"]}, long_ago]},
        }
        with answers():
            found = [document async for document in self._jobs.find(idle, _WAITING_FIELDS)]
        return [job for document in found if (job := _readable(document)) is not None]

    async def next_generation(self, job_id: str, generation: int) -> int | None:
        """Count one more publishing of an unfinished job that nobody holds.

        Counts as touching the job, so that no other audit finds it `waiting` before it is published.

        Returns:
            The new generation; None if somebody was faster, or there is no need any more.
        """
        unheld = {"_id": job_id, "generation": generation, **WANTS_A_RUNNER, **NO_LIVE_LEASE}
        touched = {"generation": generation + 1, "lease.until": "$$NOW"}
        with answers():
            outcome = await self._jobs.update_one(unheld, [{"$set": touched}])
        return generation + 1 if outcome.matched_count else None


def _queued_of(user_id: str) -> Document:
    return {"userId": user_id, "status": JobStatus.QUEUED.value}


def _readable(found: Mapping[str, Any]) -> Waiting | None:
    """One job that cannot be read, such as one of a newer version, must not keep the others from being queued."""
    try:
        return _waiting(found)
    except (KeyError, TypeError, ValueError):
        return None


def _waiting(found: Mapping[str, Any]) -> Waiting:
    was_sent = found["submission"]["state"] != SubmissionState.NONE.value
    return Waiting(
        id=found["_id"],
        user_id=found["userId"],
        priority=Priority(found.get("priority", Priority.NORMAL.value)),
        generation=found["generation"],
        was_sent=was_sent,
        is_open_at_fal=was_sent and not found["resolved"] and not found["uncounted"],
        is_held=found["held"],
    )
