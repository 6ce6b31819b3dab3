"""Server-sent events for fal's clients."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import AsyncExitStack
from typing import Final, cast

from starlette.requests import Request
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from imagegen.api.deps import caller_of, services_of
from imagegen.api.middleware.auth import AccessPolicy
from imagegen.api.openapi.responses import EVENT_STREAM
from imagegen.errors import DatabaseUnavailable

KEEP_OPEN: Final = b": \n\n"
_HEADERS: Final = {"Content-Type": EVENT_STREAM, "Cache-Control": "no-store", "X-Accel-Buffering": "no"}


class EventStream(StreamingResponse):
    """Events, and what is held until they are sent, also if they are never begun."""

    def __init__(self, events: AsyncGenerator[bytes], headers: Mapping[str, str], held: AsyncExitStack) -> None:
        super().__init__(events, headers={**_HEADERS, **headers})
        self._held = held

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the events."""
        async with self._held:
            await super().__call__(scope, receive, send)


def is_admitted(request: Request) -> bool:
    """Whether the key of a request is still valid, and permits no less."""
    access = cast("AccessPolicy", request.state.access)
    try:
        return access.still_admits(caller_of(request), services_of(request).keys)
    except DatabaseUnavailable:
        return False
