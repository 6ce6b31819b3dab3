"""The addresses that a client is told: of this service, as the client itself reached it."""

from typing import Final
from urllib.parse import quote

from starlette.requests import Request

from imagegen.json_object import JsonObject

_FORWARDED: Final = "x-forwarded-proto"


def address_of(request: Request) -> str:
    """Scheme and host of the service. A proxy that ended the caller's TLS says so in `X-Forwarded-Proto`."""
    forwarded = request.headers.get(_FORWARDED, "").partition(",")[0].strip().lower()
    scheme = forwarded if forwarded in {"http", "https"} else request.url.scheme
    return f"{scheme}://{request.headers['host']}"


def urls_of(request: Request, endpoint: str, job_id: str) -> JsonObject:
    """The three addresses of a request in the queue. They never lead to fal, which would be sent the caller's key."""
    here = f"{address_of(request)}/fal/queue/{quote(endpoint)}/requests/{job_id}"
    return {"response_url": here, "status_url": f"{here}/status", "cancel_url": f"{here}/cancel"}
