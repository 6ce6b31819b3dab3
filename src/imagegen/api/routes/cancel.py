"""/api/jobs/{jobId}/cancel."""

from typing import Annotated

from fastapi import APIRouter, Path, Response
from fastapi.responses import JSONResponse

from imagegen.api import schemas
from imagegen.api.answers import job_answer
from imagegen.api.callers import CallerDep, job_in_sight
from imagegen.api.cancelling import cancel
from imagegen.api.deps import ServicesDep
from imagegen.api.documents import FINISHED, GONE, LOCATION, NOT_FOUND, RETRY_AFTER, UNAVAILABLE
from imagegen.api.examples import JOB_ID
from imagegen.api.json_routes import JsonRoute

router = APIRouter(prefix="/api/jobs", tags=["jobs"], route_class=JsonRoute)
_CANCELLED = {"description": "The cancelled job; nothing is charged."}
_WISHED = {
    "model": schemas.Job,
    "description": "fal.ai is asked to cancel; `Location` tells where to see what it says.",
    "headers": {**LOCATION, **RETRY_AFTER},
}


@router.post(
    "/{jobId}/cancel",
    response_model=schemas.Job,
    responses={200: _CANCELLED, 202: _WISHED, **NOT_FOUND, **FINISHED, **GONE, **UNAVAILABLE},
)
async def cancel_job(
    jobId: Annotated[str, Path(description="The job's id.", examples=[JOB_ID])],  # noqa: N803 - the name in the path
    services: ServicesDep,
    caller: CallerDep,
) -> Response:
    """Cancel a job.

    One that fal.ai does not have yet is cancelled at once and never sent. Otherwise fal.ai is asked to cancel, and
    what it says holds: the job ends as `cancelled`, uncharged, or fal.ai completes it all the same, and it is charged.
    May be repeated.
    """
    job = await cancel(await job_in_sight(jobId, services, caller), services)
    content = (await job_answer(job, services)).model_dump(mode="json")
    if job.status.is_final:
        return JSONResponse(content)
    return JSONResponse(content, 202, headers={"Location": f"/api/jobs/{job.id}", "Retry-After": "1"})
