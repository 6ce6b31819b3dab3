"""Requests at fal whose status cannot be read.

Such a request may be open at fal: it keeps its slot, is cancelled there at a horizon, and ends within another one. One
of which fal reports for long that it does not exist is looked for by its result and in fal's history first.
"""

from datetime import datetime
from typing import Final

from imagegen.clock import now
from imagegen.engine.cancellation import ask_to_cancel, end_unconfirmed, stop, stop_if_due
from imagegen.engine.holds import hold, next_hold, uncharged_error
from imagegen.engine.interruptions import JobEnds
from imagegen.engine.leased_job import LeasedJob
from imagegen.engine.unreadable_result import read_result
from imagegen.errors import HistoryUnavailable, ProviderAnswer, ProviderRejected, RequestForgotten, ResultUnavailable
from imagegen.fal import CancelResult, FalClient
from imagegen.jobs import Hold, HoldKind, Job, ProviderRequest, ProviderResult, StopReason
from imagegen.settings import Settings

_NOT_FOUND: Final = 404
_CANCELLED: Final = ProviderAnswer(
    message="fal.ai took the request from its queue.", status=499, error_type="client_cancelled"
)


async def handle_unreadable_status(
    leased: LeasedJob, request: ProviderRequest, error: ResultUnavailable, fal: FalClient, settings: Settings
) -> ProviderResult:
    """Continue with a request whose status cannot be read; its result, if that can be read all the same.

    Raises:
        ProviderError: how the request ended.
        JobEnds: its outcome could not be learned for too long.
        Postponed: the job is held.
    """
    held = next_hold(leased.job, HoldKind.STATUS, str(error), missing=error.answer.status == _NOT_FOUND)
    await stop_if_due(leased, settings.service)
    if _is_forgotten(held, error, fal, settings):
        result = await _read_unless_lost(leased.job, request, fal)
        if result is not None:
            return result
    if leased.job.stop is None and now() - held.since >= settings.fal.status_horizon:
        await stop(leased, StopReason.STATUS_UNREADABLE)
    if leased.job.stop is not None:
        cancelled = await ask_to_cancel(leased.job, request, fal)
        if cancelled is CancelResult.ALREADY_COMPLETED:
            return await read_result(leased, request, None, fal, settings)
        if cancelled is CancelResult.CANCELLED:
            raise ProviderRejected(_CANCELLED)
        if now() >= _end_of_stop(leased.job, settings):
            words = f"and neither its status nor its result can be read ({held.reason})."
            return await final_read(leased.job, request, fal, words)
    return await hold(leased, leased.job.held(held), limits=_limits(leased.job, held, settings))


async def final_read(job: Job, request: ProviderRequest, fal: FalClient, words: str) -> ProviderResult:
    """Read the result although no status reports one, before the job ends without it.

    Args:
        job: whose request fal was asked to cancel.
        request: at fal.
        fal: the client.
        words: the end of the error's first sentence, if there is no result.

    Raises:
        ProviderError: how the request ended.
        JobEnds: the outcome cannot be known.
    """
    try:
        return await fal.result(request, job.sent_payload, endpoint=job.endpoint)
    except ResultUnavailable:
        raise JobEnds(end_unconfirmed(job, words)) from None


def _is_forgotten(held: Hold, error: ResultUnavailable, fal: FalClient, settings: Settings) -> bool:
    """Whether fal has reported for long, in this run or over several, that the request does not exist."""
    if isinstance(error, RequestForgotten):
        return True
    longest = min(fal.timeouts.status_missing, settings.fal.status_horizon)
    return held.missing_since is not None and now() - held.missing_since >= longest


def _end_of_stop(job: Job, settings: Settings) -> datetime:
    """When a job ends whose request fal was asked to cancel, while its status cannot be read."""
    assert job.stop is not None
    return job.stop.at + min(settings.fal.status_horizon, settings.service.unknown_horizon)


def _limits(job: Job, held: Hold, settings: Settings) -> tuple[datetime | None, ...]:
    if job.stop is not None:
        return (_end_of_stop(job, settings),)
    began = job.generating_at
    return held.since + settings.fal.status_horizon, began + settings.service.job_timeout if began else None


async def _read_unless_lost(job: Job, request: ProviderRequest, fal: FalClient) -> ProviderResult | None:
    """The result of a request that does not exist by its status; None if fal reports something else of it.

    Raises:
        JobEnds: fal has lost it.
    """
    try:
        return await fal.result(request, job.sent_payload, endpoint=job.endpoint)
    except ResultUnavailable as error:
        if error.answer.status != _NOT_FOUND or await _is_listed(job, request, fal):
            return None
    words = f"fal.ai accepted this request as {request.request_id}, and has since known neither its status nor its "
    raise JobEnds(job.failed(uncharged_error("result_lost", f"{words}result."), now()))


async def _is_listed(job: Job, request: ProviderRequest, fal: FalClient) -> bool:
    """Whether fal's history still lists the request."""
    since = job.submission.intended_at
    assert since is not None
    try:
        listed = await fal.find_in_history(job.endpoint, job.sent_payload, since)
    except HistoryUnavailable:
        return False
    return request.request_id in {found.request_id for found in listed}
