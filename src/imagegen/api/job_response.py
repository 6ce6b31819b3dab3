"""The response to a request that waits for a job: the finished job, its failure, or where to find it."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Final

from fastapi import Response

from imagegen.api.errors import JobFailed
from imagegen.api.http.media_types import JSON
from imagegen.api.http.prefer import WaitPreference
from imagegen.api.http.rate_headers import rate_headers
from imagegen.api.openapi.responses import LOCATION, PREFERENCE, REPLAYED, RETRY_AFTER, Responses
from imagegen.errors import BudgetState
from imagegen.jobs import Job, JobStatus
from imagegen.operations.budget_admission import budgets_of_job
from imagegen.operations.generate import Accepted
from imagegen.operations.wait import wait_for_end
from imagegen.queue.subscriptions import Subscription
from imagegen.services import Services
from imagegen.wire import job_schemas
from imagegen.wire.serializers import serialize_job

_NONE: Final[Mapping[str, str]] = {}
OUTCOMES: Final[Responses] = {
    200: {"description": "The finished job with its images.", "headers": {**PREFERENCE, **REPLAYED}},
    202: {
        "model": job_schemas.Job,
        "description": "Accepted, but not finished; `Location` is where to check on it.",
        "headers": {**LOCATION, **RETRY_AFTER, **PREFERENCE, **REPLAYED},
    },
}


async def outcome(
    accepted: Accepted,
    services: Services,
    preference: WaitPreference,
    *,
    may_wait: bool,
    listener: Subscription | None = None,
) -> Response:
    """Wait for an accepted job for as long as the caller prefers and the service allows.

    Args:
        accepted: the job.
        services: the open services.
        preference: how long to wait.
        may_wait: whether the request has a slot to wait in; without one the response is immediate.
        listener: subscribed before the job was stored, so that its end is not missed; without it the job is read first.

    Raises:
        JobFailed: the job failed.
    """
    wait = preference.wait if accepted.queued and may_wait else timedelta(0)
    job = await wait_for_end(accepted.job, services, wait, None if accepted.replayed else listener)
    if job.status is JobStatus.FAILED:
        raise JobFailed(job, accepted.rates)
    headers = {"Idempotent-Replayed": "true"} if accepted.replayed else {}
    headers |= rate_headers(accepted.rates)
    if preference.applied and may_wait:
        headers["Preference-Applied"] = preference.applied
    return await job_response(job, services, headers, None if accepted.replayed else accepted.budgets)


async def job_response(
    job: Job, services: Services, headers: Mapping[str, str] = _NONE, budgets: Sequence[BudgetState] | None = None
) -> Response:
    """The job with new links to its images: 200 if it has ended, otherwise 202 and where to check on it."""
    if not job.status.is_final:
        headers = {**headers, "Location": f"/api/jobs/{job.id}", "Retry-After": "1"}
    if budgets is None:
        budgets = await budgets_of_job(job, services)
    content = (await serialize_job(job, services, budgets)).model_dump_json()
    return Response(content, 200 if job.status.is_final else 202, headers, media_type=JSON)


async def job_content(job: Job, services: Services, headers: Mapping[str, str]) -> Response:
    """The job with new links to its images and what is left of its budgets now, as JSON."""
    content = (await serialize_job(job, services, await budgets_of_job(job, services))).model_dump_json()
    return Response(content, headers=headers, media_type=JSON)
