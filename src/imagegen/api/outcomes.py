"""What a caller is told who waits for a job: its end, its failure, or where to look for it."""

from datetime import timedelta
from typing import Final

from fastapi import Response
from fastapi.responses import JSONResponse

from imagegen.api import schemas
from imagegen.api.answers import job_answer
from imagegen.api.documents import LOCATION, PREFERENCE, REPLAYED, RETRY_AFTER, Responses
from imagegen.api.errors import JobFailed
from imagegen.api.generation import Accepted
from imagegen.api.preferences import Patience
from imagegen.api.waiting import wait_for_end
from imagegen.job_news import Listener
from imagegen.jobs import JobStatus
from imagegen.wiring import Services

OUTCOMES: Final[Responses] = {
    200: {"description": "The finished job with its pictures.", "headers": {**PREFERENCE, **REPLAYED}},
    202: {
        "model": schemas.Job,
        "description": "Accepted and not finished yet; `Location` tells where to look.",
        "headers": {**LOCATION, **RETRY_AFTER, **PREFERENCE, **REPLAYED},
    },
}


async def outcome(
    accepted: Accepted, services: Services, wish: Patience, *, may_wait: bool, listener: Listener | None = None
) -> Response:
    """Wait for an accepted job as long as is wished and allowed, and tell what became of it.

    `listener` hears of a job that this request has just made since before it was stored; without it the job is read.

    Raises:
        JobFailed: it failed.
    """
    patience = wish.wait if accepted.queued and may_wait else timedelta(0)
    job = await wait_for_end(accepted.job, services, patience, None if accepted.replayed else listener)
    if job.status is JobStatus.FAILED:
        raise JobFailed(job)
    headers = {"Idempotent-Replayed": "true"} if accepted.replayed else {}
    if wish.applied and may_wait:
        headers["Preference-Applied"] = wish.applied
    content = (await job_answer(job, services)).model_dump(mode="json")
    if job.status.is_final:
        return JSONResponse(content, headers=headers)
    headers |= {"Location": f"/api/jobs/{job.id}", "Retry-After": "1"}
    return JSONResponse(content, 202, headers=headers)
