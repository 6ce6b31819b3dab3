"""Receives a request's body, and refuses one that is too large, too slow, compressed, or too much for the memory."""

import asyncio
from datetime import timedelta
from http import HTTPStatus
from typing import Final, cast

from starlette.datastructures import Headers
from starlette.types import Message, Receive, Scope

from imagegen.api.http.body_limits import BodyLimit
from imagegen.api.http.problems import RETRY_AFTER, HttpProblem

# Bytes beyond the limit that are read and discarded, so that an ordinary client gets to read its 413.
_DISCARDED: Final = 32 * 2**20
# The deadline of a body is extended by a second for every so many bytes: a slow line gets through, a trickle does not.
_BYTES_PER_SECOND: Final = 64 * 2**10
# So many bytes of each body do not count against the shared memory: small requests proceed while large ones wait.
_FREE: Final = 16 * 2**10
# Bytes; what is done with a body up to this size takes less time than handing it to a thread.
_SMALL: Final = 64 * 2**10
_CLOSE: Final = {"Connection": "close"}
_WITHOUT_BODY: Final = frozenset({"GET", "HEAD"})
INTAKE: Final = "imagegen.intake"  # the key in the scope


def intake_of(scope: Scope) -> "Intake":
    """The intake of the request's body."""
    return cast("Intake", scope[INTAKE])


class ReceiveMemory:
    """The memory that the bodies of all requests share."""

    def __init__(self, most: int) -> None:
        self._most, self._taken = most, 0

    def take(self, size: int) -> bool:
        """Reserve so many bytes; False if they do not fit."""
        fits = self._taken + size <= self._most
        self._taken += size if fits else 0
        return fits

    def release(self, size: int) -> None:
        """Give so many bytes back."""
        self._taken -= size


class Intake:
    """The incoming body of one request.

    Attributes:
        limit: the limits of its size and its JSON.
        is_answered: no handler reads the rest, so it is not refused. The body of a GET is never read.
    """

    def __init__(
        self, scope: Scope, receive: Receive, limit: BodyLimit, timeout: timedelta, memory: ReceiveMemory
    ) -> None:
        self._receive, self._headers, self._memory = receive, Headers(scope=scope), memory
        self.limit, self._timeout = limit, timeout.total_seconds()
        self.is_answered = scope["method"] in _WITHOUT_BODY
        self._size, self._held, self._started, self._whole = 0, 0, asyncio.get_running_loop().time(), False

    @property
    def is_large(self) -> bool:
        """Whether so much has arrived that work on the whole body belongs in a thread, not in the event loop."""
        return self._size > _SMALL

    def release(self) -> None:
        """Give back the memory of the body, which is no longer held."""
        self._memory.release(self._held)
        self._held = 0

    async def receive(self) -> Message:
        """Wait for the next part of the body.

        Raises:
            HttpProblem: the body is too large, too slow or compressed, or all bodies together are too large.
        """
        if self._whole or self.is_answered:
            return await self._receive()
        if self._size == 0:
            self._require_uncompressed()
            await self._check_declared_size()
        message = await self._next()
        if self._size > self.limit.most:
            await self._discard()
            raise self._too_large()
        self._reserve()
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

    def _reserve(self) -> None:
        in_memory = min(self._size, self.limit.in_memory or self._size)
        more = max(0, in_memory - _FREE) - self._held
        if not self._memory.take(more):
            raise _too_many()
        self._held += more

    def _require_uncompressed(self) -> None:
        if self._headers.get("content-encoding", "identity").strip().lower() != "identity":
            detail = "Compressed bodies are not accepted. Send the body uncompressed, without Content-Encoding."
            raise HttpProblem(
                HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", detail, {"Accept-Encoding": ""}
            )

    async def _check_declared_size(self) -> None:
        declared = self._headers.get("content-length", "")
        if declared.isdecimal() and int(declared[:20]) > self.limit.most:
            if "expect" not in self._headers:  # a client that sends Expect has sent nothing yet
                await self._discard()
            raise self._too_large()

    async def _discard(self) -> None:
        self.release()
        while not self._whole and self._size <= _DISCARDED:
            await self._next()

    def _too_large(self) -> HttpProblem:
        most, variable = self.limit.most, self.limit.variable
        detail = f"The body is larger than {most} bytes, the limit for this path ({variable}). Send a smaller one."
        return HttpProblem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "body_too_large", detail, _CLOSE)

    def _too_slow(self) -> HttpProblem:
        detail = f"The body did not arrive within {self._timeout:g} s (IMAGEGEN_RECEIVE_TIMEOUT)."
        return HttpProblem(HTTPStatus.REQUEST_TIMEOUT, "request_timeout", detail, _CLOSE)


def _too_many() -> HttpProblem:
    detail = "Too many large bodies are being received at this moment (IMAGEGEN_RECEIVE_MEMORY). Try again."
    return HttpProblem(HTTPStatus.SERVICE_UNAVAILABLE, "too_many_bodies", detail, {**RETRY_AFTER, **_CLOSE})
