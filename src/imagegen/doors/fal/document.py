"""/fal/openapi.json and the key set of webhooks: what this door says about itself."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

import imagegen
from imagegen.api.deps import services_of
from imagegen.api.http.policies import Access, Caching, RoutePolicy, policy
from imagegen.webhooks import jwks

_OPEN: Final = RoutePolicy(access=Access.OPEN, caching=Caching.REVALIDATE)
_OBJECT: Final = {"type": "object"}
_ERROR: Final = {
    "type": "object",
    "required": ["detail", "message", "error_type"],
    "properties": {
        "detail": {
            "description": "A text; of a 422 a list, with an entry for each fault.",
            "oneOf": [{"type": "string"}, {"type": "array", "items": {"$ref": "#/components/schemas/Fault"}}],
        },
        "message": {"type": "string", "description": "The same as one text."},
        "error_type": {"type": "string"},
    },
}
_FAULT: Final = {
    "type": "object",
    "required": ["loc", "msg", "type"],
    "properties": {
        "loc": {"type": "array", "items": {"oneOf": [{"type": "string"}, {"type": "integer"}]}},
        "msg": {"type": "string"},
        "type": {"type": "string"},
    },
}
_STATUS: Final = {
    "type": "object",
    "required": ["status", "request_id", "response_url", "status_url", "cancel_url"],
    "properties": {
        "status": {"type": "string", "enum": ["IN_QUEUE", "IN_PROGRESS", "COMPLETED"]},
        "request_id": {"type": "string", "description": "The job's id."},
        "queue_position": {"type": "integer", "minimum": 0},
        "logs": {"type": ["array", "null"], "items": _OBJECT},
        "metrics": _OBJECT,
        "error": {"type": "string"},
        "error_type": {"type": "string"},
        **{name: {"type": "string", "format": "uri"} for name in ("response_url", "status_url", "cancel_url")},
    },
}


def describe() -> Sequence[Route]:
    """The routes of the document and of the key set."""
    return [
        Route("/fal/openapi.json", _document, methods=["GET"]),
        Route("/fal/.well-known/jwks.json", _key_set, methods=["GET"]),
    ]


@policy(_OPEN)
async def _document(_request: Request) -> Response:
    """The OpenAPI document of this door, which is not in that of the API."""
    return JSONResponse(document())


@policy(_OPEN)
async def _key_set(request: Request) -> Response:
    """The public keys of webhooks in fal's form."""
    return JSONResponse(jwks(services_of(request).settings.webhooks.keys))


def document() -> Mapping[str, Any]:
    """The document. The bodies are those of fal's endpoints, whose own documents describe them."""
    queue, of = "/fal/queue/{endpoint}", "/fal/queue/{endpoint}/requests/{request_id}"
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "imagegen for fal's clients",
            "version": imagegen.__version__,
            "description": "fal's queue protocol. `endpoint` is an endpoint id of fal's, with its slashes, or the name "
            "of a model. The document of the service itself is /openapi.json.",
        },
        "security": [{"key": []}],
        "paths": {
            queue: {"post": _operation("submit", "Status", body=True, query=("fal_webhook",))},
            f"{of}/status": {"get": _operation("getStatus", "Status", also=202, query=("logs",))},
            f"{of}/status/stream": {"get": _operation("streamStatus", None, query=("logs",))},
            of: {"get": _operation("getResult", "Result")},
            f"{of}/response": {"get": _operation("getResponse", "Result")},
            f"{of}/cancel": {"put": _operation("cancel", "Result", also=202)},
            "/fal/run/{endpoint}": {"post": _operation("run", "Result", body=True)},
            "/fal/run/{endpoint}/stream": {"post": _operation("stream", None, body=True)},
            "/fal/rest/storage/upload/initiate": {"post": _operation("initiateUpload", "Result", body=True)},
            "/fal/rest/storage/auth/token": {"post": _operation("getUploadToken", "Result", body=True)},
        },
        "components": {
            "securitySchemes": {
                "key": {
                    "type": "apiKey",
                    "in": "header",
                    "name": "Authorization",
                    "description": "`Key ig_…`, an API key of this service. A service without keys needs none.",
                }
            },
            "schemas": {"Status": _STATUS, "Result": _OBJECT, "Error": _ERROR, "Fault": _FAULT},
        },
    }


def _operation(
    name: str, schema: str | None, *, body: bool = False, also: int | None = None, query: Sequence[str] = ()
) -> Mapping[str, Any]:
    """One operation; without a schema, it answers with server-sent events."""
    kind = "application/json" if schema else "text/event-stream"
    answer = {kind: {"schema": {"$ref": f"#/components/schemas/{schema}"}} if schema else {}}
    found: dict[str, Any] = {
        "operationId": name,
        "parameters": [
            *_path_parameters(name),
            *({"name": each, "in": "query", "schema": {"type": "string"}} for each in query),
        ],
        "responses": {
            "200": {"description": "The answer, as fal's.", "content": answer},
            **({str(also): {"description": "Not yet ended.", "content": answer}} if also else {}),
            "default": {
                "description": "An error, in fal's shape.",
                "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}},
            },
        },
    }
    if body:
        found["requestBody"] = {"required": True, "content": {"application/json": {"schema": _OBJECT}}}
    return found


def _path_parameters(name: str) -> Sequence[Mapping[str, Any]]:
    if name in {"initiateUpload", "getUploadToken"}:
        return ()
    names = ("endpoint",) if name in {"submit", "run", "stream"} else ("endpoint", "request_id")
    return [{"name": each, "in": "path", "required": True, "schema": {"type": "string"}} for each in names]
