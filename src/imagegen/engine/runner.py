"""One job from queued to its end: paid for at most once, its images stored.

The whole story is `_run`. Everything below it is one of its steps; everything above it decides what an interruption
means: the job ends with its reason, or it is handed back and continues later from its stored state.
"""

import logging
import time
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from imagegen.clock import now, uptime
from imagegen.engine.completion import deliver_images, transferring_early
from imagegen.engine.fetch_result import await_result, end_if_cancelled
from imagegen.engine.holds import deadline_error, end_if_unwanted, next_hold, uncharged_error
from imagegen.engine.interruptions import JobEnds, Postponed
from imagegen.engine.lease import JobLease, hold_lease
from imagegen.engine.leased_job import LeasedJob
from imagegen.engine.orphans import discard_epoch, remove_orphans
from imagegen.engine.recording import await_object_store, record_result
from imagegen.engine.submission import SERVER_DOWN_PAUSE, submit_once
from imagegen.errors import (
    AccountRefused,
    InputGone,
    ProviderAnswer,
    ProviderError,
    StaleJob,
    SubmissionUnknown,
    Unavailable,
)
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
from imagegen.observability.tracing import current_span, root_span, set_error, span
from imagegen.price_book import PriceBook
from imagegen.queue import DirectStart, WorkItem
from imagegen.services import Services
from imagegen.settings import ServiceSettings

MAX_CRASHES: Final = 5
_HELD_ELSEWHERE_PAUSE: Final = timedelta(seconds=5)
_CRASH_PAUSE_IN_LEASES: Final = 20  # ten minutes with the usual lease
_CRASHED: Final = JobError(
    code="runner_crashed",
    message=f"{MAX_CRASHES} runners in a row ended while they prepared this job. Nothing was sent to fal.ai.",
    retryable=True,
)
_log = logging.getLogger("imagegen.runner")


async def work(item: WorkItem, services: Services) -> None:
    """Run the item's job as far as it can go now, and decide the item's fate: acknowledged only at the end."""
    try:
        await (_run_started(item, services) if isinstance(item, DirectStart) else _claim_and_run(item, services))
    except Postponed as pause:
        level = logging.DEBUG if pause.is_held else logging.INFO
        _log.log(level, "job %s: %s; again in %s", item.job_id, pause, pause.delay)
        await item.hand_back(pause.delay)
    except Unavailable as error:
        _log.warning("job %s: %s", item.job_id, error)
        await item.hand_back(SERVER_DOWN_PAUSE)
    except StaleJob as error:
        _log.warning("job %s: %s", item.job_id, error)
        await item.yield_to_other(_HELD_ELSEWHERE_PAUSE)
    else:
        await item.acknowledge()


async def _run_started(start: DirectStart, services: Services) -> None:
    await _run_in_span(_Run(start.job, start, start.requested_at, start.began_at), services)


async def _claim_and_run(item: WorkItem, services: Services) -> None:
    requested_at, began_at = uptime(), time.time_ns()
    job = await services.jobs.claim(item.job_id, services.runner, services.settings.service.lease)
    if job is not None:
        await _run_in_span(_Run(job, item, requested_at, began_at), services)
    elif await services.jobs.is_unfinished(item.job_id):
        raise Postponed("another runner holds its lease", _HELD_ELSEWHERE_PAUSE)


@dataclass(frozen=True, slots=True)
class _Run:
    """A job under a new lease of this process, and when the lease was requested: on two clocks."""

    job: Job
    item: WorkItem
    requested_at: float
    began_at: int


async def _run_in_span(run: _Run, services: Services) -> None:
    kind, attributes = run.item.span
    with root_span(
        f"process {services.queue.stream.name}",
        kind,
        attributes,
        tracer=services.tracer,
        parent=run.job.trace,
        began_at=run.began_at,
    ):
        await _run_leased(run, services)


async def _run_leased(run: _Run, services: Services) -> None:
    try:
        async with hold_lease(run.job, services, run.item, run.requested_at) as lease:
            await _run_to_end(lease, services)
    except StaleJob:
        services.metrics.lease_lost()
        await discard_epoch(run.job, services.jobs, services.images)
        raise
    ended = lease.leased.job
    _report_end(ended)
    if ended.may_have_orphans:
        await remove_orphans(ended, services)


