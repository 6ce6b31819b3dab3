"""What a request to fal is about, for those who count requests."""

from collections.abc import Mapping
from typing import Final, Literal

import httpx

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


def operation_of(request: httpx.Request) -> Operation:
    """What it is about, by the method and the path alone: they are ours, whatever host or gateway they go to."""
    path = request.url.path
    for end, operation in _BY_END.items():
        if path.endswith(end):
            return operation
    return "submit" if request.method == "POST" else "result"


def about_keys(_request: httpx.Request) -> Operation:
    """What each request of a webhook's verification is about, wherever `FAL_JWKS_URL` leads."""
    return "keys"
