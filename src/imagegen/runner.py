"""One job from queued to its end: paid for at most once, its pictures stored.

The whole story is `_run`; everything below it is a step of it, and everything above it decides what an interruption
means: the job ends with its reason, or it is handed back and goes on later from its stored state.
"""

import logging
import time
from datetime import timedelta
from typing import Final

from imagegen.completion import deliver_images
from imagegen.errors import (
    AccountRefused,
    InputGone,
    ProviderAnswer,
    ProviderError,
    StaleJob,
    SubmissionUnknown,
    Unavailable,
)
from imagegen.holds import JobEnds, end_if_unwanted, next_hold, unpaid
from imagegen.jobs import (
    INPUT_REFUSED,
    OUTPUT_REFUSED,
    PROVIDER_ACCOUNT,
    SUBMISSION_UNKNOWN,
    HoldKind,
    Job,
    JobError,
    ProviderResult,
    SubmissionState,
)
from imagegen.leftovers import clear_leftovers, discard_epoch
from imagegen.queue import Delivery
from imagegen.recording import await_object_store, record
from imagegen.submission import SERVER_DOWN, submit_once
from imagegen.tracing import current_span, span
from imagegen.turn import Postponed, Turn, take_turn, uptime
from imagegen.waiting import ended_with, past_deadline, result_of
from imagegen.wiring import Services, now

MOST_LEASES: Final = 5
_BUSY_ELSEWHERE: Final = timedelta(seconds=5)
_REST_IN_LEASES: Final = 20  # ten minutes with the usual lease
_CRASHED: Final = JobError(
    code="runner_crashed",
    message=f"{MOST_LEASES} runners in a row ended while they prepared this job. Nothing was sent to fal.ai.",
    retryable=True,
)
_log = logging.getLogger("imagegen.runner")


async def work(delivery: Delivery, services: Services) -> None:
    """Bring the delivered job as far as it goes now, and decide the message's fate: acknowledged only at the end."""
    try:
        await _claim_and_run(delivery, services)
    except Postponed as pause:
        level = logging.DEBUG if pause.is_held else logging.INFO
        _log.log(level, "job %s: %s; again in %s", delivery.job_id, pause, pause.delay)
        await delivery.hand_back(pause.delay)
    except (Unavailable, StaleJob) as error:
        _log.warning("job %s: %s", delivery.job_id, error)
        await delivery.hand_back(SERVER_DOWN)
    else:
        await delivery.acknowledge()


async def _claim_and_run(delivery: Delivery, services: Services) -> None:
    asked_at, began_at = uptime(), time.time_ns()
    job = await services.jobs.claim(delivery.job_id, services.runner, services.settings.service.lease)
    if job is not None:
        name, attributes = delivery.traced_as
        with services.tracer.trace(name, "consumer", attributes, parent=job.trace, began_at=began_at):
            await _run_claimed(job, asked_at, delivery, services)
    elif await services.jobs.is_unfinished(delivery.job_id):
        raise Postponed("somebody else is at work", _BUSY_ELSEWHERE)


async def _run_claimed(job: Job, asked_at: float, delivery: Delivery, services: Services) -> None:
    try:
        async with take_turn(job, services, delivery, asked_at) as turn:
            await _run_or_fail(turn)
    except StaleJob:
        services.metrics.lease_lost()
        await discard_epoch(job, services)
        raise
    _tell_the_end(turn.job)
    if turn.job.may_have_leftovers:
        await clear_leftovers(turn.job, services)


def _tell_the_end(job: Job) -> None:
    """One line of the log and one note in the trace for each job."""
    code = job.error.code if job.error else None
    took = (job.completed_at - job.created_at).total_seconds() if job.completed_at else None
    current_span().note({"imagegen.model": job.model, "imagegen.job.status": job.status.value})
    if code is not None:
        current_span().failed(code)
    fields = {"model": job.model, "status": job.status.value, "code": code, "took": took, "epoch": job.lease.epoch}
    _log.info("job %s %s%s", job.id, job.status.value, f": {code}" if code else "", extra=fields)


