"""/api/jobs/{jobId}/retry."""

from fastapi import APIRouter, Request, Response

from imagegen.api.deps import JobId, caller_of, services_of, waiting_slot
from imagegen.api.http.json_route import JsonRoute
from imagegen.api.http.policies import Access, Caching, RoutePolicy, policy
from imagegen.api.http.prefer import IdempotencyKey, Prefer, wait_preference
from imagegen.api.http.retirement_headers import retirement_headers
from imagegen.api.job_response import OUTCOMES, outcome
from imagegen.api.openapi.responses import (
    BAD_REQUEST,
    BEYOND_KEY,
    BUDGET_EXCEEDED,
    FAL_ERROR,
    NOT_ACCEPTED,
    NOT_FOUND,
    NOT_TO_BE_RETRIED,
    REFUSED,
    RETIRED,
    TOO_FAST,
)
from imagegen.keys import KeyScope
from imagegen.operations.access import get_visible_job
from imagegen.operations.retry import retry
from imagegen.wire import job_schemas

router = APIRouter(prefix="/api/jobs", tags=["jobs"], route_class=JsonRoute)
_REFUSALS = {
    **BAD_REQUEST,
    **BEYOND_KEY,
    **NOT_FOUND,
    **NOT_TO_BE_RETRIED,
    **RETIRED,
    **REFUSED,
    **TOO_FAST,
    **FAL_ERROR,
}


@router.post(
    "/{jobId}/retry",
    response_model=job_schemas.Job,
    responses={**OUTCOMES, **_REFUSALS, **BUDGET_EXCEEDED, **NOT_ACCEPTED},
)
@policy(RoutePolicy(access=Access.KEYED, scope=KeyScope.GENERATE, caching=Caching.NO_STORE))
async def retry_job(
    *,
    job_id: JobId,
    request: Request,
    idempotency_key: IdempotencyKey = None,
    prefer: Prefer = None,
) -> Response:
    """Retry a failed or cancelled job: a new job with the same inputs and options, at the current price.

    The new job refers to the old one in `retryOf`; the old one does not change. It keeps `webhookUrl`, and
    `deadlineSeconds` counts from now. The response is that of `generate`. Each request creates a new job, which is
    charged, unless it repeats an `Idempotency-Key`.
    """
    services, caller = services_of(request), caller_of(request)
    job = await get_visible_job(job_id, services.jobs, caller)
    preference = wait_preference(prefer, services.settings.service.wait)
    with waiting_slot(request)() as may_wait:
        accepted = await retry(job, services, caller, idempotency_key)
        response = await outcome(accepted, services, preference, may_wait=may_wait)
    response.headers.update(retirement_headers([services.registry.model(accepted.job.model)]))
    return response
