"""The application that a process serves: that of the current catalog, for each request that begins."""

import asyncio
import typing
from collections.abc import Callable
from dataclasses import dataclass

import fastapi.dependencies.models
from starlette.types import ASGIApp, Receive, Scope, Send

from imagegen.api.app import State, application_state, create_app
from imagegen.api.middleware.auth import AccessPolicy
from imagegen.api.openapi.document import MAKING_FIELDS
from imagegen.catalog import Catalog, Commit
from imagegen.observability.tracing import Tracer
from imagegen.services import Services
from imagegen.settings import LimitSettings


@dataclass(frozen=True, slots=True)
class _Version:
    """An application, with what is around it, and the state of its requests."""

    app: ASGIApp
    state: State


class CatalogSwitch:
    """An ASGI application whose routes, schemas and documents follow the catalog.

    Each catalog has an application of its own. A request stays with the one that it began with.

    Args:
        services: of the process.
        access: which callers are admitted.
        limits: limits of what callers send.
        tracer: starts the span of each request.
        around: adds to an application what is beside it.
    """

    def __init__(
        self,
        services: Services,
        access: AccessPolicy,
        limits: LimitSettings,
        tracer: Tracer,
        *,
        around: Callable[[ASGIApp], ASGIApp],
    ) -> None:
        self._around = around
        self._services, self._access, self._limits, self._tracer = services, access, limits, tracer
        self._state = application_state(services, access, limits)
        self._version = self._made(services.current_catalog.latest)
        services.current_catalog.follow(self._prepare)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request, or the lifespan of the server, whose connections have a state too."""
        if scope["type"] == "lifespan":
            scope["state"].update(self._state)
            return await _live(receive, send)
        version = self._version
        scope["state"] = dict(version.state)
        return await version.app(scope, receive, send)

    async def _prepare(self, catalog: Catalog) -> Commit:
        version = await asyncio.to_thread(self._made_in_thread, catalog)

        def commit() -> None:
            self._version = version
            _forget_types()

        return commit

    def _made_in_thread(self, catalog: Catalog) -> _Version:
        with MAKING_FIELDS:
            return self._made(catalog)

    def _made(self, catalog: Catalog) -> _Version:
        services = self._services.of_requests(catalog)
        app = create_app(catalog.registry, access=self._access, limits=self._limits, tracer=self._tracer)
        app.state.keys = services.keys
        return _Version(self._around(app), {**self._state, "services": services})


async def _live(receive: Receive, send: Send) -> None:
    """Start and stop with the server. There is nothing to open or close."""
    for phase in ("startup", "shutdown"):
        await receive()
        await send({"type": f"lifespan.{phase}.complete"})


def _forget_types() -> None:
    """Empty the caches of `typing` and FastAPI that keep the classes and handlers of earlier catalogs.

    They are filled again as needed, and nothing relies on what they return being the same object. FastAPI's have room
    for 4096 handlers: for dozens of applications.
    """
    clear: list[Callable[[], None]] = [*getattr(typing, "_cleanups", ())]
    handlers = vars(fastapi.dependencies.models).values()
    clear += [each.cache_clear for each in handlers if hasattr(each, "cache_clear")]
    for function in clear:
        function()
