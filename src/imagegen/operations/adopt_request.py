"""Gives a job its own fal.ai request if the request's id arrives late, by a webhook or from fal's history.

A webhook's address holds the job's id and a secret of the attempt; the job stores the secret's digest.
"""

import hashlib
import hmac
import logging
from typing import Final

from imagegen.errors import JobDeleted, JobNotFound, QueueUnavailable, RequestOwned, StaleJob
from imagegen.fal import WebhookHint
from imagegen.jobs import Job, JobStatus, ProviderRequest
from imagegen.queue.lanes import OPEN
from imagegen.services import Services
from imagegen.storage.jobs.store import Jobs

WEBHOOKS: Final = "/api/webhooks/fal"
_NO_DIGEST: Final = hashlib.sha256(b"").hexdigest()
_log = logging.getLogger("imagegen.runner")


async def adopt(job_id: str, request: ProviderRequest, services: Services) -> bool:
    """Give a job its own request, however late its id arrived; the job then continues.

    Returns:
        Whether the job has this request now. A job that has another, or ended for another reason, stays as it is.
    """
    while True:
        job = await services.jobs.get(job_id)
        if not job.accepts_late_request_id:
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


async def is_webhook_of(job_id: str, secret: str, jobs: Jobs) -> bool:
    """Whether an attempt of this job gave fal this address; checked before the body is read."""
    try:
        return has_secret(await jobs.get(job_id), secret)
    except (JobNotFound, JobDeleted):
        return False


async def take_webhook(job_id: str, secret: str, hint: WebhookHint, services: Services) -> bool:
    """Act on a webhook with fal's signature: give the job its late id, or have its runner look at the request now.

    Returns:
        Whether it is about an attempt of this job; any customer of fal's can send a webhook here.
    """
    try:
        job = await services.jobs.get(job_id)
    except JobNotFound:
        return False
    if not has_secret(job, secret):
        return False
    if job.accepts_late_request_id:
        await adopt(job_id, services.fal.request_with_id(job.endpoint, hint.request_id), services)
    # Also after that: if the response to the submit brought the id first, `adopt` did nothing and woke no runner.
    if not job.status.is_final:
        await (wake(job, services) if job.hold is not None else services.queue.signal_wake(job_id))
    return True


def has_secret(job: Job, secret: str) -> bool:
    """Whether the job's attempt gave fal this secret; takes the same time for a wrong secret as for none."""
    digest = job.submission.webhook_digest
    is_same = hmac.compare_digest(secret_digest(secret), digest or _NO_DIGEST)
    return is_same and digest is not None


async def _store_late_id(job: Job, request: ProviderRequest, services: Services) -> None:
    late = job.with_late_request_id(request)
    if job.status is JobStatus.FAILED:
        _log.warning("job %s continues: fal.ai had accepted its request %s", job.id, request.request_id)
        await services.late_request_ids.revive(job, late)
        services.metrics.job_revived()
    else:
        await services.late_request_ids.adopt(late)
    await services.queue.announce(late)
    await wake(late, services)


async def wake(job: Job, services: Services) -> None:
    """Have the job looked at now: by the runner that holds its lease, or else by the next one that takes it."""
    await services.queue.signal_wake(job.id)
    generation = await services.queue_state.bump_generation(job.id, job.generation)
    if generation is not None:
        try:
            await services.queue.publish_again(job.id, generation, OPEN)
        except QueueUnavailable as error:
            _log.warning("job %s is not queued (%s); reconciliation will queue it", job.id, error)


def secret_digest(secret: str) -> str:
    """The form in which the secret of a webhook address is stored."""
    return hashlib.sha256(secret.encode()).hexdigest()
