"""Figures about the unfinished jobs of all processes, for operators."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from imagegen.jobs import JobStatus, SubmissionState
from imagegen.storage.errors import mongo_errors
from imagegen.storage.mongodb import Collection

_RUNNING: Final = {"status": JobStatus.RUNNING.value}
_UNKNOWN: Final = {**_RUNNING, "submission.state": SubmissionState.UNKNOWN.value}
_NEEDING_ATTENTION: Final = {**_RUNNING, "attention": {"$ne": None}}


@dataclass(frozen=True, slots=True, kw_only=True)
class JobSnapshot:
    """Figures about unfinished jobs at one moment.

    Attributes:
        oldest_queued_at: when the oldest queued job was accepted; None if no job is queued.
        unknown: running jobs whose submission outcome is unknown.
        needing_attention: running jobs that an operator must look at.
    """

    oldest_queued_at: datetime | None
    unknown: int
    needing_attention: int


class JobStats:
    """Reads the figures, each from an index, so that ended jobs cost nothing."""

    def __init__(self, jobs: Collection) -> None:
        self._jobs = jobs

    async def read(self) -> JobSnapshot:
        """The current figures."""
        queued = {"status": JobStatus.QUEUED.value}
        with mongo_errors():
            oldest = await self._jobs.find_one(queued, {"createdAt": 1}, sort=[("_id", 1)])
            return JobSnapshot(
                oldest_queued_at=oldest["createdAt"] if oldest else None,
                unknown=await self._jobs.count_documents(_UNKNOWN),
                needing_attention=await self._jobs.count_documents(_NEEDING_ATTENTION),
            )
