"""/api/jobs/{jobId}/cancel."""

from fastapi import APIRouter, Request, Response

from imagegen.api.deps import JobId, caller_of, services_of
from imagegen.api.http.json_route import JsonRoute
from imagegen.api.http.policies import Access, Caching, RoutePolicy, policy
from imagegen.api.job_response import job_response
from imagegen.api.openapi.responses import FINISHED, GONE, LOCATION, NOT_FOUND, RETRY_AFTER, UNAVAILABLE
from imagegen.keys import KeyScope
from imagegen.operations.access import get_visible_job
from imagegen.operations.cancel import cancel
from imagegen.wire import job_schemas

router = APIRouter(prefix="/api/jobs", tags=["jobs"], route_class=JsonRoute)
_CANCELLED = {"description": "The cancelled job; nothing is charged."}
_REQUESTED = {
    "model": job_schemas.Job,
    "description": "fal.ai was asked to cancel; `Location` is where to check on the job.",
    "headers": {**LOCATION, **RETRY_AFTER},
}


@router.post(
    "/{jobId}/cancel",
    response_model=job_schemas.Job,
    responses={200: _CANCELLED, 202: _REQUESTED, **NOT_FOUND, **FINISHED, **GONE, **UNAVAILABLE},
)
@policy(RoutePolicy(access=Access.KEYED, scope=KeyScope.GENERATE, caching=Caching.NO_STORE))
async def cancel_job(
    job_id: JobId,
    request: Request,
) -> Response:
    """Cancel a job.

    A job that fal.ai does not have yet is cancelled at once and never sent. Otherwise fal.ai is asked to cancel, and
    decides: the job ends as `cancelled` and is not charged, or fal.ai still completes it, and it is charged. The
    request may be repeated.
    """
    services = services_of(request)
    job = await cancel(await get_visible_job(job_id, services.jobs, caller_of(request)), services)
    return await job_response(job, services)
