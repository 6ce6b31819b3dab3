"""/api/jobs/{jobId}/retry."""

from fastapi import APIRouter, Response

from imagegen.api import schemas
from imagegen.api.callers import CallerDep, JobId, job_in_sight
from imagegen.api.deps import SeatsDep, ServicesDep
from imagegen.api.documents import (
    BAD_REQUEST,
    FAL_ERROR,
    FORBIDDEN,
    GONE,
    NOT_ACCEPTED,
    NOT_FOUND,
    NOT_TO_BE_RETRIED,
    REFUSED,
)
from imagegen.api.json_routes import JsonRoute
from imagegen.api.outcomes import OUTCOMES, outcome
from imagegen.api.preferences import IdempotencyKey, Prefer, patience
from imagegen.api.retrying import retry

router = APIRouter(prefix="/api/jobs", tags=["jobs"], route_class=JsonRoute)
_REFUSALS = {**BAD_REQUEST, **FORBIDDEN, **NOT_FOUND, **NOT_TO_BE_RETRIED, **GONE, **REFUSED, **FAL_ERROR}


@router.post("/{jobId}/retry", response_model=schemas.Job, responses={**OUTCOMES, **_REFUSALS, **NOT_ACCEPTED})
async def retry_job(
    *,
    jobId: JobId,  # noqa: N803 - the name in the path
    services: ServicesDep,
    caller: CallerDep,
    seats: SeatsDep,
    idempotency_key: IdempotencyKey = None,
    prefer: Prefer = None,
) -> Response:
    """Try a failed or cancelled job again: a new job with the same inputs and options, at the price of now.

    The new job names the old one as `retryOf`; the old one stays as it is. It keeps `webhookUrl`, and
    `deadlineSeconds` counts from now. The answer is that of `generate`. Each call makes a new job, which is paid for,
    unless it repeats an `Idempotency-Key`.
    """
    job = await job_in_sight(jobId, services, caller)
    wish = patience(prefer, services.settings.service.wait)
    with seats.taken() as may_wait:
        return await outcome(await retry(job, services, caller, idempotency_key), services, wish, may_wait=may_wait)
