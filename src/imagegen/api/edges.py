"""Everything around the routes that every request meets, and what the OpenAPI document says of it."""

from typing import Any, Final, cast

from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware

from imagegen.api.bodies import BodyGuard, body_limits
from imagegen.api.methods import Methods
from imagegen.api.observed import Observed
from imagegen.api.request_ids import HEADER, RequestIds
from imagegen.api.safe_headers import SafeHeaders
from imagegen.settings import LimitSettings
from imagegen.tracing import HEADER as TRACE
from imagegen.tracing import Tracer

_SENT: Final = ("Authorization", "Content-Type", "Idempotency-Key", "If-None-Match", "Prefer", HEADER, TRACE)
_READ: Final = ("ETag", "Idempotent-Replayed", "Link", "Location", "Preference-Applied", "Retry-After", HEADER, TRACE)
_ID: Final = {"description": "The request's id: yours, if it was fit, or one made here.", "schema": {"type": "string"}}
_TAG: Final = {"description": "Give it as If-None-Match to be answered 304.", "schema": {"type": "string"}}
_CACHE: Final = {
    "description": "`no-store` of jobs and batches; else `private, no-cache`: ask again before use.",
    "schema": {"type": "string"},
}
_LINK: Final = {
    "description": 'The next page, as `<…>; rel="next"`; not on the last one.',
    "schema": {"type": "string"},
}


def guard_edges(app: FastAPI, limits: LimitSettings, tracer: Tracer) -> None:
    """Put the middleware around the application; the last one added meets a request first."""
    app.add_middleware(BodyGuard, limits=body_limits(limits))
    app.add_middleware(Methods, routes=app.routes)
    if limits.origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=limits.origins,
            allow_methods=("GET", "POST", "DELETE"),
            allow_headers=_SENT,
            expose_headers=_READ,
        )
    app.add_middleware(SafeHeaders)
    app.add_middleware(Observed, tracer=tracer)
    app.add_middleware(RequestIds)


def document_edges(app: FastAPI) -> None:
    """Add to the document the headers that the edges put on every answer."""
    derive = app.openapi
    done: list[dict[str, Any]] = []

    def openapi() -> dict[str, Any]:
        made = derive()
        if not done:
            for operations in cast("dict[str, dict[str, Any]]", made["paths"]).values():
                for operation in operations.values():
                    _add_edges(operation)
            done.append(made)
        return made

    app.openapi = openapi


def _add_edges(operation: dict[str, Any]) -> None:
    responses = cast("dict[str, dict[str, Any]]", operation["responses"])
    for answer in responses.values():
        answer["headers"] = {**answer.get("headers", {}), HEADER: _ID}
    if "304" in responses:
        for answer in (responses[status] for status in ("200", "302", "304") if status in responses):
            answer["headers"] |= {"ETag": _TAG, "Cache-Control": _CACHE}
    if operation.get("operationId", "").startswith("list") and "cursor" in str(operation.get("parameters")):
        responses["200"]["headers"] |= {"Link": _LINK}
