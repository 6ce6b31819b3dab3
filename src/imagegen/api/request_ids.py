"""Every request has an id: the caller's own, or one made here. It is on every answer and in every problem."""

import re
from collections.abc import MutableMapping
from contextvars import ContextVar
from typing import Any, Final
from uuid import uuid4

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Receive, Scope, Send

from imagegen.logs import about

HEADER: Final = "X-Request-Id"
# Short, and fit for a header and for a line of a log: no spaces, no control characters.
_FIT: Final = re.compile(r"[\x21-\x7e]{1,128}")
_current: ContextVar[str] = ContextVar("request_id")


def current_request_id() -> str:
    """The id of the request that is being answered; a fresh one outside of any."""
    return _current.get(None) or uuid4().hex


class RequestIds:
    """Takes the header `X-Request-Id` if it is fit, makes an id otherwise, and answers with it."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        given = Headers(scope=scope).get(HEADER, "")
        request_id = given if _FIT.fullmatch(given) else uuid4().hex
        # Not reset at the end: the answer to a defect is made after this middleware was left.
        _current.set(request_id)
        about(request_id=request_id)

        async def send_with_id(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)[HEADER] = request_id
            await send(message)

        return await self._app(scope, receive, send_with_id)
