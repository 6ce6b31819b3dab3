"""Limits of a request's body: how large it may be, how long it may take to arrive, and what all bodies hold together.

Starlette's own limit of the body's size answers in plain text, whatever the application's handlers say; hence this one.
"""

import asyncio
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass, field
from datetime import timedelta
from http import HTTPStatus
from typing import Any, Final, cast

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from imagegen.api.errors import BATCH, RETRY_AFTER, Refusal
from imagegen.api.form_files import ENVELOPE, SPOOLED
from imagegen.api.json_bodies import JsonBounds
from imagegen.settings import LimitSettings

# What arrives beyond the limit is thrown away up to here, so that an ordinary client gets to read its 413.
_THROWN_AWAY: Final = 32 * 2**20
# Every so many bytes buy a body one second more: an honest slow line gets through, a dribble does not.
_BYTES_PER_SECOND: Final = 64 * 2**10
# So many bytes of each body are not counted against the memory of all: small requests go on while large ones wait.
_FREE: Final = 16 * 2**10
_BATCHED: Final = 4  # times the text and ten times the values of one request, for up to a thousand of them
_BATCHED_VALUES: Final = 10
_CLOSE: Final = {"Connection": "close"}
_WITHOUT_BODY: Final = frozenset({"GET", "HEAD"})
_INTAKE: Final = "imagegen.intake"


@dataclass(frozen=True, slots=True)
class BodyLimit:
    """The largest body, in bytes, and the variable that says so; what its JSON may have beside data URIs.

    `in_memory`: as many bytes of it are held at most; the rest goes to a file.
    """

    variable: str
    most: int
    json: JsonBounds
    in_memory: int | None = None


@dataclass(frozen=True, slots=True)
class BodyLimits:
    """The limits of all routes: `usual`, and those of paths that take more.

    `memory` is what all bodies may hold together, in bytes.
    """

    usual: BodyLimit
    timeout: timedelta
    memory: int
    of_paths: Mapping[str, BodyLimit] = field(default_factory=dict[str, BodyLimit])

    def of(self, path: str) -> BodyLimit:
        """The limit at this path."""
        return self.of_paths.get(path, self.usual)


def body_limits(limits: LimitSettings) -> BodyLimits:
    """The limits of every route; one that takes larger bodies has its path in `of_paths`."""
    one, many = _json_bounds(limits), _json_bounds_of_a_batch(limits)
    usual = BodyLimit("IMAGEGEN_MAX_BODY_BYTES", limits.max_body_bytes, one)
    with_pictures = BodyLimit(
        "IMAGEGEN_MAX_BODY_BYTES + IMAGEGEN_MAX_DATA_URI_BYTES", limits.max_body_bytes + limits.max_data_uri_bytes, one
    )
    upload = BodyLimit("IMAGEGEN_MAX_UPLOAD_BYTES", limits.max_upload_bytes + ENVELOPE, one, SPOOLED)
    of_paths = {
        BATCH: BodyLimit("IMAGEGEN_MAX_BATCH_BYTES", limits.max_batch_bytes, many),
        "/api/images/generate": with_pictures,
        "/api/images/estimate-cost": with_pictures,
        "/api/uploads": upload,
    }
    return BodyLimits(usual, limits.receive_timeout, limits.receive_memory, of_paths)


def _json_bounds(limits: LimitSettings) -> JsonBounds:
    return JsonBounds(
        most_bytes=limits.max_body_bytes,
        most_values=limits.max_json_values,
        most_levels=limits.max_json_depth,
        bytes_variable="IMAGEGEN_MAX_BODY_BYTES",
        values_variable="IMAGEGEN_MAX_JSON_VALUES",
    )


def _json_bounds_of_a_batch(limits: LimitSettings) -> JsonBounds:
    return JsonBounds(
        most_bytes=_BATCHED * limits.max_body_bytes,
        most_values=_BATCHED_VALUES * limits.max_json_values,
        most_levels=limits.max_json_depth,
        bytes_variable=f"{_BATCHED} times IMAGEGEN_MAX_BODY_BYTES",
        values_variable=f"{_BATCHED_VALUES} times IMAGEGEN_MAX_JSON_VALUES",
    )


