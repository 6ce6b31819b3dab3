"""One span and one line of the log for each request: which route, how it was answered, how long it took."""

import logging
import time
from collections.abc import Mapping, MutableMapping
from typing import Any, Final, cast

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Receive, Scope, Send

from imagegen.jobs import is_job_id
from imagegen.logs import about
from imagegen.tracing import HEADER, Attributes, Span, Tracer, read_traceparent

_ASKED_ALL_THE_TIME: Final = ("/health/", "/metrics", "/api-docs")
_SERVER_ERROR: Final = 500
_log = logging.getLogger("imagegen.requests")


class Observed:
    """Middleware: continues the caller's trace or begins one, answers with it, and notes how the request ended.

    Health checks, scrapes and the documentation's files are not traced, and logged at `debug` only.
    """

    def __init__(self, app: ASGIApp, tracer: Tracer) -> None:
        self._app, self._tracer = app, tracer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
        elif scope["path"].startswith(_ASKED_ALL_THE_TIME):
            await _Answering(self._app, scope, logging.DEBUG).answer(receive, send)
        else:
            await self._traced(scope, receive, send)

    async def _traced(self, scope: Scope, receive: Receive, send: Send) -> None:
        parent = read_traceparent(Headers(scope=scope).getlist(HEADER))
        with self._tracer.trace(scope["method"], "server", _asked(scope), parent=parent) as span:
            await _Answering(self._app, scope, logging.INFO, span).answer(receive, send)


class _Answering:
    """One request while it is answered."""

    def __init__(self, app: ASGIApp, scope: Scope, level: int, span: Span | None = None) -> None:
        self._app, self._scope, self._level, self._span = app, scope, level, span
        self._began = time.perf_counter()
        self._status: int | None = None

    async def answer(self, receive: Receive, send: Send) -> None:
        async def noting(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                self._status = int(message["status"])  # an enumeration would be shown as one
                if self._span is not None and self._span.traceparent:
                    MutableHeaders(scope=message)[HEADER] = self._span.traceparent
            await send(message)

        try:
            await self._app(self._scope, receive, noting)
        except Exception:
            self._status = self._status or _SERVER_ERROR  # answered above this middleware
            raise
        finally:
            self._note_the_end()

    def _note_the_end(self) -> None:
        route = getattr(self._scope.get("route"), "path", None)
        if self._span is not None:
            _describe(self._span, self._scope["method"], route, self._status)
        job_id = cast("Mapping[str, object]", self._scope.get("path_params", {})).get("jobId")
        if isinstance(job_id, str) and is_job_id(job_id):
            about(job_id=job_id)
        seconds = round(time.perf_counter() - self._began, 4)
        shown, status = route or "(no such path)", self._status or "(not answered)"
        fields = {"http_method": self._scope["method"], "http_route": route, "http_status": self._status}
        _log.log(self._level, "%s %s %s", self._scope["method"], shown, status, extra={**fields, "seconds": seconds})


def _asked(scope: Scope) -> Attributes:
    """What is known of a request at first; its path may hold a secret or a user's name, so the route stands for it."""
    server = scope.get("server") or ("", 0)
    return {
        "http.request.method": scope["method"],
        "url.scheme": scope["scheme"],
        "server.address": server[0],
        "server.port": server[1] or 0,
        "network.protocol.version": scope["http_version"],
    }


def _describe(span: Span, method: str, route: str | None, status: int | None) -> None:
    if route is not None:
        span.rename(f"{method} {route}")
        span.note({"http.route": route})
    if status is not None:
        span.note({"http.response.status_code": status})
        if status >= _SERVER_ERROR:
            span.failed(str(status))
