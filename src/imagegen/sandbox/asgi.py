"""The ASGI application of the sandbox."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware

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
    endpoints()  # reads files, which must not happen in the event loop at the first request

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
            *RequestRoutes(sandbox).routes(),
            *SubmitRoutes(sandbox).routes(),
        ],
        exception_handlers={RefusedRequest: on_refused, HTTPException: on_unknown_path},
        middleware=[Middleware(SameOriginMiddleware)],
        lifespan=lifespan,
    )
