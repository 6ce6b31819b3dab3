"""Limits of a request's body: how large it may be, and how long it may take to arrive.

Starlette's own limit of the body's size answers in plain text, whatever the application's handlers say; hence this one.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from http import HTTPStatus
from typing import Final

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from imagegen.api.errors import Refusal
from imagegen.api.form_files import ENVELOPE
from imagegen.settings import LimitSettings

# What arrives beyond the limit is thrown away up to here, so that an ordinary client gets to read its 413.
_THROWN_AWAY: Final = 32 * 2**20
# Every so many bytes buy a body one second more: an honest slow line gets through, a dribble does not.
_BYTES_PER_SECOND: Final = 64 * 2**10
_CLOSE: Final = {"Connection": "close"}


@dataclass(frozen=True, slots=True)
class BodyLimit:
    """The largest body, in bytes, and the variable that says so."""

    variable: str
    most: int


@dataclass(frozen=True, slots=True)
class BodyLimits:
    """The limits of all routes: `usual`, and those of paths that take more."""

    usual: BodyLimit
    timeout: timedelta
    of_paths: Mapping[str, BodyLimit] = field(default_factory=dict[str, BodyLimit])

    def of(self, path: str) -> BodyLimit:
        """The limit at this path."""
        return self.of_paths.get(path, self.usual)


def body_limits(limits: LimitSettings) -> BodyLimits:
    """The limits of every route; one that takes larger bodies has its path in `of_paths`."""
    usual = BodyLimit("IMAGEGEN_MAX_BODY_BYTES", limits.max_body_bytes)
    with_pictures = BodyLimit(
        "IMAGEGEN_MAX_BODY_BYTES + IMAGEGEN_MAX_DATA_URI_BYTES", limits.max_body_bytes + limits.max_data_uri_bytes
    )
    upload = BodyLimit("IMAGEGEN_MAX_UPLOAD_BYTES", limits.max_upload_bytes + ENVELOPE)
    of_paths = {
        "/api/images/batch": BodyLimit("IMAGEGEN_MAX_BATCH_BYTES", limits.max_batch_bytes),
        "/api/images/generate": with_pictures,
        "/api/images/estimate-cost": with_pictures,
        "/api/uploads": upload,
    }
    return BodyLimits(usual, limits.receive_timeout, of_paths)


class BodyGuard:
    """Refuses a body that is too large (413), too slow (408) or compressed (415), when somebody reads it."""

    def __init__(self, app: ASGIApp, limits: BodyLimits) -> None:
        self._app, self._limits = app, limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] == "http":
            receive = _Intake(scope, receive, self._limits).receive
        await self._app(scope, receive, send)


class _Intake:
    """One request's body on its way in."""

    def __init__(self, scope: Scope, receive: Receive, limits: BodyLimits) -> None:
        self._receive, self._headers = receive, Headers(scope=scope)
        self._limit, self._timeout = limits.of(scope["path"]), limits.timeout.total_seconds()
        self._size, self._started, self._whole = 0, asyncio.get_running_loop().time(), False

    async def receive(self) -> Message:
        if self._whole:
            return await self._receive()
        if self._size == 0:
            self._demand_plain()
            await self._demand_declared_size()
        message = await self._next()
        if self._size > self._limit.most:
            await self._throw_away()
            raise self._too_large()
        return message

    async def _next(self) -> Message:
        deadline = self._started + self._timeout + self._size / _BYTES_PER_SECOND
        try:
            async with asyncio.timeout_at(deadline):
                message = await self._receive()
        except TimeoutError:
            raise self._too_slow() from None
        self._size += len(message.get("body", b""))
        self._whole = not message.get("more_body", False)
        return message

    def _demand_plain(self) -> None:
        if self._headers.get("content-encoding", "identity").strip().lower() != "identity":
            detail = "Compressed bodies are not taken: send the body as it is, without Content-Encoding."
            raise Refusal(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", detail, {"Accept-Encoding": ""})

    async def _demand_declared_size(self) -> None:
        declared = self._headers.get("content-length", "")
        if declared.isdecimal() and int(declared[:20]) > self._limit.most:
            if "expect" not in self._headers:  # a client that asks first has sent nothing yet
                await self._throw_away()
            raise self._too_large()

    async def _throw_away(self) -> None:
        while not self._whole and self._size <= _THROWN_AWAY:
            await self._next()

    def _too_large(self) -> Refusal:
        most, variable = self._limit.most, self._limit.variable
        detail = f"The body is larger than {most} bytes, the limit of this service ({variable})."
        return Refusal(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "body_too_large", detail, _CLOSE)

    def _too_slow(self) -> Refusal:
        detail = f"The body did not arrive within {self._timeout:g} s (IMAGEGEN_RECEIVE_TIMEOUT)."
        return Refusal(HTTPStatus.REQUEST_TIMEOUT, "request_timeout", detail, _CLOSE)
