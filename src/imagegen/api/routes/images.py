"""/api/images: models, prices, and generating images."""

import asyncio
from collections.abc import Generator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Body, Path, Query, Request, Response
from pydantic import JsonValue
from pydantic_core import ErrorDetails
from starlette.convertors import StringConvertor, register_url_convertor

from imagegen import jobs
from imagegen.api.deps import TakeSlot, caller_of, services_of, waiting_slot
from imagegen.api.document_response import document_response, documents_of
from imagegen.api.errors import JobFailed, job_failed
from imagegen.api.http.body_limits import data_uri_limit
from imagegen.api.http.etags import tagged_response
from imagegen.api.http.intake import intake_of
from imagegen.api.http.json_route import DeferredResponse, JsonRoute
from imagegen.api.http.long_wait import long_wait
from imagegen.api.http.media_types import JSON
from imagegen.api.http.policies import Access, BodyPolicy, RoutePolicy, policy
from imagegen.api.http.prefer import IdempotencyKey, Prefer, WaitPreference, wait_preference
from imagegen.api.http.retirement_headers import retirement_headers
from imagegen.api.job_response import OUTCOMES, outcome
from imagegen.api.openapi.responses import (
    BAD_QUERY,
    BAD_REQUEST,
    BEYOND_KEY,
    BUDGET_EXCEEDED,
    CONFLICT,
    FAL_ERROR,
    FORBIDDEN,
    MODEL_NOT_FOUND,
    NOT_ACCEPTED,
    REFUSED,
    RETIRED,
    TOO_FAST,
    UNCHANGED,
)
from imagegen.api.routes.model_query import ModelQuery
from imagegen.clock import now
from imagegen.errors import InvalidRequest
from imagegen.keys import Caller, KeyScope
from imagegen.operations.admission import check, planning_faults, require_model
from imagegen.operations.budget_admission import budgets_of_request
from imagegen.operations.generate import Accepted, find_or_accept, new_job
from imagegen.queue.subscriptions import Subscription, is_end
from imagegen.registry import EstimateRequest, Model, ModelRequest, Registry, UnpricedModel, given
from imagegen.services import Services
from imagegen.wire.job_schemas import Job
from imagegen.wire.model_schemas import Estimate, ModelDetail, ModelList
from imagegen.wire.model_serializers import model_detail, model_summary, unpriced_model
from imagegen.wire.serializers import estimate


class _AnyText(StringConvertor):
    """The rest of a path, whatever it contains. A fal endpoint has slashes; the problem for it names its model."""

    regex = r"[\s\S]+"


def images_router(registry: Registry) -> APIRouter:
    """The routes whose bodies are made from the catalog: each is the union of the requests of all models."""
    register_url_convertor("any", _AnyText())
    router = APIRouter(prefix="/api/images", tags=["images"], route_class=JsonRoute)
    _add_generate(router, registry)
    _add_estimate(router, registry)

    @router.get("/models", response_model=ModelList, responses={**BAD_QUERY, **UNCHANGED})
    @policy(RoutePolicy(access=Access.KEYED, scope=KeyScope.READ))
    async def list_models(query: Annotated[ModelQuery, Query()], request: Request) -> Response:
        """List the models, with their inputs, options, prices and capabilities.

        In the catalog's order, without those that are retired. The list seldom changes, so send its ETag.
        """
        today = now().date()
        offered = [model for model in registry.models.values() if not model.is_retired(today)]
        return tagged_response(request, await asyncio.to_thread(_listed, query, offered, registry.unpriced))

    @router.get(
        "/models/{name:any}/openapi.json",
        responses={200: _A_DOCUMENT, **MODEL_NOT_FOUND, **UNCHANGED},
    )
    @policy(RoutePolicy(access=Access.KEYED, scope=KeyScope.READ))
    async def get_model_document(
        name: Annotated[str, Path(description=_NAME, examples=["flux-pro"])], request: Request
    ) -> Response:
        """Get the OpenAPI document with the requests of one model only.

        It is small enough to generate a client for one model, or to be read as a whole. `GET /openapi.json?models=a,b`
        has the requests of several models, and needs no key.
        """
        document = await documents_of(request).of_models(frozenset({registry.model(name).name}))
        return await document_response(request, document)

    @router.get("/models/{name:any}", response_model=ModelDetail, responses={**MODEL_NOT_FOUND, **UNCHANGED})
    @policy(RoutePolicy(access=Access.KEYED, scope=KeyScope.READ))
    async def get_model(
        name: Annotated[str, Path(description=_NAME, examples=["flux-pro"])], request: Request
    ) -> Response:
        """Get one model, with the JSON Schemas of its inputs and options and a request that works.

        Build a form from the schemas, or start from `example`, which is a body for `POST /api/images/generate`.
        """
        model = registry.model(name)
        response = tagged_response(request, model_detail(model))
        response.headers.update(retirement_headers([model]))
        return response

    return router


_A_DOCUMENT = {"description": "The OpenAPI document.", "content": {JSON: {"schema": {"type": "object"}}}}


