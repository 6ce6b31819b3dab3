"""When a request is cancelled at fal, and asking for it: by its job's limits of time, or by its caller's wish.

That does not end the job: what fal then says is what holds. A request that fal completes all the same is stored and
charged.
"""

import logging
from collections.abc import Sequence
from datetime import datetime
from typing import Final

from imagegen.errors import ProviderUnavailable, ResultUnavailable
from imagegen.fal import Cancelled
from imagegen.holds import unpaid
from imagegen.jobs import Job, ProviderRequest, StopReason
from imagegen.settings import ServiceSettings
from imagegen.turn import Turn
from imagegen.wiring import now

WHY: Final = {
    StopReason.JOB_TIMEOUT: "fal.ai worked on it for longer than IMAGEGEN_JOB_TIMEOUT",
    StopReason.QUEUE_TIMEOUT: "it waited in fal.ai's queue for longer than IMAGEGEN_QUEUE_TIMEOUT",
    StopReason.DEADLINE_EXCEEDED: "its deadlineSeconds passed",
    StopReason.STATUS_UNREADABLE: "its status could not be read for longer than FAL_STATUS_HORIZON",
    StopReason.CANCELLED: "its caller wanted that",
}
_log = logging.getLogger("imagegen.runner")


async def stop_if_due(turn: Turn, *, is_in_queue: bool = False) -> None:
    """Store the decision to have fal cancel the request, if there is a reason to and it is not stored yet."""
    limits = limits_of(turn.job, turn.services.settings.service, is_in_queue=is_in_queue)
    reason = _reason_to_stop(turn.job, limits)
    if turn.job.stop is None and reason is not None:
        await stop(turn, reason)


async def stop(turn: Turn, reason: StopReason) -> None:
    """Store the decision to have fal cancel the request."""
    _log.info("job %s: cancelling at fal.ai, because %s", turn.job.id, WHY[reason])
    await turn.save(turn.job.stopping(reason, now()))


async def ask_to_cancel(turn: Turn, request: ProviderRequest) -> Cancelled | None:
    """Ask fal to cancel the request; None if it could not be asked."""
    try:
        return await turn.services.fal.cancel(request)
    except (ProviderUnavailable, ResultUnavailable) as error:
        _log.warning("job %s: fal.ai could not be asked to cancel: %s; trying again", turn.job.id, error)
        return None


def unconfirmed(job: Job, words: str) -> Job:
    """The end of a job whose request fal was asked to cancel, if what became of it cannot be known."""
    assert job.stop is not None
    code = "status_unreadable" if job.stop.reason is StopReason.STATUS_UNREADABLE else "cancel_unconfirmed"
    asked = f"fal.ai was asked to cancel the request because {WHY[job.stop.reason]}"
    return job.failed(unpaid(code, f"{asked}, {words}"), now())


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
