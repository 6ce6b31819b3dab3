"""One span and one log line for each request: its route, its status, and how long it took."""

import logging
from collections.abc import Mapping
from contextlib import AbstractContextManager
from http import HTTPStatus
from typing import Final, cast

from starlette.datastructures import Headers
from starlette.types import Scope

from imagegen.jobs import is_job_id
from imagegen.observability.logs import bind_log_context
from imagegen.observability.tracing import HEADER, Attributes, Span, SpanKind, Tracer, root_span, set_error

_SERVER_ERROR: Final = 500
_log = logging.getLogger("imagegen.requests")


def request_span(scope: Scope, tracer: Tracer) -> AbstractContextManager[Span]:
    """The span of a request: it continues the caller's trace, or starts one."""
    given = Headers(scope=scope).getlist(HEADER)
    parent = given[0] if len(given) == 1 else None  # two of them are invalid
    return root_span(scope["method"], SpanKind.SERVER, _attributes(scope), tracer=tracer, parent=parent)


def log_request(scope: Scope, span: Span | None, status: int | None, seconds: float, *, is_routine: bool) -> None:
    """Log how a request ended, and describe it in its span. A routine request is logged at `debug` only.

    The path is not logged, because it may hold a secret.
    """
    method, route = scope["method"], getattr(scope.get("route"), "path_format", None)
    if span is not None:
        _describe(span, method, route, status)
    job_id = cast("Mapping[str, object]", scope.get("path_params", {})).get("jobId")
    if isinstance(job_id, str) and is_job_id(job_id):
        bind_log_context(job_id=job_id)
    fields = {"http_method": method, "http_route": route, "http_status": status, "seconds": round(seconds, 4)}
    level = logging.DEBUG if is_routine else logging.INFO
    _log.log(level, "%s %s %s", method, route or _unrouted(status), status or "(no response)", extra=fields)


def _unrouted(status: int | None) -> str:
    """What stands for the route of a request that has none."""
    return "(no such path)" if status == HTTPStatus.NOT_FOUND else "(refused before its route)"


def _attributes(scope: Scope) -> Attributes:
    """The attributes that are known at once. The path is not one, because it may hold a secret; the route follows."""
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
        span.update_name(f"{method} {route}")
        span.set_attributes({"http.route": route})
    if status is not None:
        span.set_attributes({"http.response.status_code": status})
        if status >= _SERVER_ERROR:
            set_error(span, str(status))
