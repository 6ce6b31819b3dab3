"""/api/jobs/{jobId}/deliveries: what a job's webhook was sent."""

from fastapi import APIRouter

from imagegen.api.callers import CallerDep, JobId, job_in_sight
from imagegen.api.delivery_answers import delivery_answer
from imagegen.api.delivery_schemas import DeliveryList
from imagegen.api.deps import ServicesDep
from imagegen.api.documents import GONE, NOT_FOUND, UNAVAILABLE
from imagegen.api.json_routes import JsonRoute

router = APIRouter(prefix="/api/jobs", tags=["jobs"], route_class=JsonRoute)


@router.get("/{jobId}/deliveries", responses={**NOT_FOUND, **GONE, **UNAVAILABLE})
async def list_deliveries(jobId: JobId, services: ServicesDep, caller: CallerDep) -> DeliveryList:  # noqa: N803 - the name in the path
    """What a job's webhook was sent, what it answered, and when it is tried next.

    A delivery that is `pending` is tried again, with growing pauses, for 24 hours from the job's end.
    """
    job = await job_in_sight(jobId, services, caller)
    deliveries = await services.jobs.deliveries.of_job(job.id)
    return DeliveryList(deliveries=[delivery_answer(delivery) for delivery in deliveries])
