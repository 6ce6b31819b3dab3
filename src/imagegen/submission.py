"""The one paid request of a job: sent at most once, and looked for where no answer told its id.

A lost id comes back in one of two ways: fal's webhook names the attempt by its secret, or fal's own history lists a
request that can only be this one. Until then the job is held; after `IMAGEGEN_UNKNOWN_HORIZON` it fails, uncharged. An
id that comes later still is adopted.
"""

import asyncio
import hashlib
import hmac
import logging
import secrets
from collections.abc import Coroutine
from datetime import datetime, timedelta
from typing import Final, NoReturn

from imagegen.account import Permit
from imagegen.errors import (
    HistoryUnavailable,
    JobDeleted,
    JobNotFound,
    ProviderAnswer,
    QueueUnavailable,
    RequestOwned,
    StaleJob,
    SubmissionNotSent,
    SubmissionUnknown,
    SubmittingPaused,
    TooManyOpenFiles,
)
from imagegen.fal import WebhookHint
from imagegen.holds import JobEnds, end_if_unwanted, jitter, next_hold, pause, until_due
from imagegen.inputs import payload_for_fal
from imagegen.jobs import (
    PROVIDER_ACCOUNT,
    Hold,
    HoldKind,
    Job,
    JobError,
    JobStatus,
    JsonObject,
    ProviderRequest,
    SubmissionState,
)
from imagegen.queue_lanes import OPEN
from imagegen.turn import Postponed, Turn
from imagegen.wiring import Services, now

SERVER_DOWN: Final = timedelta(seconds=5)
WEBHOOKS: Final = "/api/webhooks/fal"
_SECRET_BYTES: Final = 16
# So long a request that is not wanted any more is still looked for, so that it can be cancelled at fal, which bills it.
_FIND_TO_CANCEL: Final = timedelta(seconds=10)
_NOBODYS_DIGEST: Final = hashlib.sha256(b"").hexdigest()
_UNANSWERED: Final = ProviderAnswer(
    message="The request left for fal.ai and no answer came back, so it may or may not have been accepted. "
    "It was not sent again and you are not charged."
)
_log = logging.getLogger("imagegen.runner")


async def submit_once(turn: Turn) -> None:
    """See to it that fal has the one paid request and its id is stored.

    Raises:
        Postponed: nothing may be sent now, or nobody knows yet whether fal has the request.
        JobEnds: it is not wanted any more, or S3 could not be used for too long.
        SubmissionUnknown: nobody will ever know.
        ProviderError: fal refused, or never got it.
        InputGone: a picture of the caller's own is not in the bucket any more.
    """
    if turn.job.submission.state is SubmissionState.NONE:
        if not await turn.services.images.bucket.available():
            await _until_s3_is_usable(turn)
        await _submit_if_permitted(turn)
    if turn.job.submission.state is SubmissionState.SUBMITTING:
        await _mark_lost(turn)
    if turn.job.submission.state is SubmissionState.UNKNOWN:
        await _look_for_it(turn)


async def _until_s3_is_usable(turn: Turn) -> NoReturn:
    """While the images could not be kept nothing is submitted; what S3 says is stored when it changes."""
    reason = f"S3 {turn.services.images.bucket.trouble}"
    await _hold_unsent(turn, HoldKind.OBJECT_STORE, reason, "storage_unavailable")
    raise Postponed(f"{reason}, so nothing is submitted", SERVER_DOWN)


async def _submit_if_permitted(turn: Turn) -> None:
    """Submit, unless fal refuses the account: then the job waits, without a slot, until it takes requests again."""
    try:
        async with turn.services.account.permitted() as permit:
            payload = await payload_for_fal(turn.job, turn.services)
            await _even_if_cancelled(_post(turn, payload, permit), turn.services.settings.service.last_step)
            permit.accepted = turn.job.submission.state is SubmissionState.SUBMITTED
    except SubmittingPaused as error:
        reason = "fal.ai refuses the account of this service"
        ends = await _hold_unsent(turn, HoldKind.ACCOUNT, reason, PROVIDER_ACCOUNT)
        rest = until_due(error.retry_after * jitter(), turn.job.deadline, ends)
        raise Postponed(f"{reason}, so nothing is submitted", rest) from error


async def _hold_unsent(turn: Turn, kind: HoldKind, reason: str, code: str) -> datetime:
    """Store what a job is held for before it is sent, when that changes; end it where that has lasted too long.

    Troubles that take turns last as long as one.

    Returns:
        When that will be.
    """
    job = turn.job
    held = job.hold if job.hold is not None and job.hold.kind is kind else None
    began = job.hold.began if job.hold is not None else now()
    horizon = turn.services.settings.service.store_horizon
    if now() - began >= horizon:
        message = f"Nothing was sent to fal.ai for {horizon}, because {reason}. You are not charged."
        raise JobEnds(job.failed(JobError(code=code, message=message, retryable=True), now()))
    if held is None or held.reason != reason:
        _log.warning("job %s: %s, so nothing is submitted", job.id, reason)
        await turn.save(job.held(next_hold(job, kind, reason)))
    return began + horizon


