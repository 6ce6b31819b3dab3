"""Jobs that are held: tried again later, by any process, without a place in this one meanwhile.

What a job is held for is stored once it is, and each try is counted. A hold has a horizon, which ends the job; so do,
before that, the wish to cancel it and its deadline.
"""

import logging
import random
from datetime import datetime, timedelta
from typing import Final, NoReturn

from imagegen.errors import ImagegenError
from imagegen.jobs import Hold, HoldKind, Job, JobError, StopReason, waiting_for
from imagegen.turn import Postponed, Turn
from imagegen.wiring import now

_FIRST_PAUSE: Final = timedelta(seconds=0.5)
_LONGEST_PAUSE: Final = timedelta(seconds=30)
_log = logging.getLogger("imagegen.runner")


class JobEnds(ImagegenError):
    """The job ends with this move."""

    def __init__(self, job: Job) -> None:
        super().__init__(job.id)
        self.job = job


async def hold(turn: Turn, job: Job, *, limits: tuple[datetime | None, ...] = ()) -> NoReturn:
    """Store a job that is held, and hand it back until it is tried again: when a limit is due at the latest.

    The log tells why when that changes, not with each try.

    Raises:
        Postponed: always.
    """
    assert job.hold is not None
    before = turn.job.hold
    if before is None or (before.kind, before.reason) != (job.hold.kind, job.hold.reason):
        _log.warning("job %s waits for %s", job.id, waiting_for(job))
    await turn.save(job)
    raise Postponed(job.hold.reason, pause(job.hold.since, job.deadline, *limits), is_held=True)


def pause(since: datetime, *limits: datetime | None) -> timedelta:
    """The older a hold, the rarer it is tried again; but when a limit is due, then."""
    return until_due(min(max((now() - since) / 4, _FIRST_PAUSE), _LONGEST_PAUSE) * jitter(), *limits)


def until_due(rest: timedelta, *limits: datetime | None) -> timedelta:
    """So long a rest, but only until the first of the limits that is still to come."""
    moment = now()
    return min([rest, *(limit - moment for limit in limits if limit is not None and limit > moment)])


def jitter() -> float:
    """A factor near 1, so that jobs which are held together do not come again together."""
    return random.uniform(0.75, 1.25)  # noqa: S311 - jitter, not a secret


async def end_if_unwanted(turn: Turn, what: str, *, grace: timedelta = timedelta(0)) -> None:
    """End a job of which nothing can be had now and that is not wanted any more.

    Args:
        turn: of the job.
        what: in a clause, what cannot be had and why: "its result could not be read (…)".
        grace: how long the job goes on all the same.

    Raises:
        JobEnds: its caller wants it cancelled, or its deadline has passed.
    """
    if turn.nudge.is_set():
        turn.nudge.clear()
        await turn.look_for_a_wish()
    job, moment = turn.job, now()
    if job.cancel_requested_at is not None and moment >= job.cancel_requested_at + grace:
        _log.info("job %s: cancelled, because %s", job.id, what)
        raise JobEnds(job.cancelled(moment))
    if job.deadline is not None and moment >= job.deadline + grace:
        raise JobEnds(
            job.failed(unpaid(StopReason.DEADLINE_EXCEEDED, f"Its deadlineSeconds passed, and {what}."), moment)
        )


def unpaid(code: str, words: str, *, status: int | None = None, error_type: str | None = None) -> JobError:
    """The error of a job whose request fal has and may bill, and which is not charged."""
    message = f"{words} It was not sent again. fal.ai may have billed it; you are not charged."
    return JobError(code=str(code), message=message, retryable=True, fal_status=status, fal_error_type=error_type)


def next_hold(job: Job, kind: HoldKind, reason: str, *, missing: bool = False) -> Hold:
    """What the job is held for after one more try that failed."""
    return Hold.after(job.hold, kind, reason, now(), missing=missing)
