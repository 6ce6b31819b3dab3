"""/api/jobs/{jobId}/deliveries: the log of a job's webhooks."""

from fastapi import APIRouter, Request

from imagegen.api.deps import JobId, caller_of, services_of
from imagegen.api.http.json_route import JsonRoute
from imagegen.api.http.policies import Access, Caching, RoutePolicy, policy
from imagegen.api.openapi.responses import GONE, NOT_FOUND, UNAVAILABLE
from imagegen.keys import KeyScope
from imagegen.operations.access import get_visible_job
from imagegen.wire.webhook_schemas import DeliveryList
from imagegen.wire.webhook_serializers import serialize_delivery

router = APIRouter(prefix="/api/jobs", tags=["jobs"], route_class=JsonRoute)


@router.get("/{jobId}/deliveries", responses={**NOT_FOUND, **GONE, **UNAVAILABLE})
@policy(RoutePolicy(access=Access.KEYED, scope=KeyScope.READ, caching=Caching.NO_STORE))
async def list_deliveries(job_id: JobId, request: Request) -> DeliveryList:
    """List the webhook deliveries of a job: the attempts, the receiver's responses, and when the next attempt is due.

    A delivery that is `pending` is retried, with growing pauses, for 24 hours after the job's end.
    """
    services = services_of(request)
    job = await get_visible_job(job_id, services.jobs, caller_of(request))
    deliveries = await services.webhook_deliveries.find_by_job(job.id)
    return DeliveryList(deliveries=[serialize_delivery(delivery) for delivery in deliveries])
