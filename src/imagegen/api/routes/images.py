"""/api/images: what can be generated, what it costs, and generating it."""

from collections.abc import Generator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Body, Path, Request, Response

from imagegen.api import schemas
from imagegen.api.admission import check, planning_faults
from imagegen.api.answers import estimate, model_detail, model_summary
from imagegen.api.callers import CallerDep
from imagegen.api.conditional import answer_with_tag
from imagegen.api.deps import SeatsDep, ServicesDep
from imagegen.api.documents import (
    BAD_REQUEST,
    CONFLICT,
    FAL_ERROR,
    FORBIDDEN,
    GONE,
    MODEL_NOT_FOUND,
    NOT_ACCEPTED,
    REFUSED,
    UNCHANGED,
)
from imagegen.api.generation import Accepted, accept, new_job, repeated
from imagegen.api.json_routes import JsonRoute, LaterAnswer
from imagegen.api.limits import Share
from imagegen.api.outcomes import OUTCOMES, outcome
from imagegen.api.preferences import IdempotencyKey, Patience, Prefer, patience
from imagegen.job_news import Listener, is_end
from imagegen.keys import Caller
from imagegen.registry import EstimateRequest, ModelRequest, Registry, given
from imagegen.wiring import Services


def images_router(registry: Registry) -> APIRouter:
    """The routes whose request bodies follow from the catalog: each takes the union of what its models take."""
    router = APIRouter(prefix="/api/images", tags=["images"], route_class=JsonRoute)

    @router.get("/models", response_model=schemas.ModelList, responses=UNCHANGED)
    async def list_models(request: Request) -> Response:
        """Every model, with what it takes and costs.

        In the catalog's order. It changes only when the service is started with another catalog, so ask with its ETag.
        """
        models = [model_summary(model) for model in registry.models.values()]
        return answer_with_tag(request, schemas.ModelList(models=models))

    @router.get("/models/{name}", response_model=schemas.ModelDetail, responses={**MODEL_NOT_FOUND, **UNCHANGED})
    async def get_model(
        name: Annotated[str, Path(description=_NAME, examples=["flux-pro"])], request: Request
    ) -> Response:
        """One model, with the JSON Schemas of its inputs and options and a request that works.

        Make a form of the schemas, or start from `example`: it is a body for `POST /api/images/generate`.
        """
        return answer_with_tag(request, model_detail(registry.model(name)))

    _add_estimate(router, registry)

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
        accepted, listening = await _accepted(body, services, caller, idempotency_key)
        wish = patience(prefer, services.settings.service.wait)
        return LaterAnswer(partial(_settled, accepted, listening, services, wish, seats))

    generate.__annotations__["body"] = Annotated[registry.request_type, Body()]
    refusals = {**BAD_REQUEST, **FORBIDDEN, **CONFLICT, **GONE, **REFUSED, **FAL_ERROR, **NOT_ACCEPTED}
    router.add_api_route(
        "/generate",
        generate,
        name="generate_image",
        methods=["POST"],
        response_model=schemas.Job,
        responses={**OUTCOMES, **refusals},
    )
    return router


_NAME = "The model's name, as the list has it."


def _add_estimate(router: APIRouter, registry: Registry) -> None:
    async def estimate_cost(body: EstimateRequest, services: ServicesDep, caller: CallerDep) -> schemas.Estimate:
        """What a request would be charged if every picture arrives. Free, and nothing is generated.

        The body of `generate` can be priced as it is, and so can a part of it: only `model` is required. Any number of
        pictures up to 10,000 is priced, for planning. `warnings` names all that `generate` would refuse.
        """
        if "user_id" in body.model_fields_set:
            caller.demand_user(body.user_id)
        caller.demand_model(body.model)
        model, inputs, options = registry.model(body.model), given(body.inputs), given(body.options)
        refused = await planning_faults(model, body, services)
        return estimate(model.estimate(inputs, options), refused)

    estimate_cost.__annotations__["body"] = Annotated[registry.estimate_type, Body()]
    router.add_api_route("/estimate-cost", estimate_cost, methods=["POST"], responses={**BAD_REQUEST, **FORBIDDEN})


async def _accepted(
    body: ModelRequest, services: Services, caller: Caller, key: str | None
) -> tuple[Accepted, AbstractContextManager[Listener]]:
    """The accepted job, and what hears of its end since before it was stored, so that nothing is missed."""
    new = new_job(body, services, caller, idempotency_key=key)
    check(new, caller, services.settings)
    with ExitStack() as until_accepted:
        listener = until_accepted.enter_context(services.queue.news.heard(new.id, is_end))
        accepted = await repeated(new, services) or await accept(new, services)
        return accepted, _listening(listener, until_accepted.pop_all())


@contextmanager
def _listening(listener: Listener, until: ExitStack) -> Generator[Listener]:
    with until:
        yield listener


async def _settled(
    accepted: Accepted, listening: AbstractContextManager[Listener], services: Services, wish: Patience, seats: Share
) -> Response:
    with listening as listener, seats.taken() as may_wait:
        return await outcome(accepted, services, wish, may_wait=may_wait, listener=listener)
