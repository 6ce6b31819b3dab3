"""fal's answers as JSON bodies, and the refusals that every path shares."""

import hashlib

from pydantic import JsonValue
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from imagegen.sandbox.endpoint_schemas import JsonObject
from imagegen.sandbox.images import PREFIX
from imagegen.sandbox.store import StoredRequest

_NAMESPACES = {"workflows", "comfy"}


class RefusedRequest(Exception):
    """The request is refused; `response` is the answer."""

    def __init__(self, status: int, body: JsonValue) -> None:
        super().__init__(str(body))
        self.response = JSONResponse(body, status)


def owner_of(key: str) -> str:
    """The hash of a key, which is all that the sandbox stores of it."""
    return hashlib.sha256(key.encode()).hexdigest()


def caller(request: Request) -> str:
    """The owner of the request's key. Every key of the form id:secret is valid.

    Raises:
        RefusedRequest: 401 with fal's message about the header.
    """
    scheme, _, key = request.headers.get("authorization", "").partition(" ")
    match scheme.lower():
        case "key" if all(key.strip().partition(":")):
            return owner_of(key.strip())
        case "key":
            detail = "Invalid Key Authorization header format. Expected: Key <key_id>:<key_secret>"
        case "bearer":
            detail = "bearer: unable to decode issuer"
        case "":
            detail = "Authentication is required to access this application."
        case _:
            detail = "invalid key credentials"
    raise RefusedRequest(401, {"detail": detail})


def app_of(endpoint: str) -> str | None:
    """Owner and app, the part of an endpoint that is in the URLs of its requests; None if this is no endpoint.

    In the namespaces `workflows/` and `comfy/` it has one segment more.
    """
    parts = endpoint.split("/")
    length = 3 if parts[0] in _NAMESPACES else 2
    return "/".join(parts[:length]) if len(parts) >= length and all(parts) and "requests" not in parts else None


def base_url_of(request: Request) -> str:
    """Scheme and host as the client sent them."""
    return f"{request.url.scheme}://{request.headers.get('host', request.url.netloc)}"


def submit_body(stored: StoredRequest, base: str, ahead: int) -> JsonObject:
    """The answer to a submit."""
    return {"status": "IN_QUEUE", **_urls(stored, base), "logs": None, "metrics": {}, "queue_position": ahead}


def status_body(stored: StoredRequest, base: str, ahead: int, *, with_logs: bool) -> JsonObject:
    """The answer to a status call, and one event of a status stream."""
    logs: list[JsonValue] = [dict(line) for line in stored.logs]
    body: JsonObject = {"status": stored.state, **_urls(stored, base), "logs": logs if with_logs else None}
    if stored.state == "IN_QUEUE":
        return {**body, "queue_position": ahead}
    if stored.outcome is None:
        return {**body, "metrics": {}}
    spent = (stored.completed_at or 0) - (stored.started_at or stored.completed_at or 0)
    body["metrics"] = {"inference_time": round(spent, 4)} if stored.outcome.error is None else {}
    if stored.outcome.error is not None:
        body |= {"error": stored.outcome.error, "error_type": stored.outcome.error_type}
    return body


def not_found() -> JSONResponse:
    """404: there is no such request, or it is another key's."""
    return JSONResponse({"status": "NOT_FOUND"}, 404)


def still_running() -> JSONResponse:
    """400: the result was requested before the end."""
    return JSONResponse({"detail": "Request is still in progress"}, 400)


def with_absolute_urls(body: JsonValue, base: str) -> JsonValue:
    """A result's body with absolute URLs in place of image paths."""
    match body:
        case dict():
            return {name: with_absolute_urls(value, base) for name, value in body.items()}
        case list():
            return [with_absolute_urls(value, base) for value in body]
        case str() if body.startswith(PREFIX):
            return base + body
        case _:
            return body


def gateway_page(code: int) -> Response:
    """An answer of nginx: HTML, without x-fal-request-id."""
    phrases = {408: "Request Time-out", 502: "Bad Gateway", 503: "Service Temporarily Unavailable"}
    title = f"{code} {phrases.get(code, 'Gateway Time-out')}"
    page = f"<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n<center><h1>{title}</h1></center>\r\n"
    page += "<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n"
    return Response(page, code, media_type="text/html")


def planned_response(code: int, body: JsonValue, headers: dict[str, str]) -> Response:
    """The answer of a fault plan: text as it is, other values as JSON."""
    if isinstance(body, str):
        return Response(body, code, headers, media_type="text/plain")
    return JSONResponse({"detail": "planned fault"} if body is None else body, code, headers)


async def on_refused(_: Request, refused: Exception) -> Response:
    """Answer a refused request."""
    assert isinstance(refused, RefusedRequest), "registered for RefusedRequest only"
    return refused.response


async def on_unknown_path(request: Request, error: Exception) -> Response:
    """fal's answer to an unknown path or method; unlike others, it has no `detail`."""
    code = error.status_code if isinstance(error, HTTPException) else 500
    return JSONResponse({"error": "Error", "message": f"Path {request.url.path} not found"}, code)


def _urls(stored: StoredRequest, base: str) -> JsonObject:
    url = f"{base}/{stored.app}/requests/{stored.id}"
    return {
        "request_id": stored.id,
        "response_url": url,
        "status_url": f"{url}/status",
        "cancel_url": f"{url}/cancel",
    }
