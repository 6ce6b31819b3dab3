"""HEAD for every path that supports GET, and OPTIONS for every path."""

from collections.abc import MutableMapping, Sequence
from typing import Any, Final

from starlette.responses import Response
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from imagegen.api.http.paths import allowed_methods

HEAD: Final = "imagegen.head"  # in the scope of a GET that replaces a HEAD; the body is discarded


class HeadOptionsMiddleware:
    """Responds to HEAD as to GET, without the body, and to OPTIONS with the methods of the path."""

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
        scope["route"] = as_get.get("route")  # set by the router, and read by outer middleware
        return None
