"""/api/images: what can be generated, what it costs, and generating it."""

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Body, Header, Response
from fastapi.responses import JSONResponse

from imagegen.api import schemas
from imagegen.api.answers import estimate, job_answer, model_detail, model_summary
from imagegen.api.deps import ServicesDep
from imagegen.api.documents import BAD_REQUEST, CONFLICT, FAL_ERROR, GONE, NOT_FOUND, UNAVAILABLE
from imagegen.api.errors import JobFailed
from imagegen.api.generation import accept, new_job, repeated, wait_for_end
from imagegen.api.preferences import patience
from imagegen.inputs import with_pictures_kept
from imagegen.jobs import Job, JobStatus
from imagegen.registry import ModelRequest, Registry
from imagegen.wiring import Services


def images_router(registry: Registry) -> APIRouter:
    """The routes whose request bodies follow from the catalog."""
    router = APIRouter(prefix="/api/images", tags=["images"])

    @router.get("/models")
    async def list_models() -> schemas.ModelList:
        """Every model, with what it takes and costs."""
        return schemas.ModelList(models=[model_summary(model) for model in registry.models.values()])

    @router.get("/models/{name}", responses=NOT_FOUND)
    async def get_model(name: str) -> schemas.ModelDetail:
        """One model, with the JSON Schemas of its inputs and options and a request that works."""
        return model_detail(registry.model(name))

    @router.post("/estimate-cost", responses=BAD_REQUEST)
    async def estimate_cost(request: schemas.EstimateRequest) -> schemas.Estimate:
        """What a request would be charged if every picture arrives. Free, and nothing is generated.

        For planning, so any number of pictures up to 10,000 is priced; `generate` enforces the model's own maximum.
        """
        return estimate(registry.model(request.model).estimate(request.inputs, request.options))

    async def generate(
        body: ModelRequest,
        services: ServicesDep,
        idempotency_key: Annotated[str | None, Header(min_length=1, max_length=255, pattern=_VISIBLE)] = None,
        prefer: Annotated[str | None, Header(max_length=255)] = None,
    ) -> Response:
        """Generate pictures with any model and wait for them.

        The answer is the finished job, its pictures in your bucket. A caller that hangs up does not stop its job:
        `GET /api/jobs/{jobId}` has it. `Prefer: respond-async` answers 202 at once, `Prefer: wait=N` after N seconds.
        """
        return await _generate(body, services, idempotency_key, prefer)

    # The body's real type is the union of every model's request, which is made from the catalog.
    generate.__annotations__["body"] = Annotated[registry.request_type, Body()]
    answers = {202: _ACCEPTED, **BAD_REQUEST, **CONFLICT, **GONE, **FAL_ERROR, **UNAVAILABLE}
    router.add_api_route("/generate", generate, methods=["POST"], response_model=schemas.Job, responses=answers)
    return router


_VISIBLE = r"^[\x21-\x7e]+$"
_ACCEPTED = {
    "model": schemas.Job,
    "description": "Accepted and not finished yet; `Location` tells where to look.",
    "headers": {"Location": {"schema": {"type": "string"}}, "Retry-After": {"schema": {"type": "integer"}}},
}


async def _generate(body: ModelRequest, services: Services, key: str | None, prefer: str | None) -> Response:
    wish = patience(prefer, services.settings.service.wait)
    new = new_job(body, services, idempotency_key=key)
    accepted = await repeated(new, services) or await accept(await with_pictures_kept(new, services), services)
    job = await wait_for_end(accepted.job, services, wish.wait if accepted.queued else timedelta(0))
    if job.status is JobStatus.FAILED:
        raise JobFailed(job)
    headers = {"Idempotent-Replayed": "true"} if accepted.replayed else {}
    if wish.applied:
        headers["Preference-Applied"] = wish.applied
    return await _answer(job, services, headers)


async def _answer(job: Job, services: Services, headers: dict[str, str]) -> Response:
    content = (await job_answer(job, services)).model_dump(mode="json")
    if job.status.is_final:
        return JSONResponse(content, headers=headers)
    headers |= {"Location": f"/api/jobs/{job.id}", "Retry-After": "1"}
    return JSONResponse(content, 202, headers=headers)
