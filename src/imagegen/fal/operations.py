"""What a request to fal is about, for those who count requests."""

from typing import Final

import httpx

_BY_END: Final = {
    "/cancel": "cancel",
    "/status/stream": "stream",
    "/status": "status",
    "/models/requests/by-endpoint": "history",
    "/models/pricing": "pricing",
    "/jwks.json": "keys",
    "/files/upload": "upload",
    "/storage/auth/token": "upload",
}


def operation_of(request: httpx.Request) -> str:
    """One of a few words, by the method and the path alone: they are ours, whatever host or gateway they go to."""
    path = request.url.path
    for end, operation in _BY_END.items():
        if path.endswith(end):
            return operation
    if request.method == "POST":
        return "submit"
    return "result" if "/requests/" in path else "other"
