"""The one paid request of a job: sent at most once, never repeated once fal may have it.

Its intent is stored before the POST and its id right after. If no response brings the id, the request is looked for.
"""

import asyncio
import logging
import secrets
from collections.abc import Coroutine
from datetime import datetime, timedelta
from functools import partial
from typing import Final, NoReturn

from imagegen.account import Permit
from imagegen.clock import jitter, now
from imagegen.engine.holds import next_hold, until_due
from imagegen.engine.interruptions import JobEnds, Postponed
from imagegen.engine.lease import JobLease
from imagegen.engine.leased_job import LeasedJob
from imagegen.engine.lost_requests import find_request
from imagegen.engine.provider_slots import save_intent
from imagegen.errors import (
    RequestOwned,
    StaleJob,
    SubmissionNotSent,
    SubmissionUnknown,
    SubmittingPaused,
    TooManyOpenFiles,
)
from imagegen.fal import FalTimeouts
from imagegen.jobs import PROVIDER_ACCOUNT, Hold, HoldKind, JobError, ProviderRequest, SubmissionState
from imagegen.json_object import JsonObject
from imagegen.observability.metrics import Metrics
from imagegen.operations.adopt_request import WEBHOOKS, adopt, secret_digest
from imagegen.operations.input_images import payload_for_fal
from imagegen.services import Services

SERVER_DOWN_PAUSE: Final = timedelta(seconds=5)
_SECRET_BYTES: Final = 16
_log = logging.getLogger("imagegen.runner")


async def submit_once(lease: JobLease, services: Services) -> None:
    """Make sure that fal has the one paid request and that its id is stored.

    Raises:
        Postponed: nothing may be sent now, or it is not known yet whether fal has the request.
        JobEnds: the job is no longer wanted, or S3 could not be used for too long.
        SubmissionUnknown: it will never be known.
        ProviderError: fal refused the request, or never got it.
        InputGone: an image of the user's own is no longer in the bucket.
    """
    leased = lease.leased
    if leased.job.submission.state is SubmissionState.NONE:
        if not await services.images.bucket.is_available():
            await _postpone_until_s3_is_usable(
                leased, services.images.bucket.problem, services.settings.service.store_horizon
            )
        await _submit_if_permitted(lease, services)
    if leased.job.submission.state is SubmissionState.SUBMITTING:
        await _mark_unconfirmed(leased)
    if leased.job.submission.state is SubmissionState.UNKNOWN:
        await find_request(leased, services)


async def _postpone_until_s3_is_usable(leased: LeasedJob, problem: str, horizon: timedelta) -> NoReturn:
    """Submit nothing while the images could not be stored; S3's response is stored when it changes."""
    reason = f"S3 {problem}"
    await _hold_unsent(leased, HoldKind.OBJECT_STORE, reason, "storage_unavailable", horizon)
    raise Postponed(f"{reason}, so nothing is submitted", SERVER_DOWN_PAUSE)


async def _submit_if_permitted(lease: JobLease, services: Services) -> None:
    """Submit, unless fal refuses the account: then the job waits, without a slot, until fal accepts requests again."""
    leased, settings = lease.leased, services.settings.service
    try:
        async with services.account.permitted() as permit:
            payload = await payload_for_fal(leased.job, services)
            await _finish_despite_cancellation(_post(lease, payload, permit, services), settings.step_grace)
            permit.accepted = leased.job.submission.state is SubmissionState.SUBMITTED
    except SubmittingPaused as error:
        reason = "fal.ai refuses the account of this service"
        ends = await _hold_unsent(leased, HoldKind.ACCOUNT, reason, PROVIDER_ACCOUNT, settings.store_horizon)
        rest = until_due(error.retry_after * jitter(), leased.job.deadline, ends)
        raise Postponed(f"{reason}, so nothing is submitted", rest) from error


