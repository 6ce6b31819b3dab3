"""/api/images/batch and /api/batches: many generations at once."""

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Body, Request, Response
from fastapi.responses import JSONResponse

from imagegen.api import schemas
from imagegen.api.answers import batch_answer
from imagegen.api.batches import accept_batch, wait_for_batch
from imagegen.api.callers import BatchId, CallerDep, batch_in_sight
from imagegen.api.cancelling import cancel_batch as cancel_jobs_of
from imagegen.api.conditional import answer_with_tag, content_tag, is_known
from imagegen.api.deps import SeatsDep, ServicesDep
from imagegen.api.documents import (
    BAD_REQUEST,
    BATCH_NOT_FOUND,
    CONFLICT,
    FORBIDDEN,
    LOCATION,
    NOT_ACCEPTED,
    REPLAYED,
    RETRY_AFTER,
    UNAVAILABLE,
    UNCHANGED,
)
from imagegen.api.errors import BATCH
from imagegen.api.json_routes import JsonRoute
from imagegen.api.preferences import IdempotencyKey
from imagegen.api.waiting import Wait
from imagegen.registry import Registry, RequestBatch
from imagegen.storage.batches import Batch
from imagegen.wiring import Services

_ACCEPTED = {
    "model": schemas.Batch,
    "description": "Every request is accepted as a job; `Location` tells where to see how they go on.",
    "headers": {**LOCATION, **RETRY_AFTER, **REPLAYED},
}
_CANCELLING = {
    "model": schemas.Batch,
    "description": "fal.ai is asked to cancel what it has; `Location` tells where to see what it says.",
    "headers": {**LOCATION, **RETRY_AFTER},
}


router = APIRouter(prefix="/api/batches", tags=["batches"], route_class=JsonRoute)


def batch_router(registry: Registry) -> APIRouter:
    """The route that takes a batch, whose body follows from the catalog."""
    router = APIRouter(tags=["batches"], route_class=JsonRoute)

    async def generate(
        body: RequestBatch, services: ServicesDep, caller: CallerDep, idempotency_key: IdempotencyKey = None
    ) -> Response:
        """Generate pictures for up to 1,000 requests of one user, accepted together or not at all.

        Each is a request as `generate` takes it, without `userId` or with the same one, and becomes a job of its own.
        Batches run after the requests that somebody waits for. The body may have IMAGEGEN_MAX_BATCH_BYTES.
        """
        accepted = await accept_batch(body, services, caller, idempotency_key)
        content = batch_answer(accepted.batch, await services.jobs.batches.tally(accepted.batch.id))
        headers = {"Location": f"/api/batches/{accepted.batch.id}", "Retry-After": "1"}
        headers |= {"Idempotent-Replayed": "true"} if accepted.replayed else {}
        return JSONResponse(content.model_dump(mode="json"), 202, headers=headers)

    # The body's real type holds the union of every model's request, which is made from the catalog.
    generate.__annotations__["body"] = Annotated[registry.batch_class, Body()]
    router.add_api_route(
        BATCH,
        generate,
        name="generate_batch",
        methods=["POST"],
        status_code=202,
        response_model=schemas.Batch,
        responses={202: _ACCEPTED, **BAD_REQUEST, **FORBIDDEN, **CONFLICT, **NOT_ACCEPTED},
    )
    return router


@router.get(
    "/{batchId}",
    response_model=schemas.Batch,
    responses={**BATCH_NOT_FOUND, **UNAVAILABLE, **UNCHANGED},
)
async def get_batch(
    *,
    batchId: BatchId,  # noqa: N803 - the name in the path
    services: ServicesDep,
    caller: CallerDep,
    seats: SeatsDep,
    request: Request,
    wait: Wait = 0,
) -> Response:
    """How far a batch is, now or within `wait` seconds: its jobs by status, and what they cost.

    `GET /api/jobs?batchId=` lists the jobs themselves.
    """
    batch = await batch_in_sight(batchId, services, caller)
    known = request.headers.get("if-none-match")
    if not wait:
        return answer_with_tag(request, await _content(batch, services, timedelta(0), known))
    with seats.taken() as may_wait:
        content = await _content(batch, services, timedelta(seconds=wait if may_wait else 0), known)
    return answer_with_tag(request, content)


@router.post(
    "/{batchId}/cancel",
    response_model=schemas.Batch,
    responses={202: _CANCELLING, **BATCH_NOT_FOUND, **UNAVAILABLE},
    response_description="All of its jobs have ended.",
)
async def cancel_batch(
    batchId: BatchId,  # noqa: N803 - the name in the path
    services: ServicesDep,
    caller: CallerDep,
) -> Response:
    """Cancel the jobs of a batch that have not ended.

    Those that fal.ai does not have yet are cancelled at once. For the others fal.ai is asked, and what it says
    holds. May be repeated.
    """
    batch = await batch_in_sight(batchId, services, caller)
    await cancel_jobs_of(batch, services)
    tally = await services.jobs.batches.tally(batch.id)
    content = batch_answer(batch, tally).model_dump(mode="json")
    if tally.is_final:
        return JSONResponse(content)
    return JSONResponse(content, 202, headers={"Location": f"/api/batches/{batch.id}", "Retry-After": "1"})


async def _content(batch: Batch, services: Services, patience: timedelta, known: str | None) -> schemas.Batch:
    """The answer, as soon as it is not what the caller knows, or without such knowledge as soon as all has ended."""
    tally = await services.jobs.batches.tally(batch.id)

    async def look() -> bool:
        nonlocal tally
        tally = await services.jobs.batches.tally(batch.id)
        changed = known is not None and not is_known(known, content_tag(batch_answer(batch, tally)))
        return tally.is_final or changed

    await wait_for_batch(batch, services, patience, look)
    return batch_answer(batch, tally)