class BodyGuard:
    """Refuses a body that is too large (413), too slow (408), compressed (415) or one too many (503) as it is read."""

    def __init__(self, app: ASGIApp, limits: BodyLimits) -> None:
        self._app, self._limits, self._memory = app, limits, _Memory(limits.memory)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        intake = scope[_INTAKE] = Intake(scope, receive, self._limits, self._memory)

        async def send_noted(message: MutableMapping[str, Any]) -> None:
            intake.is_answered = True
            await send(message)

        try:
            return await self._app(scope, intake.receive, send_noted)
        finally:
            intake.release()


def intake_of(scope: Scope) -> "Intake":
    """The intake of the request's body."""
    return cast("Intake", scope[_INTAKE])


class _Memory:
    """What the bodies of all requests hold together."""

    def __init__(self, most: int) -> None:
        self._most, self._taken = most, 0

    def take(self, size: int) -> bool:
        """Count so many bytes more, unless they are too many."""
        fits = self._taken + size <= self._most
        self._taken += size if fits else 0
        return fits

    def release(self, size: int) -> None:
        """Count so many bytes less."""
        self._taken -= size


class Intake:
    """One request's body on its way in.

    Attributes:
        limit: what it may be.
        is_answered: no handler reads what comes from now on, so nothing is refused. The body of a GET is never read.
    """

    def __init__(self, scope: Scope, receive: Receive, limits: BodyLimits, memory: _Memory) -> None:
        self._receive, self._headers, self._memory = receive, Headers(scope=scope), memory
        self.limit, self._timeout = limits.of(scope["path"]), limits.timeout.total_seconds()
        self.is_answered = scope["method"] in _WITHOUT_BODY
        self._size, self._held, self._started, self._whole = 0, 0, asyncio.get_running_loop().time(), False

    def release(self) -> None:
        """Say that the body is not held any more."""
        self._memory.release(self._held)
        self._held = 0

    async def receive(self) -> Message:
        """Wait for the next part of the body.

        Raises:
            Refusal: it is too large, too slow or compressed, or too many bodies are being received.
        """
        if self._whole or self.is_answered:
            return await self._receive()
        if self._size == 0:
            self._demand_plain()
            await self._demand_declared_size()
        message = await self._next()
        if self._size > self.limit.most:
            await self._throw_away()
            raise self._too_large()
        self._hold()
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

    def _hold(self) -> None:
        in_memory = min(self._size, self.limit.in_memory or self._size)
        more = max(0, in_memory - _FREE) - self._held
        if not self._memory.take(more):
            raise _too_many()
        self._held += more

    def _demand_plain(self) -> None:
        if self._headers.get("content-encoding", "identity").strip().lower() != "identity":
            detail = "Compressed bodies are not taken: send the body as it is, without Content-Encoding."
            raise Refusal(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", detail, {"Accept-Encoding": ""})

    async def _demand_declared_size(self) -> None:
        declared = self._headers.get("content-length", "")
        if declared.isdecimal() and int(declared[:20]) > self.limit.most:
            if "expect" not in self._headers:  # a client that asks first has sent nothing yet
                await self._throw_away()
            raise self._too_large()

    async def _throw_away(self) -> None:
        self.release()
        while not self._whole and self._size <= _THROWN_AWAY:
            await self._next()

    def _too_large(self) -> Refusal:
        most, variable = self.limit.most, self.limit.variable
        detail = f"The body is larger than {most} bytes, the limit here ({variable}). Send a smaller one."
        return Refusal(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "body_too_large", detail, _CLOSE)

    def _too_slow(self) -> Refusal:
        detail = f"The body did not arrive within {self._timeout:g} s (IMAGEGEN_RECEIVE_TIMEOUT)."
        return Refusal(HTTPStatus.REQUEST_TIMEOUT, "request_timeout", detail, _CLOSE)


def _too_many() -> Refusal:
    detail = "So many large bodies are being received that this one does not fit (IMAGEGEN_RECEIVE_MEMORY). Try again."
    return Refusal(HTTPStatus.SERVICE_UNAVAILABLE, "too_many_bodies", detail, {**RETRY_AFTER, **_CLOSE})