async def adopt(job_id: str, request: ProviderRequest, services: Services) -> bool:
    """Give a job the request that is its own, however late its id came; the job then goes on.

    Returns:
        Whether the job has this request now. A job that has another, or ended for another reason, stays as it is.
    """
    while True:
        job = await services.jobs.get(job_id)
        if not job.can_take_a_late_id:
            owned = job.submission.request
            return owned is not None and owned.request_id == request.request_id
        try:
            await _store_late_id(job, request, services)
        except StaleJob:
            continue
        except RequestOwned as error:
            _log.error("%s (%s)", error, request.request_id)
            return False
        return True


async def is_webhook_of(job_id: str, secret: str, services: Services) -> bool:
    """Whether the address is one that an attempt of this job gave fal, which can be told before anything is read."""
    try:
        return knows(secret, await services.jobs.get(job_id))
    except (JobNotFound, JobDeleted):
        return False


async def take_webhook(job_id: str, secret: str, hint: WebhookHint, services: Services) -> bool:
    """Act upon a webhook that is provably fal's: give the job its late id, or have its runner look at the request now.

    Returns:
        Whether it is about an attempt of this job; any customer of fal's can send a webhook here.
    """
    try:
        job = await services.jobs.get(job_id)
    except JobNotFound:
        return False
    if not knows(secret, job):
        return False
    if job.can_take_a_late_id:
        await adopt(job_id, services.fal.adopted(job.endpoint, hint.request_id), services)
    # Also after that: if the submit's answer has just brought the id, nothing was adopted, and nobody was told.
    if not job.status.is_final:
        await (wake(job, services) if job.hold is not None else services.queue.nudge(job_id))
    return True


def knows(secret: str, job: Job) -> bool:
    """Whether this is the secret that the job's attempt gave fal; takes as long for a wrong one as for none."""
    digest = job.submission.webhook_digest
    same = hmac.compare_digest(_digest(secret), digest or _NOBODYS_DIGEST)
    return same and digest is not None


async def _store_late_id(job: Job, request: ProviderRequest, services: Services) -> None:
    late = job.with_late_id(request)
    if job.status is JobStatus.FAILED:
        _log.warning("job %s goes on: fal.ai had accepted its request %s", job.id, request.request_id)
        await services.jobs.late_ids.revive(job, late)
        services.metrics.job_revived()
    else:
        await services.jobs.late_ids.adopt(late)
    await services.queue.announce(late)
    await wake(late, services)


async def wake(job: Job, services: Services) -> None:
    """Have the job looked at now: by the runner that holds it, or, if none does, by the next one that takes it."""
    await services.queue.nudge(job.id)
    generation = await services.jobs.queueing.next_generation(job.id, job.generation)
    if generation is not None:
        try:
            await services.queue.publish_again(job.id, generation, OPEN)
        except QueueUnavailable as error:
            _log.warning("job %s is not queued (%s); the audit will queue it", job.id, error)


async def _post(turn: Turn, payload: JsonObject, permit: Permit) -> None:
    """Send the request: its intent is stored before the POST, its id right after."""
    before = turn.job.hold
    secret = secrets.token_hex(_SECRET_BYTES) if turn.services.settings.service.public_url else None
    await turn.save_intent(payload, _digest(secret) if secret else None)

    async def before_post() -> None:
        await turn.demand_the_lease()
        await permit.require()  # it may have waited long for a slot at fal

    try:
        request = await turn.services.fal.submit(
            turn.job.endpoint,
            payload,
            before_post,
            webhook_url=_webhook_url(turn, secret) if secret else None,
            priority=turn.job.priority,
        )
    except SubmissionNotSent as error:
        await _send_again_later(turn, before, error)
    except (TooManyOpenFiles, SubmittingPaused):
        await turn.save(turn.job.not_sent(before))
        raise
    except SubmissionUnknown as error:
        _log.warning("job %s: %s Looking for its request", turn.job.id, error)
        await _mark_lost(turn)
    else:
        await _record(turn, request)


