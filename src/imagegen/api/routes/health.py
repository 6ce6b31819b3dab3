"""/health: checks for load balancers and people."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Final, cast

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from imagegen.api.http.json_route import JsonRoute
from imagegen.api.http.policies import Access, Caching, RoutePolicy, policy
from imagegen.errors import DatabaseUnavailable, ProviderError, Unavailable
from imagegen.net.single_flight import SingleFlight
from imagegen.operations.catalog_reload import others_with_another_catalog
from imagegen.services import Services
from imagegen.wire import health_schemas

router = APIRouter(prefix="/health", tags=["health"], route_class=JsonRoute)
_PROBE: Final = RoutePolicy(access=Access.OPEN, caching=Caching.AS_SET, is_routine=True)
_TIMEOUT: Final = 5.0  # seconds
_KEPT: Final = timedelta(seconds=1)  # fal's state may already be a second old


@router.get("/live")
@policy(_PROBE)
async def get_liveness() -> health_schemas.Liveness:
    """Check that the process is alive.

    For a load balancer, or a supervisor that restarts a process that hangs. Contacts no other server and needs no API
    key.
    """
    return health_schemas.Liveness(status="live")


@router.get("/ready", responses={503: {"model": health_schemas.Health, "description": "A server is down."}})
@policy(_PROBE)
async def get_readiness(request: Request) -> health_schemas.Health:
    """Check that all four servers are up; 503 if one is down.

    `servers` says which one is down, and why. Needs no API key. The result is at most two seconds old.
    """
    health = await cast("SingleFlight[health_schemas.Health]", request.state.readiness).get()
    is_ready = health.status == "ready"
    return health if is_ready else JSONResponse(health.model_dump(mode="json"), 503)  # pyright: ignore[reportReturnType] - FastAPI passes a Response through


def readiness(services: Services) -> SingleFlight[health_schemas.Health]:
    """The result of `/health/ready`. Simultaneous requests share it, so that each server is checked once a second."""
    return SingleFlight(lambda: _health(services), _KEPT)


async def _health(services: Services) -> health_schemas.Health:
    checks = {
        "mongodb": services.jobs.check,
        "s3": services.images.bucket.check,
        "nats": services.queue.stream.check,
        "fal": services.account.check,
    }
    catalog = asyncio.create_task(_catalog(services), name="catalog health")
    states = await asyncio.gather(*(_state(check) for check in checks.values()))
    servers = dict(zip(checks, states, strict=True))
    is_ready = all(state.status == "up" for state in states)
    return health_schemas.Health(status="ready" if is_ready else "not_ready", servers=servers, catalog=await catalog)


async def _catalog(services: Services) -> health_schemas.CatalogHealth:
    latest = services.current_catalog.latest
    return health_schemas.CatalogHealth(
        sha256=latest.sha256,
        loaded_at=latest.loaded_at,
        models=len(latest.registry.models),
        warning=await _catalog_warning(services),
    )


async def _catalog_warning(services: Services) -> str | None:
    if refused_at := services.current_catalog.refused_at:
        return f"The reload of {refused_at:%Y-%m-%dT%H:%M:%SZ} was refused. The log says what is wrong in the files."
    try:
        async with asyncio.timeout(_TIMEOUT):
            others = await others_with_another_catalog(services)
    except (DatabaseUnavailable, TimeoutError):
        return None  # `servers` says so
    return f"Other processes use another catalog: {len(others)}." if others else None


async def _state(check: Callable[[], Awaitable[None]]) -> health_schemas.ServerHealth:
    try:
        async with asyncio.timeout(_TIMEOUT):
            await check()
    except Unavailable as error:
        return health_schemas.ServerHealth(status="down", reason=error.advice)
    except ProviderError as error:
        return health_schemas.ServerHealth(status="down", reason=str(error))
    except TimeoutError:
        return health_schemas.ServerHealth(status="down", reason=f"no answer within {_TIMEOUT:.0f} s")
    return health_schemas.ServerHealth(status="up", reason=None)
