"""Requests at fal whose status or whose result cannot be read: asked again, up to a horizon, and then ended truthfully.

After COMPLETED an answer to the result read is the request's end, unless something shows that it may be another's: a
gateway's, or the account's trouble. Then the job is held without a slot at fal. A request whose status cannot be read
may be open at fal: it keeps its slot, is cancelled there at its horizon, and then ends within another.
"""

from datetime import datetime
from typing import Final

from imagegen.errors import (
    HistoryUnavailable,
    ProviderAnswer,
    ProviderError,
    ProviderRejected,
    RequestForgotten,
    ResultUnavailable,
)
from imagegen.fal import Cancelled
from imagegen.holds import JobEnds, end_if_unwanted, hold, next_hold, unpaid
from imagegen.jobs import Hold, HoldKind, Job, ProviderRequest, ProviderResult, StopReason
from imagegen.stopping import ask_to_cancel, stop, stop_if_due, unconfirmed
from imagegen.turn import Turn
from imagegen.wiring import now

_NOT_FOUND: Final = 404
# So many reads that fail are no passing moment's: of the result of a request that failed by its status, or that is not
# wanted any more.
_SURE_AFTER: Final = 3


async def read_result(turn: Turn, request: ProviderRequest, failure: ProviderAnswer | None) -> ProviderResult:
    """Read a completed request's result once.

    Args:
        turn: of its job.
        request: at fal.
        failure: what fal's status said of it, where this turn has read that.

    Raises:
        ProviderError: how the request ended.
        JobEnds: its end cannot be read, and the job ends all the same.
        Postponed: it cannot be read now; the job is held.
    """
    is_first = turn.job.submission.ended_at is None
    try:
        return await turn.services.fal.result(request, turn.job.sent, first=is_first)
    except ResultUnavailable as error:
        held = next_hold(turn.job, HoldKind.RESULT, str(error), missing=error.answer.status == _NOT_FOUND)
        job = _ended(turn.job, held, failure) if is_first else turn.job.held(held)
        _end_if_certain(turn, job, error)
        what = f"fal.ai had completed its request, whose result could not be read ({held.reason})"
        if held.attempts >= _SURE_AFTER:
            await end_if_unwanted(turn, what)
        _end_at_the_horizon(turn, job, error)
        return await hold(turn, job, limits=_limits(turn, job))


def _ended(job: Job, held: Hold, failure: ProviderAnswer | None) -> Job:
    return job.ended_at_fal(held, now(), failure.message if failure else None, failure.error_type if failure else None)


def _end_if_certain(turn: Turn, job: Job, error: ResultUnavailable) -> None:
    """Raise the request's own end, where what was answered until now leaves no doubt of it."""
    held, patience, moment = job.hold, turn.services.fal.patience, now()
    assert held is not None
    if job.submission.failure is not None and held.attempts >= _SURE_AFTER:
        raise _as_the_status_said(job, error)
    if error.end is None:
        return
    is_expired = held.missing_since is not None and moment - held.missing_since >= patience.result
    if is_expired or (held.same >= patience.same and moment - held.same_since >= patience.same_for):
        raise error.end


def _as_the_status_said(job: Job, error: ResultUnavailable) -> ProviderError:
    """The end of a request that failed by its status, in the words of its result if it may be the request's."""
    if error.end is not None and error.answer.status != _NOT_FOUND:
        return error.end
    said = ProviderAnswer(message=job.submission.failure or "", error_type=job.submission.failure_type)
    return ProviderRejected(said)


def _end_at_the_horizon(turn: Turn, job: Job, error: ResultUnavailable) -> None:
    moment, settings, held = now(), turn.services.settings, job.hold
    assert held is not None
    timeout, horizon = _limits(turn, job)
    what = f"fal.ai completed it, and its result could not be read since {held.since:%Y-%m-%dT%H:%M:%SZ}: {error}"
    if moment >= timeout:
        words = f"The request took longer than IMAGEGEN_JOB_TIMEOUT ({settings.service.job_timeout}): {what}"
        raise JobEnds(turn.job.failed(unpaid(StopReason.JOB_TIMEOUT, words), moment))
    if moment >= horizon:
        words = f"FAL_RESULT_HORIZON ({settings.fal.result_horizon}) has passed: {what}"
        answer = error.answer
        fault = unpaid("result_unreadable", words, status=answer.status, error_type=answer.error_type)
        raise JobEnds(turn.job.failed(fault, moment))


