"""Responses that are waited for longer than proxies and clients wait for a first byte.

nginx cuts a silent response after 60 s, Cloudflare after 100 s, Node's fetch after 300 s. After 25 s, such a response
begins: 200, and a blank every 12 s until the JSON is there, which may follow blanks.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final

from fastapi import Response
from starlette.types import Receive, Scope, Send

from imagegen.api.http.delivery import break_off
from imagegen.api.http.media_types import JSON

_FIRST: Final = 25.0  # seconds
_EVERY: Final = 12.0  # seconds
_BLANK: Final = b" "
_SUCCESSES: Final = range(200, 300)
_log = logging.getLogger("imagegen.api")
Settle = Callable[[], Awaitable[Response]]
OfFailure = Callable[[Exception], Awaitable[Response | None]]


async def _break_off(_error: Exception) -> Response | None:
    return None


async def long_wait(settle: Settle, of_failure: OfFailure = _break_off) -> Response:
    """The response that `settle` makes, or one that begins before it is made.

    Args:
        settle: waits for the outcome, and makes the response.
        of_failure: makes the response of an error of `settle` once a success has begun; its body is sent, and its
            status is lost. None, and any status but 2xx of `settle`'s response, breaks the body off.

    Raises:
        Exception: that of `settle`, if it comes before the response begins.
    """
    outcome = asyncio.ensure_future(settle())
    try:
        await asyncio.wait({outcome}, timeout=_FIRST)
    except asyncio.CancelledError:
        outcome.cancel()
        raise
    return outcome.result() if outcome.done() else _BegunResponse(outcome, of_failure)


class _BegunResponse(Response):
    """A response of which only the status is known."""

    def __init__(self, outcome: "asyncio.Future[Response]", of_failure: OfFailure) -> None:
        super().__init__(media_type=JSON)
        del self.headers["content-length"]
        self.headers["X-Accel-Buffering"] = "no"  # nginx would keep the blanks
        self._outcome, self._of_failure = outcome, of_failure

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send blanks until there is a body. The caller may leave meanwhile: the outcome is waited for in any case."""
        del receive
        try:
            await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
            while not self._outcome.done():
                await send({"type": "http.response.body", "body": _BLANK, "more_body": True})
                await asyncio.wait({self._outcome}, timeout=_EVERY)
        finally:
            self._outcome.cancel()  # of no effect, unless this task is cancelled
        if (response := await self._response()) is not None:
            await send({"type": "http.response.body", "body": bytes(response.body)})
        else:
            break_off(scope)

    async def _response(self) -> Response | None:
        """The response whose body is sent; None if there is none, because the outcome is a failure."""
        try:
            response = await self._outcome
        except Exception as error:  # noqa: BLE001 - it is told in the body, or by breaking it off
            _log.warning("a response that began as a success breaks off or says so: %s", error)
            return await self._of_failure(error)
        return response if response.status_code in _SUCCESSES else None
