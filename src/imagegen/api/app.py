"""The application: routes, errors and documentation, around services that are opened with it."""

import mimetypes
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from importlib.resources import files
from typing import Final, TypedDict

from fastapi import FastAPI
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.responses import HTMLResponse, RedirectResponse
from fastapi.staticfiles import StaticFiles
from fastapi.telemetry import TelemetryConfig

import imagegen
from imagegen.api.doors import ALIASES, Doorkeeper, Doors
from imagegen.api.edges import document_edges, guard_edges
from imagegen.api.errors import translate_errors
from imagegen.api.limits import Seats
from imagegen.api.measuring import Measuring
from imagegen.api.openapi import document, operation_id
from imagegen.api.paths import TrailingSlashMiddleware
from imagegen.api.routes import (
    batches,
    cancel,
    deliveries,
    events,
    health,
    jobs,
    metrics,
    pictures,
    retry,
    uploads,
    usage,
    webhooks,
)
from imagegen.api.routes.batches import batch_router
from imagegen.api.routes.images import images_router
from imagegen.api.schemas import Health
from imagegen.api.scraping import looking
from imagegen.registry import Registry
from imagegen.settings import LimitSettings
from imagegen.shared_answers import SharedAnswer
from imagegen.tracing import PASS_ON, Tracer
from imagegen.wiring import Services

OpenServices = Callable[[], AbstractAsyncContextManager[Services]]
_ASSETS: Final = "/api-docs/assets"
_LIMITS: Final = LimitSettings()
# FastAPI's own would record paths, faults of bodies and the words of exceptions. `observed` stands in its place.
_NO_TELEMETRY: Final[TelemetryConfig] = {
    "tracing": False,
    "metrics": False,
    "logs": False,
    "operation_spans": False,
    "auto_configure": False,
}


class State(TypedDict):
    """What a request finds in `request.state`."""

    services: Services
    seats: Seats
    streams: Seats
    doors: Doors
    readiness: SharedAnswer[Health]
    look: SharedAnswer[None]


def create_app(
    registry: Registry,
    open_services: OpenServices,
    doors: Doors | None = None,
    limits: LimitSettings = _LIMITS,
    tracer: Tracer = PASS_ON,
) -> FastAPI:
    """Make the application.

    Args:
        registry: the models.
        open_services: entered when the application starts and left when it stops.
        doors: who is let in; without them anyone, by the names of this machine only.
        limits: what is taken from a caller.
        tracer: begins the span of each request.
    """
    doors = doors or Doors()

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncGenerator[State]:
        async with open_services() as services:
            yield State(
                services=services,
                seats=Seats(limits.max_waiting, services.metrics.requests_waiting),
                streams=Seats(limits.max_streams, services.metrics.streams_open),
                doors=doors,
                readiness=health.readiness(services),
                look=looking(services),
            )

    app = FastAPI(
        title="imagegen",
        version=imagegen.__version__,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        generate_unique_id_function=operation_id,
        telemetry=_NO_TELEMETRY,
    )
    translate_errors(app, registry)
    _include_routes(app, registry, has_keys=doors.keys is not None)
    _serve_documentation(app)
    document(app, registry, doors)
    document_edges(app)
    app.add_middleware(Doorkeeper, doors=doors, origins=limits.origins)
    guard_edges(app, limits, tracer)
    app.add_middleware(Measuring)
    app.add_middleware(TrailingSlashMiddleware)
    return app


def _include_routes(app: FastAPI, registry: Registry, *, has_keys: bool) -> None:
    app.include_router(images_router(registry))
    app.include_router(batch_router(registry))
    app.include_router(batches.router)
    app.include_router(pictures.router)
    app.include_router(uploads.router)
    app.include_router(jobs.router)
    app.include_router(cancel.router)
    app.include_router(webhooks.router)
    app.include_router(deliveries.router)
    app.include_router(events.router)
    app.include_router(retry.router)
    app.include_router(usage.router)
    app.include_router(health.router)
    if not has_keys:  # with keys, each caller could read what all spend: operators have a port of their own
        app.include_router(metrics.router)


def _serve_documentation(app: FastAPI) -> None:
    """Swagger UI at /api-docs, its assets from the package: it works without internet."""
    mimetypes.init()  # reads files; otherwise the first request for an asset would, in the event loop
    assets = StaticFiles(directory=str(files("fastapi_swagger") / "resources"))
    app.mount(_ASSETS, assets, name="swagger")

    @app.get("/api-docs", include_in_schema=False)
    async def api_docs() -> HTMLResponse:
        return get_swagger_ui_html(
            openapi_url="/openapi.json",
            title="imagegen API",
            swagger_js_url=f"{_ASSETS}/swagger-ui-bundle.js",
            swagger_css_url=f"{_ASSETS}/swagger-ui.css",
            swagger_favicon_url=f"{_ASSETS}/favicon-32x32.png",
            swagger_ui_parameters={
                "tryItOutEnabled": True,
                "displayRequestDuration": True,
                "persistAuthorization": False,
            },
        )

    async def to_the_documentation() -> RedirectResponse:
        return RedirectResponse("/api-docs")

    for path in ALIASES:
        app.add_api_route(path, to_the_documentation, include_in_schema=False)