async def _run_or_fail(turn: Turn) -> None:
    """Run the arrow; what ends the job is stored as its outcome."""
    try:
        await _run_to_its_outcome(turn)
    except JobEnds as end:
        await turn.save(end.job)


async def _run_to_its_outcome(turn: Turn) -> None:
    try:
        if turn.job.lease.taken >= MOST_LEASES:
            await _stop_the_crashing(turn)
        else:
            await _run(turn)
    except SubmissionUnknown as error:
        await turn.save(turn.job.failed_as_unknown(_provider_error(error, SUBMISSION_UNKNOWN), now()))
    except InputGone as error:
        await turn.save(turn.job.failed(JobError(code="input_gone", message=str(error)), now()))
    except ProviderError as error:
        await turn.save(ended_with(turn.job, error) or _failed(turn, error))


async def _run(turn: Turn) -> None:
    """Bring one leased job to its end, from wherever an earlier turn left it."""
    if turn.job.attention is not None:
        await end_if_unwanted(turn, turn.job.attention)
    if turn.job.result is None:
        resumed = turn.job.submission.state is not SubmissionState.NONE
        if not resumed and (too_late := past_deadline(turn.job)) is not None:
            await turn.save(turn.job.failed(too_late, now()))
            return
        with span("submit"):
            await submit_once(turn)
        with span("wait"):
            await await_object_store(turn)
            result = await result_of(turn, resumed=resumed)
        await record(turn, result)
    with span("store"):
        await deliver_images(turn)


async def _stop_the_crashing(turn: Turn) -> None:
    """Too many runners died over this job: it ends unpaid, or, once fal may have it, rests and is shown to a person."""
    if turn.job.submission.state is SubmissionState.NONE:
        await turn.save(turn.job.failed(_CRASHED, now()))
        return
    reason = f"{MOST_LEASES} runners in a row ended over it after it was sent to fal.ai; the last at {now():%FT%TZ}"
    held, settings = next_hold(turn.job, HoldKind.ATTENTION, reason), turn.services.settings.service
    await end_if_unwanted(turn, reason)
    if now() - held.since > settings.store_horizon:
        await turn.save(turn.job.failed(unpaid("runner_crashed", f"{reason}."), now()))
        return
    _log.error("job %s needs a person: %s", turn.job.id, reason)
    await turn.save(turn.job.needing_attention(reason, held))
    raise Postponed(reason, _REST_IN_LEASES * settings.lease, is_held=True)


def _failed(turn: Turn, error: ProviderError) -> Job:
    """The job's end by fal's error, with what fal billed all the same and with the result that has no picture."""
    job, answer, failure = turn.job, error.answer, _provider_error(error, _code(error))
    if answer.billable_units is None and answer.result is None:
        return job.failed(failure, now())
    billed = job.cost.billed(answer.billable_units, turn.services.prices.of(job.endpoint))
    if answer.result is None:
        return job.failed(failure, now(), billed=billed)
    result = ProviderResult(images=(), billable_units=answer.billable_units, payload=answer.result)
    return job.failed_with_result(failure, result, now(), billed=billed)


def _code(error: ProviderError) -> str:
    """The code that the job fails with."""
    if isinstance(error, AccountRefused):
        return PROVIDER_ACCOUNT
    if error.answer.refused:
        return INPUT_REFUSED if error.answer.refused == "input" else OUTPUT_REFUSED
    return "provider_unavailable" if error.retryable else "provider_rejected"


def _provider_error(error: ProviderError, code: str) -> JobError:
    answer = error.answer
    if isinstance(error, AccountRefused):  # fal's words are the operator's
        answer = ProviderAnswer(message=str(error), status=answer.status)
    return JobError(
        code=code,
        message=answer.message,
        retryable=error.retryable,
        fal_status=answer.status,
        fal_error_type=answer.error_type,
        fal_detail=answer.detail,
    )
