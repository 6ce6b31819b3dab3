"""How many of each user's jobs this process has queued that no runner has started, as far as it knows.

It saves most jobs a query to MongoDB: a user with few such jobs is not crowded. Above that, MongoDB is asked, which
knows the jobs of all processes. Jobs that are not counted here let a user have a few more in a first lane.
"""

import time
from collections import defaultdict
from datetime import timedelta
from typing import Final

from imagegen.jobs import Job, Priority

_FORGOTTEN_AFTER: Final = timedelta(minutes=1)  # the event that tells of a job's start may get lost


class UserBacklog:
    """The jobs that this process queued within the last minute."""

    def __init__(self) -> None:
        self._queued_at: dict[tuple[str, Priority], dict[str, float]] = defaultdict(dict)
        self._owners: dict[str, tuple[str, Priority]] = {}

    def enqueued(self, job: Job) -> None:
        """Count a job that is being queued."""
        owner = (job.user_id, job.priority)
        self._queued_at[owner][job.id] = time.monotonic()
        self._owners[job.id] = owner

    def started(self, job_id: str) -> None:
        """Stop counting a job: an event about it shows that a runner has started it."""
        owner = self._owners.pop(job_id, None)
        if owner is None:
            return
        self._queued_at[owner].pop(job_id)
        if not self._queued_at[owner]:
            del self._queued_at[owner]

    def count(self, user_id: str, priority: Priority) -> int:
        """How many of the user's jobs of this priority wait."""
        queued_at = self._queued_at.get((user_id, priority), {})
        oldest = time.monotonic() - _FORGOTTEN_AFTER.total_seconds()
        for job_id in [job_id for job_id, moment in queued_at.items() if moment < oldest]:
            self.started(job_id)
        return len(queued_at)
