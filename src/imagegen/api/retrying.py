"""Trying a job again: a new job from the same inputs, at the price of now."""

from dataclasses import replace

from pydantic import JsonValue

from imagegen.api.admission import check
from imagegen.api.generation import Accepted, accept, idempotency, new_job, repeated
from imagegen.errors import NotToBeRetried
from imagegen.inputs import with_links
from imagegen.jobs import Job, JobStatus
from imagegen.keys import Caller
from imagegen.wiring import Services


async def retry(job: Job, services: Services, caller: Caller, key: str | None) -> Accepted:
    """Accept a new job that asks for the same, as if its caller had sent it again, and names the old one.

    Its webhook is the old one's, and it has as many seconds until its deadline, counted from now.

    Raises:
        NotToBeRetried: the old one has not ended, or it completed.
        InvalidRequest: today's catalog, limits or webhook policy refuse it, or a picture of the user's own is gone.
        NotAllowed: the caller may not use the model.
        IdempotencyMismatch: the key made the retry of another job.
        JobDeleted: the key made a job that was deleted.
        DatabaseUnavailable: nothing was accepted.
    """
    if job.status not in {JobStatus.FAILED, JobStatus.CANCELLED}:
        raise NotToBeRetried(job.id, job.status.value)
    request = services.registry.parse(await _body(job, services))
    new = replace(new_job(request, services, caller, idempotency_key=None), retry_of=job.id)
    # The links lead to the bucket. Limits are about what a caller gave, where these are references.
    check(replace(new, inputs=job.inputs), caller, services.settings)
    if key:
        # Links are signed afresh each time, so the body of a retry is the job that it is of.
        same = idempotency("POST /api/jobs/{jobId}/retry", caller, job.user_id, key, job.id)
        new = replace(new, idempotency=same)
    return await repeated(new, services) or await accept(new, services)


async def _body(job: Job, services: Services) -> dict[str, JsonValue]:
    """The request that the job was made from, as its caller could send it again."""
    body: dict[str, JsonValue] = {
        "model": job.model,
        "inputs": dict(await with_links(job.inputs, job, services.images)),
        "options": dict(await with_links(job.options, job, services.images)),
        "userId": job.user_id,
    }
    if job.webhook_url is not None:
        body["webhookUrl"] = job.webhook_url
    if job.deadline is not None:
        body["deadlineSeconds"] = round((job.deadline - job.created_at).total_seconds())
    return body
