"""The ASGI application of the sandbox."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware

from imagegen.endpoint_index import endpoint_index
from imagegen.sandbox import model_routes
from imagegen.sandbox.components import Options, Sandbox
from imagegen.sandbox.control import ControlRoutes
from imagegen.sandbox.endpoint_schemas import endpoints
from imagegen.sandbox.history import HistoryRoutes
from imagegen.sandbox.media import MediaRoutes
from imagegen.sandbox.origins import SameOriginMiddleware
from imagegen.sandbox.pricing import PricingRoutes
from imagegen.sandbox.request_routes import RequestRoutes
from imagegen.sandbox.responses import RefusedRequest, on_refused, on_unknown_path
from imagegen.sandbox.storage import StorageRoutes
from imagegen.sandbox.submit import SubmitRoutes


def create_app(options: Options) -> Starlette:
    """Create a sandbox. Serve it with `connection.CuttableHttpProtocol`, which the faults need."""
    sandbox = Sandbox.build(options)
    # Read files, which must not happen in the event loop at the first request.
    endpoints()
    endpoint_index()

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncGenerator[None]:
        async with sandbox.opened():
            yield

    return Starlette(
        routes=[
            *ControlRoutes(sandbox).routes(),
            *sandbox.webhooks.routes(),
            *HistoryRoutes(sandbox).routes(),
            *MediaRoutes(sandbox).routes(),
            *StorageRoutes(options.data / "uploads").routes(),
            *PricingRoutes(sandbox).routes(),
            *model_routes.routes(),
            *RequestRoutes(sandbox).routes(),
            *SubmitRoutes(sandbox).routes(),
        ],
        exception_handlers={RefusedRequest: on_refused, HTTPException: on_unknown_path},
        middleware=[Middleware(SameOriginMiddleware)],
        lifespan=lifespan,
    )