def _limits(turn: Turn, job: Job) -> tuple[datetime, datetime]:
    """When a job whose result cannot be read ends: by its limit of time, and by the horizon."""
    settings, submission = turn.services.settings, job.submission
    assert submission.ended_at is not None
    began = job.generating_at or submission.intended_at or submission.ended_at
    return began + settings.service.job_timeout, submission.ended_at + settings.fal.result_horizon


async def after_unreadable_status(turn: Turn, request: ProviderRequest, error: ResultUnavailable) -> ProviderResult:
    """Go on with a request whose status cannot be read; its result, where that can be read all the same.

    Raises:
        ProviderError: how the request ended.
        JobEnds: nothing could be learned of it for too long.
        Postponed: the job is held.
    """
    held = next_hold(turn.job, HoldKind.STATUS, str(error), missing=error.answer.status == _NOT_FOUND)
    await stop_if_due(turn)
    if _is_forgotten(turn, held, error) and (result := await _if_not_lost(turn, request)) is not None:
        return result
    if turn.job.stop is None and now() - held.since >= turn.services.settings.fal.status_horizon:
        await stop(turn, StopReason.STATUS_UNREADABLE)
    if turn.job.stop is not None:
        cancelled = await ask_to_cancel(turn, request)
        if cancelled is Cancelled.TOO_LATE:
            return await read_result(turn, request, None)
        if cancelled is Cancelled.DONE:
            raise ProviderRejected(_CANCELLED)
        if now() >= _last_moment(turn):
            return await _last_look(turn, request, held)
    return await hold(turn, turn.job.held(held), limits=_status_limits(turn, held))


def _is_forgotten(turn: Turn, held: Hold, error: ResultUnavailable) -> bool:
    """Whether fal has said for long, in this turn or over several, that it knows no such request."""
    settings, patience = turn.services.settings, turn.services.fal.patience
    if isinstance(error, RequestForgotten):
        return True
    longest = min(patience.forgotten, settings.fal.status_horizon)
    return held.missing_since is not None and now() - held.missing_since >= longest


def _last_moment(turn: Turn) -> datetime:
    """When a job ends whose request fal was asked to cancel, while its status cannot be read."""
    settings, stopped = turn.services.settings, turn.job.stop
    assert stopped is not None
    return stopped.at + min(settings.fal.status_horizon, settings.service.unknown_horizon)


def _status_limits(turn: Turn, held: Hold) -> tuple[datetime | None, ...]:
    if turn.job.stop is not None:
        return (_last_moment(turn),)
    settings, began = turn.services.settings, turn.job.generating_at
    return held.since + settings.fal.status_horizon, began + settings.service.job_timeout if began else None


async def _last_look(turn: Turn, request: ProviderRequest, held: Hold) -> ProviderResult:
    """Read the result although no status says that there is one, before the job ends without."""
    try:
        return await turn.services.fal.result(request, turn.job.sent)
    except ResultUnavailable:
        words = f"and neither its status nor its result can be read ({held.reason})."
        raise JobEnds(unconfirmed(turn.job, words)) from None


async def _if_not_lost(turn: Turn, request: ProviderRequest) -> ProviderResult | None:
    """The result of a request of which fal says that it knows no such; None if fal knows something else of it.

    Raises:
        JobEnds: fal has lost it.
    """
    try:
        return await turn.services.fal.result(request, turn.job.sent)
    except ResultUnavailable as error:
        if error.answer.status != _NOT_FOUND or await _is_listed(turn, request):
            return None
    words = f"fal.ai accepted this request as {request.request_id}, and has since known neither its status nor its "
    raise JobEnds(turn.job.failed(unpaid("result_lost", f"{words}result."), now()))


async def _is_listed(turn: Turn, request: ProviderRequest) -> bool:
    """Whether fal's history still has the request."""
    job, since = turn.job, turn.job.submission.intended_at
    assert since is not None
    try:
        listed = await turn.services.fal.history(job.endpoint, job.sent, since)
    except HistoryUnavailable:
        return False
    return request.request_id in {found.request_id for found in listed}


_CANCELLED: Final = ProviderAnswer(
    message="fal.ai took the request from its queue.", status=499, error_type="client_cancelled"
)
