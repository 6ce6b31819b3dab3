"""Facades: addresses under which programs for other services find this one. Each is an application beside the API."""

from collections.abc import Mapping

from starlette.types import ASGIApp, Receive, Scope, Send


class WithDoors:
    """The API, and beside it the doors, each below a path of its own, such as `/fal`.

    They share the state of the API's requests, and nothing else: not its routes, its errors or its document.
    """

    def __init__(self, api: ASGIApp, doors: Mapping[str, ASGIApp]) -> None:
        self._api, self._doors = api, doors

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request, or the start and the end of the process."""
        app = self._api
        if scope["type"] == "http":
            prefix = "/" + scope["path"][1:].partition("/")[0]
            app = self._doors.get(prefix, self._api)
        await app(scope, receive, send)
