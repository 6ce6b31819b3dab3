"""How many of each user's jobs this process has queued that nobody has begun with yet, as far as it has heard.

It spares most jobs a question to MongoDB: a user with few of them is not crowded. With many, MongoDB is asked, which
knows of all processes. What is not known here lets a user have a few jobs more in a first lane.
"""

import time
from collections import defaultdict
from datetime import timedelta
from typing import Final

from imagegen.jobs import Job, Priority

_FORGOTTEN_AFTER: Final = timedelta(minutes=1)  # announcements may get lost


class Newcomers:
    """The jobs that this process has queued a moment ago."""

    def __init__(self) -> None:
        self._queued_at: dict[tuple[str, Priority], dict[str, float]] = defaultdict(dict)
        self._whose: dict[str, tuple[str, Priority]] = {}

    def came(self, job: Job) -> None:
        """The job was queued."""
        whose = (job.user_id, job.priority)
        self._queued_at[whose][job.id] = time.monotonic()
        self._whose[job.id] = whose

    def went(self, job_id: str) -> None:
        """Something was announced of the job: somebody has begun with it."""
        whose = self._whose.pop(job_id, None)
        if whose is None:
            return
        self._queued_at[whose].pop(job_id)
        if not self._queued_at[whose]:
            del self._queued_at[whose]

    def count(self, user_id: str, priority: Priority) -> int:
        """How many of the user's jobs of this priority wait."""
        queued_at = self._queued_at.get((user_id, priority), {})
        long_ago = time.monotonic() - _FORGOTTEN_AFTER.total_seconds()
        for job_id in [job_id for job_id, moment in queued_at.items() if moment < long_ago]:
            self.went(job_id)
        return len(queued_at)
