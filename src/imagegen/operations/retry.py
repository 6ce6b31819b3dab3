"""Retrying a job: a new job with the same inputs, at today's price."""

from dataclasses import replace

from pydantic import JsonValue

from imagegen.errors import JobNotRetryable
from imagegen.jobs import Job, JobStatus
from imagegen.keys import Caller
from imagegen.operations.admission import check
from imagegen.operations.generate import Accepted, find_or_accept, idempotency, new_job
from imagegen.operations.input_images import with_links
from imagegen.services import Services
from imagegen.storage.images.store import Images


async def retry(job: Job, services: Services, caller: Caller, key: str | None) -> Accepted:
    """Accept a new job for the same request, as if its caller had sent it again; it names the old job.

    It has the old job's webhook, in the same form, and the same number of seconds until its deadline, counted from now.

    Raises:
        JobNotRetryable: the old job has not ended, or it completed.
        InvalidRequest: today's catalog, limits or webhook policy refuse it, or an image of the user's own is gone.
        NotAllowed: the caller may not use the model.
        IdempotencyMismatch: the key made the retry of another job.
        JobDeleted: the key made a job that was deleted.
        ModelRetired: its model takes no new requests any more.
        RateLimited: the key or the user has used up its rate, or has too many open jobs.
        BeyondRate: a minute's rate is too low for the request.
        BudgetExceeded: a budget has no room for the new job.
        DatabaseUnavailable: nothing was accepted.
    """
    if job.status not in {JobStatus.FAILED, JobStatus.CANCELLED}:
        raise JobNotRetryable(job.id, job.status.value)
    request = services.registry.parse(await _body(job, services.images))
    new = new_job(request, services.registry, caller, idempotency_key=None)
    new = replace(new, retry_of=job.id, fal_call=job.fal_call)
    # The new inputs have links to the bucket. Limits apply to what the caller sent, where these are references.
    check(replace(new, inputs=job.inputs), caller, services)
    if key:
        # Links get a new signature each time, so the old job's id stands for the body of a retry.
        scope = idempotency("POST /api/jobs/{jobId}/retry", caller, job.user_id, key, job.id)
        new = replace(new, idempotency=scope)
    return await find_or_accept(new, caller, services)


async def _body(job: Job, images: Images) -> dict[str, JsonValue]:
    """The request of the job, as its caller could send it again."""
    body: dict[str, JsonValue] = {
        "model": job.model,
        "inputs": dict(await with_links(job.inputs, job, images)),
        "options": dict(await with_links(job.options, job, images)),
        "userId": job.user_id,
    }
    if job.webhook_url is not None:
        body["webhookUrl"] = job.webhook_url
    if job.deadline is not None:
        body["deadlineSeconds"] = round((job.deadline - job.created_at).total_seconds())
    return body
