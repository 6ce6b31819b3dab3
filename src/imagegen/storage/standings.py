"""How the unfinished jobs of all processes stand: what an operator watches."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from imagegen.jobs import JobStatus, SubmissionState
from imagegen.storage.answers import answers
from imagegen.storage.mongodb import Collection

_RUNNING: Final = {"status": JobStatus.RUNNING.value}
_UNKNOWN: Final = {**_RUNNING, "submission.state": SubmissionState.UNKNOWN.value}
_NEEDING_ATTENTION: Final = {**_RUNNING, "attention": {"$ne": None}}


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Figures of one moment.

    Attributes:
        oldest_queued_at: when the oldest job was accepted that no runner has taken yet; None where there is none.
        unknown: running jobs of which nobody knows whether fal has them.
        needing_attention: running jobs that need a person.
    """

    oldest_queued_at: datetime | None
    unknown: int
    needing_attention: int


class Standings:
    """Reads the figures, each over an index: what has ended costs nothing."""

    def __init__(self, jobs: Collection) -> None:
        self._jobs = jobs

    async def read(self) -> Standing:
        """The figures of now."""
        queued = {"status": JobStatus.QUEUED.value}
        with answers():
            oldest = await self._jobs.find_one(queued, {"createdAt": 1}, sort=[("_id", 1)])
            return Standing(
                oldest_queued_at=oldest["createdAt"] if oldest else None,
                unknown=await self._jobs.count_documents(_UNKNOWN),
                needing_attention=await self._jobs.count_documents(_NEEDING_ATTENTION),
            )
