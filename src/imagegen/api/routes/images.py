"""/api/images: what can be generated, what it costs, and generating it."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Body, Path, Request, Response
from fastapi.responses import JSONResponse
from pydantic import JsonValue

from imagegen.api import schemas
from imagegen.api.answers import estimate, job_answer, model_detail, model_summary
from imagegen.api.callers import CallerDep
from imagegen.api.conditional import answer_with_tag
from imagegen.api.deps import SeatsDep, ServicesDep
from imagegen.api.documents import (
    BAD_REQUEST,
    CONFLICT,
    FAL_ERROR,
    FORBIDDEN,
    GONE,
    LOCATION,
    MODEL_NOT_FOUND,
    PREFERENCE,
    REFUSED,
    REPLAYED,
    RETRY_AFTER,
    UNAVAILABLE,
    UNCHANGED,
)
from imagegen.api.errors import JobFailed
from imagegen.api.generation import accept, new_job, repeated
from imagegen.api.json_routes import JsonRoute
from imagegen.api.limits import demand_within_limits
from imagegen.api.preferences import IdempotencyKey, Prefer, patience
from imagegen.api.waiting import wait_for_end
from imagegen.inputs import with_pictures_kept
from imagegen.jobs import Job, JobStatus
from imagegen.keys import Caller
from imagegen.registry import ModelRequest, Registry
from imagegen.wiring import Services


def images_router(registry: Registry) -> APIRouter:
    """The routes whose request bodies follow from the catalog."""
    router = APIRouter(prefix="/api/images", tags=["images"], route_class=JsonRoute)

    @router.get("/models", response_model=schemas.ModelList, responses=UNCHANGED)
    async def list_models(request: Request) -> Response:
        """Every model, with what it takes and costs."""
        models = [model_summary(model) for model in registry.models.values()]
        return answer_with_tag(request, schemas.ModelList(models=models))

    @router.get("/models/{name}", response_model=schemas.ModelDetail, responses={**MODEL_NOT_FOUND, **UNCHANGED})
    async def get_model(
        name: Annotated[str, Path(description=_NAME, examples=["flux-pro"])], request: Request
    ) -> Response:
        """One model, with the JSON Schemas of its inputs and options and a request that works."""
        return answer_with_tag(request, model_detail(registry.model(name)))

    @router.post("/estimate-cost", responses={**BAD_REQUEST, **FORBIDDEN})
    async def estimate_cost(request: schemas.EstimateRequest, caller: CallerDep) -> schemas.Estimate:
        """What a request would be charged if every picture arrives. Free, and nothing is generated.

        For planning, so any number of pictures up to 10,000 is priced; `generate` enforces the model's own maximum.
        """
        caller.demand_model(request.model)
        return estimate(registry.model(request.model).estimate(request.inputs, request.options))

    async def generate(
        *,
        body: ModelRequest,
        services: ServicesDep,
        caller: CallerDep,
        seats: SeatsDep,
        idempotency_key: IdempotencyKey = None,
        prefer: Prefer = None,
    ) -> Response:
        """Generate pictures with any model and wait for them.

        The answer is the finished job, its pictures in your bucket. A caller that hangs up does not stop its job:
        `GET /api/jobs/{jobId}` has it. `Prefer: respond-async` answers 202 at once, `Prefer: wait=N` after N seconds.
        While as many requests wait as the service allows (IMAGEGEN_MAX_WAITING), every other is answered 202 at once.
        """
        demand_within_limits(_inputs(body), services.settings.limits)
        with seats.taken() as may_wait:
            return await _generate(body, services, caller, idempotency_key, prefer, may_wait=may_wait)

    # The body's real type is the union of every model's request, which is made from the catalog.
    generate.__annotations__["body"] = Annotated[registry.request_type, Body()]
    refusals = {**BAD_REQUEST, **FORBIDDEN, **CONFLICT, **GONE, **REFUSED, **FAL_ERROR, **UNAVAILABLE}
    router.add_api_route(
        "/generate",
        generate,
        name="generate_image",
        methods=["POST"],
        response_model=schemas.Job,
        responses={200: _FINISHED, 202: _ACCEPTED, **refusals},
    )
    return router


_NAME = "The model's name, as the list has it."
_FINISHED = {"description": "The finished job with its pictures.", "headers": {**PREFERENCE, **REPLAYED}}
_ACCEPTED = {
    "model": schemas.Job,
    "description": "Accepted and not finished yet; `Location` tells where to look.",
    "headers": {**LOCATION, **RETRY_AFTER, **PREFERENCE, **REPLAYED},
}


def _inputs(body: ModelRequest) -> Mapping[str, JsonValue]:
    return body.inputs.model_dump(mode="json", exclude_unset=True)


async def _generate(
    body: ModelRequest, services: Services, caller: Caller, key: str | None, prefer: str | None, *, may_wait: bool
) -> Response:
    wish = patience(prefer, services.settings.service.wait)
    new = new_job(body, services, caller, idempotency_key=key)
    accepted = await repeated(new, services) or await accept(await with_pictures_kept(new, services), services)
    job = await wait_for_end(accepted.job, services, wish.wait if accepted.queued and may_wait else timedelta(0))
    if job.status is JobStatus.FAILED:
        raise JobFailed(job)
    headers = {"Idempotent-Replayed": "true"} if accepted.replayed else {}
    if wish.applied and may_wait:
        headers["Preference-Applied"] = wish.applied
    return await _answer(job, services, headers)


async def _answer(job: Job, services: Services, headers: dict[str, str]) -> Response:
    content = (await job_answer(job, services)).model_dump(mode="json")
    if job.status.is_final:
        return JSONResponse(content, headers=headers)
    headers |= {"Location": f"/api/jobs/{job.id}", "Retry-After": "1"}
    return JSONResponse(content, 202, headers=headers)
