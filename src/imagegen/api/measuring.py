"""Counting requests: outside of everything else, so that what is turned away at the door counts too."""

import time
from collections.abc import MutableMapping
from http import HTTPStatus
from typing import Any, Final

from starlette.types import ASGIApp, Receive, Scope, Send

from imagegen.metrics import Metrics

_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_UNNAMED: Final = "other"  # method
_UNKNOWN: Final = "unknown"  # route
_BROKEN_OFF: Final = HTTPStatus.INTERNAL_SERVER_ERROR.value  # by a defect, or by the end of the process


class Measuring:
    """Middleware that tells the metrics of each request by its route, never by its path: that is the caller's."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the application answer, and count."""
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        metrics, began, status = scope["state"]["services"].metrics, time.perf_counter(), _BROKEN_OFF

        async def send_noted(message: MutableMapping[str, Any]) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        with metrics.answering():
            try:
                await self._app(scope, receive, send_noted)
            finally:
                metrics.answered(_method(scope), _route(scope), status, time.perf_counter() - began)


def count_unread(metrics: Metrics, status: int, seconds: float) -> None:
    """Tell the metrics of what was answered before it was a request: nobody knows its route, and hardly its method."""
    metrics.answered(_UNNAMED, _UNKNOWN, status, seconds)


def _route(scope: Scope) -> str:
    """The route's template, which the router notes in the scope; who was turned away before that has none."""
    return getattr(scope.get("route"), "path", _UNKNOWN)


def _method(scope: Scope) -> str:
    return scope["method"] if scope["method"] in _METHODS else _UNNAMED
