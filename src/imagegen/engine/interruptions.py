"""The two ways in which a step ends a run before its last step: the job continues later, or it ends now."""

from datetime import timedelta

from imagegen.errors import ImagegenError
from imagegen.jobs import Job


class Postponed(ImagegenError):
    """The job cannot continue now; it is handed back and delivered again after `delay`.

    `is_held`: the job waits for a reason of its own, and not for a server that all jobs need.
    """

    def __init__(self, reason: str, delay: timedelta, *, is_held: bool = False) -> None:
        super().__init__(reason)
        self.delay, self.is_held = delay, is_held


class JobEnds(ImagegenError):
    """The job ends with this transition."""

    def __init__(self, job: Job) -> None:
        super().__init__(job.id)
        self.job = job
