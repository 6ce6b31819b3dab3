"""Held jobs: tried again later, by any process, without a work slot meanwhile.

The reason of a hold is stored, and each try is counted. A hold has a horizon, at which the job ends; a request to
cancel the job or its deadline ends it before that.
"""

import logging
from datetime import datetime, timedelta
from typing import Final, NoReturn

from imagegen.clock import jitter, now
from imagegen.engine.interruptions import JobEnds, Postponed
from imagegen.engine.leased_job import LeasedJob
from imagegen.jobs import Hold, HoldKind, Job, JobError, StopReason, waiting_for

_FIRST_PAUSE: Final = timedelta(seconds=0.5)
_LONGEST_PAUSE: Final = timedelta(seconds=30)
_log = logging.getLogger("imagegen.runner")


async def hold(leased: LeasedJob, job: Job, *, limits: tuple[datetime | None, ...] = ()) -> NoReturn:
    """Store a held job, and hand it back until its next try, which comes no later than the next limit.

    The reason is logged when it changes, not with each try.

    Raises:
        Postponed: always.
    """
    assert job.hold is not None
    before = leased.job.hold
    if before is None or (before.kind, before.reason) != (job.hold.kind, job.hold.reason):
        _log.warning("job %s waits for %s", job.id, waiting_for(job))
    await leased.save(job)
    raise Postponed(job.hold.reason, pause(job.hold.since, job.deadline, *limits), is_held=True)


def pause(since: datetime, *limits: datetime | None) -> timedelta:
    """The pause before the next try: a quarter of the hold's age, from 0.5 s to 30 s; less if a limit comes first."""
    return until_due(min(max((now() - since) / 4, _FIRST_PAUSE), _LONGEST_PAUSE) * jitter(), *limits)


def until_due(pause: timedelta, *limits: datetime | None) -> timedelta:
    """This pause, or the time until the first of the limits that is still to come."""
    moment = now()
    return min([pause, *(limit - moment for limit in limits if limit is not None and limit > moment)])


async def end_if_unwanted(leased: LeasedJob, what: str, *, grace: timedelta = timedelta(0)) -> None:
    """End a job that cannot continue now and that its caller no longer wants.

    Args:
        leased: the job.
        what: a clause that says what is not available and why: "its result could not be read (…)".
        grace: how long the job continues all the same.

    Raises:
        JobEnds: its caller cancels it, or its deadline has passed.
    """
    if leased.wake.is_set():
        leased.wake.clear()
        await leased.refresh_cancel_request()
    job, moment = leased.job, now()
    if job.cancel_requested_at is not None and moment >= job.cancel_requested_at + grace:
        _log.info("job %s: cancelled, because %s", job.id, what)
        raise JobEnds(job.cancelled(moment))
    if job.deadline is not None and moment >= job.deadline + grace:
        error = uncharged_error(StopReason.DEADLINE_EXCEEDED, f"Its deadlineSeconds passed, and {what}.")
        raise JobEnds(job.failed(error, moment))


def deadline_error(job: Job) -> JobError | None:
    """Why a job that was not sent yet need not be sent any more; None before its deadline."""
    if job.deadline is None or now() < job.deadline:
        return None
    message = "Its deadlineSeconds passed before it was sent to fal.ai. Nothing was sent and you are not charged."
    return JobError(code=StopReason.DEADLINE_EXCEEDED.value, message=message, retryable=True)


def uncharged_error(code: str, words: str, *, status: int | None = None, error_type: str | None = None) -> JobError:
    """The error of a job whose request fal has and may bill, and which is not charged."""
    message = f"{words} It was not sent again. fal.ai may have billed it; you are not charged."
    return JobError(code=str(code), message=message, retryable=True, fal_status=status, fal_error_type=error_type)


def next_hold(job: Job, kind: HoldKind, reason: str, *, missing: bool = False) -> Hold:
    """The hold of a job after one more try that failed."""
    return Hold.after(job.hold, kind, reason, now(), missing=missing)
