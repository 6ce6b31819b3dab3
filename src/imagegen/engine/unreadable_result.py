"""Reading the result of a completed request, and what follows if it cannot be read.

After COMPLETED, the response to the result read is the request's end, unless it may be another's: a gateway's, or the
account's trouble. Then the job is held without a slot at fal, and the result is read again up to a horizon.
"""

from datetime import datetime
from typing import Final

from imagegen.clock import now
from imagegen.engine.holds import end_if_unwanted, hold, next_hold, uncharged_error
from imagegen.engine.interruptions import JobEnds
from imagegen.engine.leased_job import LeasedJob
from imagegen.errors import ProviderAnswer, ProviderError, ProviderRejected, ResultUnavailable
from imagegen.fal import FalClient, FalTimeouts
from imagegen.jobs import Hold, HoldKind, Job, ProviderRequest, ProviderResult, StopReason
from imagegen.settings import Settings

_NOT_FOUND: Final = 404
# After so many failed reads, a request that failed by its status, or that is no longer wanted, is not read again.
_MAX_READS_OF_UNWANTED: Final = 3


async def read_result(
    leased: LeasedJob,
    request: ProviderRequest,
    failure: ProviderAnswer | None,
    fal: FalClient,
    settings: Settings,
) -> ProviderResult:
    """Read a completed request's result once.

    Args:
        leased: its job.
        request: at fal.
        failure: the failure that fal's status reported in this run, if any.
        fal: the client.
        settings: the horizon and the time limit.

    Raises:
        ProviderError: how the request ended.
        JobEnds: its end cannot be read, and the job ends all the same.
        Postponed: it cannot be read now; the job is held.
    """
    is_first = leased.job.submission.ended_at is None
    try:
        return await fal.result(request, leased.job.sent_payload, endpoint=leased.job.endpoint, is_first=is_first)
    except ResultUnavailable as error:
        held = next_hold(leased.job, HoldKind.RESULT, str(error), missing=error.answer.status == _NOT_FOUND)
        job = _ended(leased.job, held, failure) if is_first else leased.job.held(held)
        _raise_if_final(job, held, error, fal.timeouts)
        if held.attempts >= _MAX_READS_OF_UNWANTED:
            what = f"fal.ai had completed its request, whose result could not be read ({held.reason})"
            await end_if_unwanted(leased, what)
        limits = _limits(job, settings)
        _end_past_limits(leased.job, held, error, limits, settings)
        return await hold(leased, job, limits=limits)


def _ended(job: Job, held: Hold, failure: ProviderAnswer | None) -> Job:
    return job.ended_at_fal(held, now(), failure.message if failure else None, failure.error_type if failure else None)


def _raise_if_final(job: Job, held: Hold, error: ResultUnavailable, timeouts: FalTimeouts) -> None:
    """Raise the request's own end, if the responses so far leave no doubt of it."""
    moment = now()
    if job.submission.failure is not None and held.attempts >= _MAX_READS_OF_UNWANTED:
        raise _failure_from_status(job, error)
    if error.end is None:
        return
    is_expired = held.missing_since is not None and moment - held.missing_since >= timeouts.result_missing
    is_stable = held.same >= timeouts.min_repeats and moment - held.same_since >= timeouts.min_repeat_time
    if is_expired or is_stable:
        raise error.end


def _failure_from_status(job: Job, error: ResultUnavailable) -> ProviderError:
    """The end of a request that failed by its status, in the words of its result if that may be the request's own."""
    if error.end is not None and error.answer.status != _NOT_FOUND:
        return error.end
    reported = ProviderAnswer(message=job.submission.failure or "", error_type=job.submission.failure_type)
    return ProviderRejected(reported)


def _end_past_limits(
    job: Job, held: Hold, error: ResultUnavailable, limits: tuple[datetime, datetime], settings: Settings
) -> None:
    moment = now()
    timeout, horizon = limits
    what = f"fal.ai completed it, and its result could not be read since {held.since:%Y-%m-%dT%H:%M:%SZ}: {error}"
    if moment >= timeout:
        words = f"The request took longer than IMAGEGEN_JOB_TIMEOUT ({settings.service.job_timeout}): {what}"
        raise JobEnds(job.failed(uncharged_error(StopReason.JOB_TIMEOUT, words), moment))
    if moment >= horizon:
        words = f"FAL_RESULT_HORIZON ({settings.fal.result_horizon}) has passed: {what}"
        answer = error.answer
        fault = uncharged_error("result_unreadable", words, status=answer.status, error_type=answer.error_type)
        raise JobEnds(job.failed(fault, moment))


def _limits(job: Job, settings: Settings) -> tuple[datetime, datetime]:
    """When a job whose result cannot be read ends: by its time limit, and by the horizon."""
    submission = job.submission
    assert submission.ended_at is not None
    began = job.generating_at or submission.intended_at or submission.ended_at
    return began + settings.service.job_timeout, submission.ended_at + settings.fal.result_horizon
