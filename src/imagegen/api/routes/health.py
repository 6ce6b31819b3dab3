"""/health: for load balancers and people."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from imagegen.api import schemas
from imagegen.api.deps import ServicesDep
from imagegen.api.json_routes import JsonRoute
from imagegen.errors import ProviderError, Unavailable

router = APIRouter(prefix="/health", tags=["health"], route_class=JsonRoute)
_PATIENCE: Final = 5.0


@router.get("/live")
async def get_liveness() -> schemas.Liveness:
    """The process answers.

    For a load balancer or a supervisor that restarts what hangs. Asks no other server and needs no API key.
    """
    return schemas.Liveness(status="live")


@router.get("/ready", responses={503: {"model": schemas.Health, "description": "A server is down."}})
async def get_readiness(services: ServicesDep) -> schemas.Health:
    """Each of the four servers answers; 503 while one does not.

    `servers` says which one does not, and why. Needs no API key.
    """
    checks = {
        "mongodb": services.jobs.check,
        "s3": services.images.bucket.check,
        "nats": services.queue.stream.check,
        "fal": services.fal.check,
    }
    states = await asyncio.gather(*(_state(check) for check in checks.values()))
    servers = dict(zip(checks, states, strict=True))
    is_ready = all(state.status == "up" for state in states)
    health = schemas.Health(status="ready" if is_ready else "not_ready", servers=servers)
    return health if is_ready else JSONResponse(health.model_dump(mode="json"), 503)  # pyright: ignore[reportReturnType] - FastAPI passes a Response through


async def _state(check: Callable[[], Awaitable[None]]) -> schemas.ServerHealth:
    try:
        async with asyncio.timeout(_PATIENCE):
            await check()
    except Unavailable as error:
        return schemas.ServerHealth(status="down", reason=error.advice)
    except ProviderError as error:
        return schemas.ServerHealth(status="down", reason=str(error))
    except TimeoutError:
        return schemas.ServerHealth(status="down", reason=f"no answer within {_PATIENCE:.0f} s")
    return schemas.ServerHealth(status="up", reason=None)
