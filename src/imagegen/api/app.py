"""The application: routes, error handlers, middleware and documentation."""

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, Final, NoReturn, TypedDict

from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute
from fastapi.telemetry import TelemetryConfig

import imagegen
from imagegen.api.errors import translate_errors
from imagegen.api.http.policies import RoutePolicies
from imagegen.api.middleware.auth import AccessPolicy
from imagegen.api.middleware.stack import install_middleware
from imagegen.api.openapi.document import build_document
from imagegen.api.openapi.operations import operation_id
from imagegen.api.openapi.written import WrittenDocuments
from imagegen.api.prometheus import server_gauges
from imagegen.api.routes import (
    audit,
    batches,
    budgets,
    cancel,
    catalog,
    events,
    fal_webhook,
    health,
    image_files,
    jobs,
    keys,
    metrics,
    own_links,
    retry,
    uploads,
    usage,
    webhook_deliveries,
)
from imagegen.api.routes.batches import batch_router
from imagegen.api.routes.documentation import serve_documentation
from imagegen.api.routes.images import images_router
from imagegen.api.routes.openapi_document import serve_document
from imagegen.api.routes.start_page import serve_start_page
from imagegen.errors import DatabaseUnavailable
from imagegen.net.single_flight import SingleFlight
from imagegen.net.slots import Slots
from imagegen.observability.tracing import NO_TRACER, Tracer
from imagegen.registry import Registry
from imagegen.services import Services
from imagegen.settings import LimitSettings
from imagegen.wire.health_schemas import Health

OpenServices = Callable[[], AbstractAsyncContextManager[Services]]
_SHARE: Final = 3  # one caller gets at most three times as many slots as it leaves free
_LIMITS: Final = LimitSettings()
# FastAPI's telemetry would record paths, faulty bodies and messages of exceptions, which may hold secrets and prompts.
# `ExchangeMiddleware` records requests instead.
_NO_TELEMETRY: Final[TelemetryConfig] = {
    "tracing": False,
    "metrics": False,
    "logs": False,
    "operation_spans": False,
    "auto_configure": False,
}


class State(TypedDict):
    """The members of `request.state`; `AuthMiddleware` adds `caller`."""

    services: Services
    waiting_slots: Slots
    stream_slots: Slots
    download_slots: Slots
    access: AccessPolicy
    readiness: SingleFlight[Health]
    server_gauges: SingleFlight[None]


def _opened_elsewhere() -> NoReturn:
    raise AssertionError("the lifespan of an application without services of its own does not run")


def create_app(
    registry: Registry,
    open_services: OpenServices = _opened_elsewhere,
    access: AccessPolicy | None = None,
    limits: LimitSettings = _LIMITS,
    tracer: Tracer = NO_TRACER,
) -> FastAPI:
    """Create the application.

    Args:
        registry: the models.
        open_services: opens the services when the application starts, and closes them when it stops. Left out where
            something else does, or no request is handled.
        access: which callers are admitted; by default every caller that reaches this machine by one of its own names.
        limits: limits of what callers send.
        tracer: starts the span of each request.
    """
    access = access or AccessPolicy()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncGenerator[State]:
        async with open_services() as services:
            app.state.keys = services.keys
            yield application_state(services, access, limits)

    app = FastAPI(
        title="imagegen",
        version=imagegen.__version__,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,  # `serve_document` has it
        redirect_slashes=False,
        telemetry=_NO_TELEMETRY,
    )
    translate_errors(app, registry)
    policies = _add_routes(app, registry)
    _serve_openapi(app, registry, access, policies)
    install_middleware(app, access, policies, limits, tracer)
    return app


def application_state(services: Services, access: AccessPolicy, limits: LimitSettings) -> State:
    """The state of requests. All applications of a process share it, as they share the limits."""
    metrics = services.metrics
    return State(
        services=services,
        waiting_slots=Slots(limits.max_waiting, times_free=_SHARE, on_change=metrics.set_requests_waiting),
        stream_slots=Slots(limits.max_streams, times_free=_SHARE, on_change=metrics.set_streams_open),
        download_slots=Slots(limits.max_downloads, times_free=_SHARE, on_change=metrics.set_downloads_open),
        access=access,
        readiness=health.readiness(services),
        server_gauges=server_gauges(services),
    )


def _serve_openapi(app: FastAPI, registry: Registry, access: AccessPolicy, policies: RoutePolicies) -> None:
    """Makes the document when it is asked for: in a thread and once for requests, at each call for `app.openapi`."""

    def needs_key() -> bool:
        keys = getattr(app.state, "keys", None)
        try:
            return access.requires_key(keys) if keys is not None else access.always_requires_key
        except DatabaseUnavailable:
            return True

    def build(is_keyed: bool) -> dict[str, Any]:
        return build_document(app, registry, policies, needs_key=is_keyed)

    app.state.documents = WrittenDocuments(build, needs_key)
    app.openapi = lambda: build(needs_key())


def _add_routes(app: FastAPI, registry: Registry) -> RoutePolicies:
    # FastAPI keeps an included router as one route and looks up its own routes twice, so each is added by itself.
    for route in (route for router in _routers(registry) for route in router.routes):
        assert isinstance(route, APIRoute)
        route.operation_id = operation_id(route)
        app.routes.append(route)
    serve_document(app, registry)
    serve_documentation(app)
    serve_start_page(app)
    return RoutePolicies(app.routes)


def _routers(registry: Registry) -> Sequence[APIRouter]:
    return (
        images_router(registry),
        batch_router(registry),
        batches.router,
        image_files.router,
        own_links.router,
        uploads.router,
        jobs.router,
        cancel.router,
        fal_webhook.router,
        webhook_deliveries.router,
        events.router,
        retry.router,
        usage.router,
        keys.router,
        budgets.router,
        audit.router,
        catalog.router,
        health.router,
        metrics.router,
    )
