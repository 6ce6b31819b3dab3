"""Waiting until a request is COMPLETED: over its status stream, by polling, or on a webhook's hint with slow polls."""

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing, suppress
from datetime import timedelta
from http import HTTPStatus
from typing import Final

from imagegen.errors import ProviderAnswer, RequestForgotten, StatusUnreadable
from imagegen.fal.error_responses import with_message
from imagegen.fal.errors import StreamUnsupported, TransientError
from imagegen.fal.responses import Progress, StatusResponse
from imagegen.fal.sanitize import Sanitizer
from imagegen.fal.timeouts import FalTimeouts

# After this many streams in a row without a single status, something on the way does not pass streams through.
_MAX_FRUITLESS: Final = 3
_FORGOTTEN: Final = "fal.ai accepted this request, but has reported for a long time that it knows no such request."
_log = logging.getLogger("imagegen.fal")

ReadStatus = Callable[[], Awaitable[StatusResponse]]
"""Reads the status once; raises `TransientError`."""
OpenStream = Callable[[], AsyncGenerator[StatusResponse]]
"""Opens a status stream; raises `TransientError` when it breaks off, and `StreamUnsupported`."""


class StatusTracker:
    """The last known status of one request, whichever source it came from.

    Args:
        on_progress: called when the status changes; its errors end the wait.
        timeouts: `status_unreadable` and `status_missing` apply here.
        sanitizer: cleans what is reported and logged.
        request_id: for the log.

    Attributes:
        statuses: how many statuses were read or streamed.
        changes: how many of them were new.
        failure: fal's error, if the status of the completed request reports one.
    """

    def __init__(
        self,
        on_progress: Callable[[Progress], Awaitable[None]],
        timeouts: FalTimeouts,
        sanitizer: Sanitizer,
        request_id: str,
    ) -> None:
        self._on_progress, self._timeouts = on_progress, timeouts
        self._sanitizer, self._request_id = sanitizer, request_id
        self._progress: Progress | None = None
        self._unreadable_since: float | None = None
        self._missing_since: float | None = None
        self.failure: ProviderAnswer | None = None
        self.statuses = self.changes = 0

    @property
    def state(self) -> str | None:
        """The last state that was reported."""
        return self._progress.state if self._progress else None

    def set_timeouts(self, timeouts: FalTimeouts) -> None:
        """Apply these limits from now on."""
        self._timeouts = timeouts

    async def refresh(self, read: ReadStatus) -> bool:
        """Read the status once; True if the request is completed.

        Raises:
            StatusUnreadable: as `record_unreadable` describes.
        """
        try:
            status = await read()
        except TransientError as error:
            self.record_unreadable(error)
            return False
        return await self.update(status)

    async def update(self, status: StatusResponse) -> bool:
        """Record a status, and report it if it is new; True if the request is completed."""
        self._unreadable_since = self._missing_since = None
        self.statuses += 1
        if status.status == "COMPLETED":
            self.failure = status.failure(self._sanitizer)
            return True
        progress = status.progress(self._sanitizer)
        if progress != self._progress:
            self._progress = progress
            self.changes += 1
            await self._on_progress(progress)
        return False

    def record_unreadable(self, error: TransientError) -> None:
        """Record that the status could not be read. Only the first time in a row is logged.

        Raises:
            RequestForgotten: the status has returned nothing but 404 for `FalTimeouts.status_missing`.
            StatusUnreadable: nothing could be read for `FalTimeouts.status_unreadable`.
        """
        self._check_missing(error)
        if self._unreadable_since is None:
            _log.warning("request %s: its status cannot be read (%s); still waiting", self._request_id, error)
            self._unreadable_since = time.monotonic()
        if time.monotonic() - self._unreadable_since >= self._timeouts.status_unreadable.total_seconds():
            raise StatusUnreadable(error.answer) from error

    def _check_missing(self, error: TransientError) -> None:
        """Only a response starts or stops this clock; a failed connection says nothing about the request."""
        status = error.answer.status
        if status == HTTPStatus.NOT_FOUND:
            now = time.monotonic()
            self._missing_since = self._missing_since if self._missing_since is not None else now
            if now - self._missing_since >= self._timeouts.status_missing.total_seconds():
                raise RequestForgotten(with_message(error.answer, _FORGOTTEN)) from error
        elif status is not None:
            self._missing_since = None


async def wait_by_polling(tracker: StatusTracker, read: ReadStatus, timeouts: FalTimeouts) -> None:
    """Poll the status until it is COMPLETED. The pauses grow, and start anew when the state changes."""
    state, rests = tracker.state, timeouts.poll_pauses()
    while not await tracker.refresh(read):
        if tracker.state != state:
            state, rests = tracker.state, timeouts.poll_pauses()
        await asyncio.sleep(next(rests).total_seconds())


async def wait_for_hints(tracker: StatusTracker, read: ReadStatus, timeouts: FalTimeouts, hint: asyncio.Event) -> None:
    """Read the status when the hint is set, and rarely otherwise, until it is COMPLETED.

    A hint alone proves nothing, so the status is read before the result: the response to an early result read is
    harder to tell from "not yet". If the status lags behind the hint it is read again soon, then ever less often.
    """
    rests = timeouts.safety_poll_pauses()
    while True:
        if await _is_set_within(hint, next(rests)):
            hint.clear()
            rests = timeouts.hinted_poll_pauses()
        if await tracker.refresh(read):
            return


async def _is_set_within(event: asyncio.Event, limit: timedelta) -> bool:
    with suppress(TimeoutError):
        async with asyncio.timeout(limit.total_seconds()):
            await event.wait()
    return event.is_set()


async def wait_by_stream(tracker: StatusTracker, stream: OpenStream, timeouts: FalTimeouts) -> bool:
    """Follow the status stream until COMPLETED, and reopen it when it breaks off or reaches its lifetime.

    It is reopened at once if it brought a change, else after a pause.

    Returns:
        False if the status is not available as a stream.
    """
    fruitless, rests = 0, timeouts.poll_pauses()
    while fruitless < _MAX_FRUITLESS:
        began, statuses, changes = time.monotonic(), tracker.statuses, tracker.changes
        try:
            if await _follow(tracker, stream, timeouts.stream_lifetime.total_seconds()):
                return True
        except StreamUnsupported:
            return False
        except TransientError as error:
            tracker.record_unreadable(error)
        fruitless = fruitless + 1 if tracker.statuses == statuses else 0
        if time.monotonic() - began > timeouts.max_poll.total_seconds():
            rests = timeouts.poll_pauses()
        if tracker.changes == changes:
            await asyncio.sleep(next(rests).total_seconds())
    return False


async def _follow(tracker: StatusTracker, stream: OpenStream, lifetime: float) -> bool:
    """Follow one stream for `lifetime` seconds, because a stream may stay open and no longer report changes.

    Returns:
        True if the request is completed.
    """
    ends = asyncio.get_running_loop().time() + lifetime
    async with aclosing(stream()) as statuses:
        while True:
            try:
                async with asyncio.timeout_at(ends):
                    status = await anext(statuses)
            except TimeoutError:
                return False
            if await tracker.update(status):
                return True