async def _hold_unsent(leased: LeasedJob, kind: HoldKind, reason: str, code: str, horizon: timedelta) -> datetime:
    """Store what an unsent job is held for, when that changes; end the job if that has lasted too long.

    Causes that alternate count as one.

    Returns:
        When that will be.
    """
    job = leased.job
    held = job.hold if job.hold is not None and job.hold.kind is kind else None
    began = job.hold.held_since if job.hold is not None else now()
    if now() - began >= horizon:
        message = f"Nothing was sent to fal.ai for {horizon}, because {reason}. You are not charged."
        raise JobEnds(job.failed(JobError(code=code, message=message, retryable=True), now()))
    if held is None or held.reason != reason:
        _log.warning("job %s: %s, so nothing is submitted", job.id, reason)
        await leased.save(job.held(next_hold(job, kind, reason)))
    return began + horizon


async def _post(lease: JobLease, payload: JsonObject, permit: Permit, services: Services) -> None:
    """Send the request: its intent is stored before the POST, its id right after."""
    leased = lease.leased
    before = leased.job.hold
    public_url = services.settings.service.public_url
    secret = secrets.token_hex(_SECRET_BYTES) if public_url else None
    digest = secret_digest(secret) if secret else None
    await save_intent(lambda: leased.job.submitting(now(), digest, payload=payload), lease, services)
    try:
        request = await services.fal.submit(
            leased.job.endpoint,
            payload,
            partial(_require_before_post, lease, permit),
            webhook_url=f"{public_url}{WEBHOOKS}/{leased.job.id}/{secret}" if secret else None,
            priority=leased.job.priority,
        )
    except SubmissionNotSent as error:
        await _postpone_unsent(leased, before, error, services.fal.timeouts, services.metrics)
    except (TooManyOpenFiles, SubmittingPaused):
        await leased.save(leased.job.not_sent(before))
        raise
    except SubmissionUnknown as error:
        _log.warning("job %s: %s Looking for its request", leased.job.id, error)
        await _mark_unconfirmed(leased)
    else:
        await _save_request(leased, request, services)


async def _require_before_post(lease: JobLease, permit: Permit) -> None:
    await lease.require()
    await permit.require()  # the job may have waited long for a slot at fal


async def _postpone_unsent(
    leased: LeasedJob, before: Hold | None, error: SubmissionNotSent, timeouts: FalTimeouts, metrics: Metrics
) -> NoReturn:
    """Hold a job that fal certainly has not received, up to a number of tries and a time; then raise the error."""
    moment = now()
    held = Hold.after(before, HoldKind.SUBMIT, error.answer.message, moment)
    rest = max(timeouts.submit_pause(held.attempts), error.retry_after or timedelta(0))
    if held.attempts >= timeouts.submit_attempts or moment + rest > held.since + timeouts.submit_retry_window:
        await leased.save(leased.job.not_sent())
        raise error
    if held.attempts == 1:
        _log.warning("job %s: fal.ai has not got its request (%s); again in %s", leased.job.id, error, rest)
    metrics.step_retried("submit")
    await leased.save(leased.job.not_sent(held))
    raise Postponed(str(error), rest, is_held=True)


async def _save_request(leased: LeasedJob, request: ProviderRequest, services: Services) -> None:
    """Store fal's id. If its webhook was faster, or the lease was lost, the id is adopted as a late one."""
    try:
        await leased.save(leased.job.submitted(request))
    except StaleJob:
        await adopt(leased.job.id, request, services)
        await leased.reread()
    except RequestOwned as error:
        _log.error("%s (%s)", error, request.request_id)
        await _mark_unconfirmed(leased)


async def _mark_unconfirmed(leased: LeasedJob) -> None:
    """Hold the job until its request's id is known, unless fal's webhook has brought the id meanwhile."""
    try:
        await leased.save(leased.job.unconfirmed())
    except StaleJob:
        await leased.reread()


async def _finish_despite_cancellation(step: Coroutine[object, object, None], at_most: timedelta) -> None:
    """Finish the step even if the process is asked to stop: half of it would leave a paid request without its id."""
    task = asyncio.create_task(step)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait({task}, timeout=at_most.total_seconds())
        if task.done() and not task.cancelled() and (error := task.exception()) is not None:
            _log.warning("while stopping: %s", error)
        raise
