"""/health: for load balancers and people."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Final, cast

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from imagegen.api import schemas
from imagegen.api.json_routes import JsonRoute
from imagegen.errors import ProviderError, Unavailable
from imagegen.shared_answers import SharedAnswer
from imagegen.wiring import Services

router = APIRouter(prefix="/health", tags=["health"], route_class=JsonRoute)
_PATIENCE: Final = 5.0
_KEPT: Final = timedelta(seconds=1)  # and what fal said may be a second old by then


@router.get("/live")
async def get_liveness() -> schemas.Liveness:
    """The process answers.

    For a load balancer or a supervisor that restarts what hangs. Asks no other server and needs no API key.
    """
    return schemas.Liveness(status="live")


@router.get("/ready", responses={503: {"model": schemas.Health, "description": "A server is down."}})
async def get_readiness(request: Request) -> schemas.Health:
    """Each of the four servers answers; 503 while one does not.

    `servers` says which one does not, and why. Needs no API key. The answer is two seconds old at the most.
    """
    health = await cast("SharedAnswer[schemas.Health]", request.state.readiness).get()
    is_ready = health.status == "ready"
    return health if is_ready else JSONResponse(health.model_dump(mode="json"), 503)  # pyright: ignore[reportReturnType] - FastAPI passes a Response through


def readiness(services: Services) -> SharedAnswer[schemas.Health]:
    """What `/health/ready` answers: however many ask, each server is asked once in a few seconds."""
    return SharedAnswer(lambda: _health(services), _KEPT)


async def _health(services: Services) -> schemas.Health:
    checks = {
        "mongodb": services.jobs.check,
        "s3": services.images.bucket.check,
        "nats": services.queue.stream.check,
        "fal": services.account.check,
    }
    states = await asyncio.gather(*(_state(check) for check in checks.values()))
    servers = dict(zip(checks, states, strict=True))
    is_ready = all(state.status == "up" for state in states)
    return schemas.Health(status="ready" if is_ready else "not_ready", servers=servers)


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
