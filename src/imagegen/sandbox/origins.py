"""Keeps web pages out. A page in a browser can reach loopback, and no page needs the sandbox."""

from ipaddress import ip_address
from typing import Final

from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

_FOREIGN_SITES: Final = {"cross-site", "same-site"}


class SameOriginMiddleware:
    """Refuses requests of web pages of other origins, and host names that DNS rebinding points here."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Forward the request, or answer 403."""
        if scope["type"] == "http" and (reason := _refusal(Headers(scope=scope), scope)):
            await JSONResponse({"detail": reason}, 403)(scope, receive, send)
            return
        await self._app(scope, receive, send)


def _refusal(headers: Headers, scope: Scope) -> str | None:
    host, origin = headers.get("host", ""), headers.get("origin")
    if origin is not None and origin != f"{scope['scheme']}://{host}":
        return "requests of web pages are refused"
    if headers.get("sec-fetch-site") in _FOREIGN_SITES:
        return "requests of web pages are refused"
    server = scope.get("server")
    if server and _is_loopback(server[0]) and not _is_local_name(host):
        return "call this server by its address or as localhost"
    return None


def _is_local_name(host: str) -> bool:
    name = host.rpartition(":")[0] if host.rpartition(":")[2].isdecimal() else host
    return not name or name == "localhost" or name.endswith(".localhost") or _is_address(name.strip("[]"))


def _is_loopback(address: str) -> bool:
    return _is_address(address) and ip_address(address).is_loopback


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True
