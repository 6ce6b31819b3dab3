"""/api/images/batch and /api/batches: many generations in one request."""

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Body, Request, Response
from fastapi.responses import JSONResponse

from imagegen.api.deps import BatchId, Wait, caller_of, services_of, waiting_slot
from imagegen.api.http.body_limits import batch_limit
from imagegen.api.http.etags import content_tag, is_known, tagged_response
from imagegen.api.http.json_route import JsonRoute
from imagegen.api.http.media_types import JSON
from imagegen.api.http.policies import Access, BodyPolicy, Caching, RoutePolicy, policy
from imagegen.api.http.prefer import IdempotencyKey
from imagegen.api.http.rate_headers import rate_headers
from imagegen.api.http.retirement_headers import retirement_headers
from imagegen.api.openapi.responses import (
    BAD_REQUEST,
    BATCH_NOT_FOUND,
    BATCH_RETIRED,
    BEYOND_KEY,
    BUDGET_EXCEEDED,
    CONFLICT,
    LOCATION,
    NOT_ACCEPTED,
    REPLAYED,
    RETRY_AFTER,
    TOO_FAST,
    UNAVAILABLE,
    UNCHANGED,
)
from imagegen.keys import KeyScope
from imagegen.operations.access import get_visible_batch
from imagegen.operations.batch import accept_batch, wait_for_batch
from imagegen.operations.cancel import cancel_batch as cancel_jobs_of
from imagegen.registry import Registry, RequestBatch
from imagegen.services import Services
from imagegen.storage.batches import Batch
from imagegen.wire import batch_schemas
from imagegen.wire.serializers import serialize_batch

_ACCEPTED = {
    "model": batch_schemas.Batch,
    "description": "Every request is accepted as a job; `Location` is the path of the batch.",
    "headers": {**LOCATION, **RETRY_AFTER, **REPLAYED},
}
_CANCELLING = {
    "model": batch_schemas.Batch,
    "description": "fal.ai was asked to cancel the jobs that it has; `Location` is where to check on the batch.",
    "headers": {**LOCATION, **RETRY_AFTER},
}


router = APIRouter(prefix="/api/batches", tags=["batches"], route_class=JsonRoute)


def batch_router(registry: Registry) -> APIRouter:
    """The route that accepts a batch. The type of its body is made from the catalog."""
    router = APIRouter(tags=["batches"], route_class=JsonRoute)

    @policy(
        RoutePolicy(
            access=Access.KEYED,
            scope=KeyScope.GENERATE,
            body=BodyPolicy(JSON, batch_limit, Registry.invalid_batch, names_user=True),
        )
    )
    async def generate(body: RequestBatch, request: Request, idempotency_key: IdempotencyKey = None) -> Response:
        """Generate images for up to 1,000 requests of one user, all or none of which are accepted.

        With `partial`, as many of the first requests are accepted as budgets have room for; `refused` lists the others.
        Each is a request as for `generate`, with the same `userId` or none, and becomes a separate job. Batches run
        after single requests. The body may have up to IMAGEGEN_MAX_BATCH_BYTES.
        """
        services = services_of(request)
        accepted = await accept_batch(body, services, caller_of(request), idempotency_key)
        content = serialize_batch(accepted.batch, await services.batches.progress(accepted.batch.id))
        headers = {"Location": f"/api/batches/{accepted.batch.id}", "Retry-After": "1"}
        headers |= {"Idempotent-Replayed": "true"} if accepted.replayed else {}
        headers |= rate_headers(accepted.rates)
        headers |= retirement_headers(registry.model(name) for name in accepted.models)
        return JSONResponse(content.model_dump(mode="json"), 202, headers=headers)

    # The real type of the body is made from the catalog: it holds the union of the requests of all models.
    generate.__annotations__["body"] = Annotated[registry.batch_class, Body()]
    router.add_api_route(
        "/api/images/batch",
        generate,
        name="generate_batch",
        methods=["POST"],
        status_code=202,
        response_model=batch_schemas.Batch,
        responses={
            202: _ACCEPTED,
            **BAD_REQUEST,
            **BUDGET_EXCEEDED,
            **BEYOND_KEY,
            **CONFLICT,
            **BATCH_RETIRED,
            **TOO_FAST,
            **NOT_ACCEPTED,
        },
    )
    return router


@router.get(
    "/{batchId}",
    response_model=batch_schemas.Batch,
    responses={**BATCH_NOT_FOUND, **UNAVAILABLE, **UNCHANGED},
)
@policy(RoutePolicy(access=Access.KEYED, scope=KeyScope.READ, caching=Caching.NO_STORE))
async def get_batch(
    *,
    batch_id: BatchId,
    request: Request,
    wait: Wait = 0,
) -> Response:
    """The progress of a batch: its jobs by status, and their cost.

    `wait` delays the response until it has ended. `GET /api/jobs?batchId=` lists the jobs themselves.
    """
    services = services_of(request)
    batch = await get_visible_batch(batch_id, services.batches, caller_of(request))
    known = request.headers.get("if-none-match")
    if not wait:
        return tagged_response(request, await _content(batch, services, timedelta(0), known))
    with waiting_slot(request)() as may_wait:
        content = await _content(batch, services, timedelta(seconds=wait if may_wait else 0), known)
    return tagged_response(request, content)


@router.post(
    "/{batchId}/cancel",
    response_model=batch_schemas.Batch,
    responses={202: _CANCELLING, **BATCH_NOT_FOUND, **UNAVAILABLE},
    response_description="All jobs of the batch have ended.",
)
@policy(RoutePolicy(access=Access.KEYED, scope=KeyScope.GENERATE, caching=Caching.NO_STORE))
async def cancel_batch(
    batch_id: BatchId,
    request: Request,
) -> Response:
    """Cancel the jobs of a batch that have not ended.

    Jobs that fal.ai does not have yet are cancelled at once. For the others fal.ai is asked to cancel, and decides.
    The request may be repeated.
    """
    services = services_of(request)
    batch = await get_visible_batch(batch_id, services.batches, caller_of(request))
    await cancel_jobs_of(batch, services)
    tally = await services.batches.progress(batch.id)
    content = serialize_batch(batch, tally).model_dump(mode="json")
    if tally.is_final:
        return JSONResponse(content)
    return JSONResponse(content, 202, headers={"Location": f"/api/batches/{batch.id}", "Retry-After": "1"})


async def _content(batch: Batch, services: Services, wait: timedelta, known: str | None) -> batch_schemas.Batch:
    """The batch, as soon as it differs from the known tag or, without one, as soon as all jobs have ended."""
    tally = await services.batches.progress(batch.id)

    async def refresh() -> bool:
        nonlocal tally
        tally = await services.batches.progress(batch.id)
        changed = known is not None and not is_known(known, content_tag(serialize_batch(batch, tally)))
        return tally.is_final or changed

    await wait_for_batch(batch, services, wait, refresh)
    return serialize_batch(batch, tally)
