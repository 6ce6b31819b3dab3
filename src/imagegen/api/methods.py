"""HEAD wherever there is GET, OPTIONS everywhere, and the methods that a path allows."""

from collections.abc import MutableMapping, Sequence
from typing import Any, Final

from starlette.responses import Response
from starlette.routing import BaseRoute, Match, Mount
from starlette.types import ASGIApp, Receive, Scope, Send

HEAD: Final = "imagegen.head"  # in the scope of a GET that stands for a HEAD: nobody reads its body
_METHODS: Final = ("GET", "POST", "PUT", "PATCH", "DELETE")


def allowed_methods(routes: Sequence[BaseRoute], path: str) -> tuple[str, ...]:
    """The methods that a path answers to; empty where there is no such path."""
    found = [method for method in _METHODS if any(_answers(route, method, path) for route in routes)]
    if "GET" in found:
        found.insert(1, "HEAD")
    return (*found, "OPTIONS") if found else ()


def _answers(route: BaseRoute, method: str, path: str) -> bool:
    if isinstance(route, Mount) and method != "GET":
        return False  # files, which would claim every method
    scope: Scope = {"type": "http", "method": method, "path": path, "root_path": "", "headers": []}
    return route.matches(scope)[0] is Match.FULL


class Methods:
    """Answers HEAD with the head of GET's answer, and OPTIONS with what a path allows."""

    def __init__(self, app: ASGIApp, routes: Sequence[BaseRoute]) -> None:
        self._app, self._routes = app, routes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        method = scope["method"] if scope["type"] == "http" else None
        if method == "OPTIONS" and (allowed := allowed_methods(self._routes, scope["path"])):
            return await Response(status_code=204, headers={"Allow": ", ".join(allowed)})(scope, receive, send)
        if method != "HEAD":
            return await self._app(scope, receive, send)

        async def send_head(message: MutableMapping[str, Any]) -> None:
            await send({**message, "body": b""} if message["type"] == "http.response.body" else message)

        as_get = {**scope, "method": "GET", HEAD: True}
        await self._app(as_get, receive, send_head)
        scope["route"] = as_get.get("route")  # as the router notes it, for those outside
        return None
