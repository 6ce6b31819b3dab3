"""/metrics on the service's own port. It is not for clients, so it is not in the OpenAPI document."""

from http import HTTPStatus
from typing import cast

from fastapi import APIRouter, Request, Response
from starlette.exceptions import HTTPException

from imagegen.api.deps import services_of
from imagegen.api.http.policies import Access, Caching, RoutePolicy, policy
from imagegen.api.prometheus import PATH, metrics_response
from imagegen.keys import KeyScope
from imagegen.net.single_flight import SingleFlight

router = APIRouter()


@router.get(PATH, include_in_schema=False)
@policy(RoutePolicy(access=Access.KEYED, scope=KeyScope.READ, produces=(), caching=Caching.AS_SET, is_routine=True))
async def get_metrics(request: Request) -> Response:
    """Metrics in the Prometheus or the OpenMetrics format; not found once a key has existed.

    With API keys, every caller could read what all callers spend; operators have a separate port for metrics.
    """
    if services_of(request).keys.ever_had_keys:
        raise HTTPException(HTTPStatus.NOT_FOUND)
    gauges = cast("SingleFlight[None]", request.state.server_gauges)
    return await metrics_response(services_of(request), gauges, request.headers.get("accept", ""))
