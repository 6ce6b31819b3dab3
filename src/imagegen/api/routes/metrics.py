"""/metrics on the service's own port. It is not for clients, so it is not in the OpenAPI document."""

from typing import cast

from fastapi import APIRouter, Request, Response

from imagegen.api.deps import services_of
from imagegen.api.http.policies import Access, Caching, RoutePolicy, policy
from imagegen.api.prometheus import PATH, metrics_response
from imagegen.net.single_flight import SingleFlight

router = APIRouter()


@router.get(PATH, include_in_schema=False)
@policy(RoutePolicy(access=Access.KEYED, produces=(), caching=Caching.AS_SET, is_routine=True))
async def get_metrics(request: Request) -> Response:
    """Metrics in the Prometheus or the OpenMetrics format."""
    gauges = cast("SingleFlight[None]", request.state.server_gauges)
    return await metrics_response(services_of(request), gauges, request.headers.get("accept", ""))