async def _send_again_later(turn: Turn, before: Hold | None, error: SubmissionNotSent) -> NoReturn:
    """Hold a job that fal certainly has not got, up to a number of tries and a time; then raise the error itself."""
    patience, moment = turn.services.fal.patience, now()
    held = Hold.after(before, HoldKind.SUBMIT, error.answer.message, moment)
    growing = patience.first_retry * 1.6 ** (held.attempts - 1) * jitter()
    rest = max(min(growing, patience.longest_poll), error.retry_after or timedelta(0))
    if held.attempts >= patience.attempts or moment + rest > held.since + patience.retrying:
        await turn.save(turn.job.not_sent())
        raise error
    if held.attempts == 1:
        _log.warning("job %s: fal.ai has not got its request (%s); again in %s", turn.job.id, error, rest)
    turn.services.metrics.retried("submit")
    await turn.save(turn.job.not_sent(held))
    raise Postponed(str(error), rest, is_held=True)


async def _record(turn: Turn, request: ProviderRequest) -> None:
    """Store fal's id. Where its webhook was faster, or the lease has passed on, it is adopted as a late one is."""
    try:
        await turn.save(turn.job.submitted(request))
    except StaleJob:
        await adopt(turn.job.id, request, turn.services)
        await turn.reread()
    except RequestOwned as error:
        _log.error("%s (%s)", error, request.request_id)
        await _mark_lost(turn)


async def _mark_lost(turn: Turn) -> None:
    """Hold the job for its request's id, unless fal's webhook has brought it meanwhile."""
    try:
        await turn.save(turn.job.lost())
    except StaleJob:
        await turn.reread()


async def _look_for_it(turn: Turn) -> None:
    """Look for the request at fal; where it cannot be told, come again later, for as long as the horizon allows."""
    lasting = turn.job.submission.webhook_digest is None
    try:
        request = await _only_candidate(turn)
    except HistoryUnavailable as error:
        _log.info("job %s: fal.ai's history cannot be read: %s", turn.job.id, error)
        request, lasting = None, lasting and error.lasting
    else:
        lasting = False
    if request is not None and await _claimed(turn, request):
        return
    intended_at = turn.job.submission.intended_at
    assert intended_at is not None
    grace = timedelta(0) if lasting else _FIND_TO_CANCEL
    await end_if_unwanted(turn, "it is not known whether fal.ai has its request", grace=grace)
    age, settings = now() - intended_at, turn.services.settings
    if lasting or age > settings.service.unknown_horizon:
        raise SubmissionUnknown(_UNANSWERED)
    if turn.job.submission.counted and age > settings.fal.status_horizon:
        await turn.save(turn.job.uncounted())
    horizon = intended_at + settings.service.unknown_horizon
    unwanted = [moment + grace for moment in (turn.job.deadline, turn.job.cancel_requested_at) if moment is not None]
    rest = pause(intended_at, *unwanted, horizon, intended_at + settings.fal.status_horizon)
    raise Postponed("it is not known yet whether fal.ai has its request", rest, is_held=True)


async def _only_candidate(turn: Turn) -> ProviderRequest | None:
    """The request in fal's history that is this job's; None where there is none, or it cannot be told which.

    Jobs with the same input may have lost their requests together. Any of those requests is as good as another for
    any of these jobs, so long as there are no more requests than jobs, and more than are being sent right now. The
    order of the three questions matters: what fal lists was intended before, so its job is seen either among the
    others or as the owner.
    """
    job = turn.job
    assert job.submission.intended_at is not None
    listed = await turn.services.fal.history(job.endpoint, job.sent, job.submission.intended_at)
    if not listed:
        return None
    others = await turn.services.jobs.late_ids.others_like(job)
    owned = await turn.services.jobs.late_ids.owned([request.request_id for request in listed])
    free = [request for request in listed if request.request_id not in owned]
    being_sent = others.count(SubmissionState.SUBMITTING)
    return free[-1] if being_sent < len(free) <= 1 + len(others) else None


async def _claimed(turn: Turn, request: ProviderRequest) -> bool:
    """Store the id that was found; False if another job was faster."""
    try:
        await turn.save(turn.job.submitted(request))
    except StaleJob:
        await turn.reread()
        return turn.job.submission.state is SubmissionState.SUBMITTED
    except RequestOwned:
        return False
    return True


async def _even_if_cancelled(step: Coroutine[object, object, None], at_most: timedelta) -> None:
    """Finish the step although the process is asked to end: half of it would leave a paid request without its id."""
    task = asyncio.create_task(step)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait({task}, timeout=at_most.total_seconds())
        if task.done() and not task.cancelled() and (error := task.exception()) is not None:
            _log.warning("while ending: %s", error)
        raise


def _webhook_url(turn: Turn, secret: str) -> str:
    return f"{turn.services.settings.service.public_url}{WEBHOOKS}/{turn.job.id}/{secret}"


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
