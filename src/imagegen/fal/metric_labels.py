"""The operation of each request to fal, as a metric label."""

from collections.abc import Mapping
from typing import Final, Literal

from imagegen.net.http import Request

Operation = Literal["submit", "status", "stream", "result", "cancel", "history", "pricing", "upload", "keys"]
_BY_END: Final[Mapping[str, Operation]] = {
    "/cancel": "cancel",
    "/status/stream": "stream",
    "/status": "status",
    "/models/requests/by-endpoint": "history",
    "/models/pricing": "pricing",
    "/files/upload": "upload",
    "/storage/auth/token": "upload",
}


def operation_of(request: Request) -> Operation:
    """A request's operation, from its method and path: these are the same on fal's hosts and on every gateway."""
    path = request.url.raw_path
    for end, operation in _BY_END.items():
        if path.endswith(end):
            return operation
    return "submit" if request.method == "POST" else "result"


def keys_operation(_request: Request) -> Operation:
    """The operation of every request for the keys that verify webhooks, whatever `FAL_JWKS_URL` is."""
    return "keys"
