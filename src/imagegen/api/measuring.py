"""Counting requests: outside of everything else, so that what is turned away at the door counts too."""

import time
from collections.abc import MutableMapping, Sequence
from http import HTTPStatus
from typing import Any, Final

from starlette.routing import BaseRoute, Match
from starlette.types import ASGIApp, Receive, Scope, Send

_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_HUNG_UP: Final = 499  # as nginx has it


class Measuring:
    """Middleware that tells the metrics of each request by its route, never by its path: that is the caller's."""

    def __init__(self, app: ASGIApp, routes: Sequence[BaseRoute]) -> None:
        self._app, self._routes = app, routes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the application answer, and count."""
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        metrics, began, status = scope["state"]["services"].metrics, time.perf_counter(), _HUNG_UP

        async def send_noted(message: MutableMapping[str, Any]) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        with metrics.answering():
            try:
                await self._app(scope, receive, send_noted)
            except Exception:
                status = HTTPStatus.INTERNAL_SERVER_ERROR.value
                raise
            finally:
                metrics.answered(_method(scope), self._route(scope), status, time.perf_counter() - began)

    def _route(self, scope: Scope) -> str:
        """The route's template. The router notes it in the scope, unless the request was turned away before."""
        route = scope.get("route") or self._matching(scope)
        return getattr(route, "path", "unknown")

    def _matching(self, scope: Scope) -> BaseRoute | None:
        asked = {**scope, "method": "GET" if scope["method"] == "HEAD" else scope["method"]}
        found = [(route.matches(asked)[0], route) for route in self._routes]
        wrong_method = next((route for match, route in found if match is Match.PARTIAL), None)
        return next((route for match, route in found if match is Match.FULL), wrong_method)


def _method(scope: Scope) -> str:
    return scope["method"] if scope["method"] in _METHODS else "other"