def _listed(query: ModelQuery, offered: Sequence[Model], unpriced: Sequence[UnpricedModel]) -> ModelList:
    """Those of the models that match. The first list takes some 50 ms: it computes the bounds of all prices."""
    return ModelList(
        models=[model_summary(model) for model in query.matching(offered)],
        unpriced=[] if query.model_fields_set else [unpriced_model(model) for model in unpriced],
    )


_NAME = "The model's name, as in the list of models."


def _add_estimate(router: APIRouter, registry: Registry) -> None:
    @policy(
        RoutePolicy(
            access=Access.KEYED,
            scope=KeyScope.READ,
            body=BodyPolicy(JSON, data_uri_limit, _planning_refusal, names_user=True),
        )
    )
    async def estimate_cost(body: EstimateRequest, request: Request, response: Response) -> Estimate:
        """Estimate what a request would cost if every image is delivered. Free; nothing is generated.

        Send the body of `generate`, or a part of it: only `model` is required. For planning, up to 10,000 images can be
        priced. Where the size or the number of images is known only once they are made, `exact` is false, and `maxCost`
        is the most that the job can cost. `warnings` lists everything that `generate` would refuse.
        """
        services, caller = services_of(request), caller_of(request)
        if "user_id" in body.model_fields_set:
            caller.require_user(body.user_id)
        model, inputs, options = registry.model(body.model), given(body.inputs), given(body.options)
        require_model(caller, model)
        response.headers.update(retirement_headers([model]))
        refused = await planning_faults(model, body, services)
        user_id = body.user_id if "user_id" in body.model_fields_set else caller.default_user
        budgets = await budgets_of_request(user_id, model.name, caller, services)
        return estimate(model.estimate(inputs, options), refused, budgets)

    estimate_cost.__annotations__["body"] = Annotated[registry.estimate_type, Body()]
    router.add_api_route("/estimate-cost", estimate_cost, methods=["POST"], responses={**BAD_REQUEST, **FORBIDDEN})


def _add_generate(router: APIRouter, registry: Registry) -> None:
    @policy(
        RoutePolicy(
            access=Access.KEYED,
            scope=KeyScope.GENERATE,
            body=BodyPolicy(JSON, data_uri_limit, Registry.invalid_request, names_user=True),
        )
    )
    async def generate(
        *,
        body: ModelRequest,
        request: Request,
        idempotency_key: IdempotencyKey = None,
        prefer: Prefer = None,
    ) -> Response:
        """Generate images with any model and wait for them.

        The response is the finished job, with its images in your bucket. If you disconnect, the job goes on:
        `GET /api/jobs/{jobId}` returns it. `Prefer: respond-async` returns 202 at once, `Prefer: wait=N` after at most
        N seconds. If too many requests are waiting already (IMAGEGEN_MAX_WAITING), the response is 202 at once.
        """
        services, caller = services_of(request), caller_of(request)
        make = partial(new_job, body, services.registry, caller, idempotency_key=idempotency_key)
        new = await asyncio.to_thread(make) if intake_of(request.scope).is_large else make()
        check(new, caller, services)
        accepted, listening = await _accepted(new, caller, services)
        preference = wait_preference(prefer, services.settings.service.wait)
        settle = partial(_settled, accepted, listening, services, preference, waiting_slot(request))
        settle = partial(settle, headers=retirement_headers([registry.model(body.model)]))
        begins_early = services.settings.service.begin_early
        return DeferredResponse(partial(long_wait, settle, _late_failure) if begins_early else settle)

    generate.__annotations__["body"] = Annotated[registry.request_type, Body()]
    refusals = {**BAD_REQUEST, **BEYOND_KEY, **CONFLICT, **RETIRED, **REFUSED, **TOO_FAST, **FAL_ERROR}
    router.add_api_route(
        "/generate",
        generate,
        name="generate_image",
        methods=["POST"],
        response_model=Job,
        responses={**OUTCOMES, **refusals, **BUDGET_EXCEEDED, **NOT_ACCEPTED},
    )


def _planning_refusal(registry: Registry, errors: Sequence[ErrorDetails], body: JsonValue) -> InvalidRequest:
    return registry.invalid_request(errors, body, planned=True)


async def _accepted(
    new: jobs.Job, caller: Caller, services: Services
) -> tuple[Accepted, AbstractContextManager[Subscription]]:
    """The accepted job, and a subscription from before it was stored, so that its end is not missed."""
    with ExitStack() as until_accepted:
        listener = until_accepted.enter_context(services.queue.subscriptions.subscribe(new.id, is_end))
        accepted = await find_or_accept(new, caller, services)
        return accepted, _listening(listener, until_accepted.pop_all())


@contextmanager
def _listening(listener: Subscription, until: ExitStack) -> Generator[Subscription]:
    with until:
        yield listener


async def _late_failure(error: Exception) -> Response | None:
    return job_failed(error) if isinstance(error, JobFailed) else None


async def _settled(
    accepted: Accepted,
    listening: AbstractContextManager[Subscription],
    services: Services,
    preference: WaitPreference,
    take_slot: TakeSlot,
    *,
    headers: Mapping[str, str],
) -> Response:
    with listening as listener, take_slot() as may_wait:
        response = await outcome(accepted, services, preference, may_wait=may_wait, listener=listener)
    response.headers.update(headers)
    return response
