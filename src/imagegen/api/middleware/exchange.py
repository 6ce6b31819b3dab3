"""What every request gets, whatever it is. One layer does it all, because each layer of ASGI costs every request."""

import time
from collections.abc import MutableMapping
from contextlib import AbstractContextManager, nullcontext
from http import HTTPStatus
from typing import Any, Final

from starlette.types import ASGIApp, Receive, Scope, Send

from imagegen.api.http.metric_labels import method_label, route_label
from imagegen.api.http.policies import RoutePolicies, RoutePolicy, set_policy
from imagegen.api.http.request_ids import HEADER
from imagegen.api.middleware.access_log import log_request, request_span
from imagegen.api.middleware.request_id import begin_request_id
from imagegen.api.middleware.security_headers import add_security_headers
from imagegen.observability.metrics import Metrics
from imagegen.observability.tracing import HEADER as TRACE
from imagegen.observability.tracing import Span, Tracer, traceparent_of

_SERVER_ERROR: Final = HTTPStatus.INTERNAL_SERVER_ERROR.value


class ExchangeMiddleware:
    """Gives each request its route's policy, an id and a span, and records it in the log and in the metrics.

    A slash at the end of the path is ignored. After a redirect, some clients would drop the body or the API key.
    """

    def __init__(self, app: ASGIApp, policies: RoutePolicies, tracer: Tracer) -> None:
        self._app, self._policies, self._tracer = app, policies, tracer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        scope = _without_trailing_slash(scope)
        policy = self._policies.find(scope["method"], scope["path"])
        set_policy(scope, policy)
        metrics: Metrics = scope["state"]["services"].metrics
        request_id = begin_request_id(scope)
        with metrics.request_in_flight(), self._span(scope, policy) as span:
            exchange = _Exchange(scope, policy, request_id, span, send)
            try:
                await self._app(scope, receive, exchange.send)
            except Exception:
                exchange.status = exchange.status or _SERVER_ERROR  # an outer middleware responds
                raise
            finally:
                exchange.record(metrics)

    def _span(self, scope: Scope, policy: RoutePolicy) -> AbstractContextManager[Span | None]:
        """The request's span. Routine requests, such as health checks, have none."""
        return nullcontext() if policy.is_routine else request_span(scope, self._tracer)


class _Exchange:
    """One request and its response, whose status is known once it starts."""

    def __init__(self, scope: Scope, policy: RoutePolicy, request_id: str, span: Span | None, send: Send) -> None:
        self._scope, self._policy, self._request_id, self._span, self._send = scope, policy, request_id, span, send
        self._began = time.perf_counter()
        self.status: int | None = None

    async def send(self, message: MutableMapping[str, Any]) -> None:
        """Send a part of the response; its head with the headers that every response has."""
        if message["type"] == "http.response.start":
            self.status = int(message["status"])  # not an HTTPStatus, which would be logged by its name
            headers = message["headers"] = [*message.get("headers", ())]
            add_security_headers(headers, self._policy.caching)
            if self._span is not None and (traceparent := traceparent_of(self._span)):
                headers.append((TRACE.encode(), traceparent.encode()))
            headers.append((HEADER.lower().encode(), self._request_id.encode()))
        await self._send(message)

    def record(self, metrics: Metrics) -> None:
        """Log and count the request, including one that other middleware refused."""
        scope, seconds = self._scope, time.perf_counter() - self._began
        log_request(scope, self._span, self.status, seconds, is_routine=self._policy.is_routine)
        # Without a status, there is no response because of a defect, or because the process ends.
        metrics.request_finished(method_label(scope), route_label(scope), self.status or _SERVER_ERROR, seconds)


def _without_trailing_slash(scope: Scope) -> Scope:
    path: str = scope["path"]
    if not path.endswith("/") or not path.strip("/"):
        return scope
    raw = scope.get("raw_path") or b""
    return {**scope, "path": path.rstrip("/"), "raw_path": raw.rstrip(b"/")}
