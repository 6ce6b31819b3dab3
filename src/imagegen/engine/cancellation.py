"""When a request is cancelled at fal, by a time limit of its job or by its caller, and asking fal to cancel it.

That does not end the job: fal's response decides. A request that fal completes all the same is stored and charged.
"""

import logging
from collections.abc import Sequence
from datetime import datetime
from typing import Final

from imagegen.clock import now
from imagegen.engine.holds import uncharged_error
from imagegen.engine.leased_job import LeasedJob
from imagegen.errors import ProviderUnavailable, ResultUnavailable
from imagegen.fal import CancelResult, FalClient
from imagegen.jobs import Job, ProviderRequest, StopReason
from imagegen.settings import ServiceSettings

STOP_REASONS: Final = {
    StopReason.JOB_TIMEOUT: "fal.ai worked on it for longer than IMAGEGEN_JOB_TIMEOUT",
    StopReason.QUEUE_TIMEOUT: "it waited in fal.ai's queue for longer than IMAGEGEN_QUEUE_TIMEOUT",
    StopReason.DEADLINE_EXCEEDED: "its deadlineSeconds passed",
    StopReason.STATUS_UNREADABLE: "its status could not be read for longer than FAL_STATUS_HORIZON",
    StopReason.CANCELLED: "its caller cancelled it",
}
_log = logging.getLogger("imagegen.runner")


async def stop_if_due(leased: LeasedJob, settings: ServiceSettings, *, is_in_queue: bool = False) -> None:
    """Store the decision to have fal cancel the request, if there is a reason to and it is not stored yet."""
    reason = _reason_to_stop(leased.job, limits_of(leased.job, settings, is_in_queue=is_in_queue))
    if leased.job.stop is None and reason is not None:
        await stop(leased, reason)


async def stop(leased: LeasedJob, reason: StopReason) -> None:
    """Store the decision to have fal cancel the request."""
    _log.info("job %s: cancelling at fal.ai, because %s", leased.job.id, STOP_REASONS[reason])
    await leased.save(leased.job.stopping(reason, now()))


async def ask_to_cancel(job: Job, request: ProviderRequest, fal: FalClient) -> CancelResult | None:
    """Ask fal to cancel the request; None if fal could not be asked."""
    try:
        return await fal.cancel(request)
    except (ProviderUnavailable, ResultUnavailable) as error:
        _log.warning("job %s: fal.ai could not be asked to cancel: %s; trying again", job.id, error)
        return None


def end_unconfirmed(job: Job, words: str) -> Job:
    """The end of a job whose request fal was asked to cancel, if the outcome cannot be known."""
    assert job.stop is not None
    code = "status_unreadable" if job.stop.reason is StopReason.STATUS_UNREADABLE else "cancel_unconfirmed"
    asked = f"fal.ai was asked to cancel the request because {STOP_REASONS[job.stop.reason]}"
    return job.failed(uncharged_error(code, f"{asked}, {words}"), now())


def limits_of(job: Job, settings: ServiceSettings, *, is_in_queue: bool) -> list[tuple[datetime, StopReason]]:
    """When fal is to be asked to cancel, and why."""
    limits: list[tuple[datetime, StopReason]] = []
    if job.deadline is not None:
        limits.append((job.deadline, StopReason.DEADLINE_EXCEEDED))
    if job.generating_at is not None:
        limits.append((job.generating_at + settings.job_timeout, StopReason.JOB_TIMEOUT))
    elif is_in_queue and job.submission.intended_at is not None:
        limits.append((job.submission.intended_at + settings.queue_timeout, StopReason.QUEUE_TIMEOUT))
    return limits


def _reason_to_stop(job: Job, limits: Sequence[tuple[datetime, StopReason]]) -> StopReason | None:
    if job.cancel_requested_at is not None:
        return StopReason.CANCELLED
    moment = now()
    passed = [(limit, reason) for limit, reason in limits if limit <= moment]
    return min(passed)[1] if passed else None