def _report_end(job: Job) -> None:
    """Log one line for the job, and set the attributes of its span."""
    code = job.error.code if job.error else None
    took = (job.completed_at - job.created_at).total_seconds() if job.completed_at else None
    current_span().set_attributes({"imagegen.model": job.model, "imagegen.job.status": job.status.value})
    if code is not None:
        set_error(current_span(), code)
    fields = {"model": job.model, "status": job.status.value, "code": code, "took": took, "epoch": job.lease.epoch}
    _log.info("job %s %s%s", job.id, job.status.value, f": {code}" if code else "", extra=fields)


async def _run_to_end(lease: JobLease, services: Services) -> None:
    """Run the job; an interruption that ends it is stored as its end."""
    try:
        await _run_or_fail(lease, services)
    except JobEnds as end:
        await lease.leased.save(end.job)


async def _run_or_fail(lease: JobLease, services: Services) -> None:
    """Run the job; an error that ends it is stored as its failure."""
    leased = lease.leased
    try:
        if leased.job.lease.taken >= MAX_CRASHES:
            await _stop_crashing(leased, services.settings.service)
        else:
            await _run(lease, services)
    except SubmissionUnknown as error:
        await leased.save(leased.job.failed_as_unknown(_provider_error(error, SUBMISSION_UNKNOWN), now()))
    except InputGone as error:
        await leased.save(leased.job.failed(JobError(code="input_gone", message=str(error)), now()))
    except ProviderError as error:
        await leased.save(end_if_cancelled(leased.job, error) or _failed(leased.job, error, services.prices))


async def _run(lease: JobLease, services: Services) -> None:
    """Bring one leased job to its end, from wherever an earlier run left it."""
    leased = lease.leased
    if leased.job.attention is not None:
        await end_if_unwanted(leased, leased.job.attention)
    if leased.job.result is None:
        resumed = leased.job.submission.state is not SubmissionState.NONE
        if not resumed and (too_late := deadline_error(leased.job)) is not None:
            await leased.save(leased.job.failed(too_late, now()))
            return
        with span("submit"):
            await submit_once(lease, services)
        with span("wait"):
            await await_object_store(leased, services.images.bucket, services.settings.service.store_horizon)
            result = await await_result(lease, services, resumed=resumed)
        with span("store"):
            async with transferring_early(leased.job, result, services.images) as early:
                await record_result(leased, result, services, early)
                await deliver_images(leased, services, early)
        return
    with span("store"):
        await deliver_images(leased, services)


async def _stop_crashing(leased: LeasedJob, settings: ServiceSettings) -> None:
    """End a job over which too many runners crashed: unpaid, or, once fal may have it, held for an operator."""
    if leased.job.submission.state is SubmissionState.NONE:
        await leased.save(leased.job.failed(_CRASHED, now()))
        return
    reason = f"{MAX_CRASHES} runners in a row ended over it after it was sent to fal.ai; the last at {now():%FT%TZ}"
    held = next_hold(leased.job, HoldKind.ATTENTION, reason)
    await end_if_unwanted(leased, reason)
    if now() - held.since > settings.store_horizon:
        await leased.save(leased.job.failed(uncharged_error("runner_crashed", f"{reason}."), now()))
        return
    _log.error("job %s needs a person: %s", leased.job.id, reason)
    await leased.save(leased.job.needing_attention(reason, held))
    raise Postponed(reason, _CRASH_PAUSE_IN_LEASES * settings.lease, is_held=True)


def _failed(job: Job, error: ProviderError, prices: PriceBook) -> Job:
    """The job's end by fal's error, with what fal billed all the same and with the result that has no image."""
    answer, failure = error.answer, _provider_error(error, _code(error))
    if answer.billable_units is None and answer.result is None:
        return job.failed(failure, now())
    billed = job.cost.billed(answer.billable_units, prices.of(job.endpoint))
    if answer.result is None:
        return job.failed(failure, now(), billed=billed)
    result = ProviderResult(images=(), billable_units=answer.billable_units, payload=answer.result)
    return job.failed_with_result(failure, result, now(), billed=billed)


def _code(error: ProviderError) -> str:
    """The error code that the job fails with."""
    if isinstance(error, AccountRefused):
        return PROVIDER_ACCOUNT
    if error.answer.refused:
        return INPUT_REFUSED if error.answer.refused == "input" else OUTPUT_REFUSED
    return "provider_unavailable" if error.retryable else "provider_rejected"


def _provider_error(error: ProviderError, code: str) -> JobError:
    answer = error.answer
    if isinstance(error, AccountRefused):  # fal's own words are for the operator
        answer = ProviderAnswer(message=str(error), status=answer.status)
    return JobError(
        code=code,
        message=answer.message,
        retryable=error.retryable,
        fal_status=answer.status,
        fal_error_type=answer.error_type,
        fal_detail=answer.detail,
    )
