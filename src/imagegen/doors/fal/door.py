"""The application below /fal. It has its own routes, errors and document; the middleware is the API's."""

from typing import Final

from starlette.applications import Starlette
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from imagegen.api.errors import handle_errors
from imagegen.api.http.policies import RoutePolicies
from imagegen.api.middleware.auth import AccessPolicy
from imagegen.api.middleware.stack import Browsers, install_middleware
from imagegen.doors.fal.document import describe
from imagegen.doors.fal.error_shapes import FalErrors
from imagegen.doors.fal.key_forms import with_bearer_key
from imagegen.doors.fal.proxy_targets import PROXY, at_its_target, proxy_route
from imagegen.doors.fal.queue_routes import queue_routes
from imagegen.doors.fal.run_routes import run_routes
from imagegen.doors.fal.status_board import StatusBoard
from imagegen.doors.fal.storage_routes import storage_routes
from imagegen.observability.tracing import NO_TRACER, Tracer
from imagegen.settings import LimitSettings

_BROWSERS: Final = Browsers(
    methods=("GET", "POST", "PUT"),
    sent=(
        "Authorization",
        "Content-Type",
        "Idempotency-Key",
        "X-Fal-Client-Proxy",
        "X-Fal-File-Name",
        "X-Fal-Object-Lifecycle",
        "X-Fal-Object-Lifecycle-Preference",
        "X-Fal-Queue-Priority",
        "X-Fal-Request-Timeout",
        "X-Fal-Request-Start-Timeout",
        "X-Fal-Runner-Hint",
        "X-Fal-Target-Url",
        "X-Imagegen-User-Id",
    ),
    read=("X-Fal-Request-Id", "X-Fal-Billable-Units", "X-Fal-Error-Type", "X-Imagegen-Ignored", "Retry-After"),
)


class FalDoor:
    """An ASGI application for the paths below /fal."""

    def __init__(self, access: AccessPolicy, limits: LimitSettings, tracer: Tracer = NO_TRACER) -> None:
        self.routes = [
            *queue_routes(StatusBoard()),
            *run_routes(),
            *storage_routes(),
            *proxy_route(),
            *describe(),
        ]
        self._app = _application(self.routes, access, limits, tracer)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request: at the path that a proxied one is meant for, with the key in the API's form."""
        if scope["path"].rstrip("/") == PROXY:
            scope = at_its_target(scope)
        scope, form = with_bearer_key(scope)
        await self._app(scope, receive, FalErrors(send, form, scope).send)


def _application(routes: list[Route], access: AccessPolicy, limits: LimitSettings, tracer: Tracer) -> ASGIApp:
    app = Starlette(routes=routes)
    app.router.redirect_slashes = False
    handle_errors(app)
    install_middleware(app, access, RoutePolicies(app.routes), limits, tracer, browsers=_BROWSERS)
    return app
