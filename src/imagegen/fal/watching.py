"""Waiting until fal says COMPLETED: by its status stream, by polling, or by a webhook's hint with a slow poll."""

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing, suppress
from http import HTTPStatus
from typing import Final

from imagegen.errors import ProviderAnswer, RequestForgotten, StatusUnreadable
from imagegen.fal.answers import Progress, StatusAnswer
from imagegen.fal.refusals import with_message
from imagegen.fal.waiting import Passing, Patience, pauses
from imagegen.fal.wording import Wording

# So many streams in a row that told nothing: something on the way does not let them through.
_FRUITLESS: Final = 3
_log = logging.getLogger("imagegen.fal")

ReadStatus = Callable[[], Awaitable[StatusAnswer]]
"""One status read; raises `Passing`."""
OpenStream = Callable[[], AsyncGenerator[StatusAnswer]]
"""One status stream; raises `Passing` when it breaks off, and `NoStream`."""


class NoStream(Exception):
    """This request's status cannot be had as a stream."""


class Watch:
    """What one wait has heard of its request so far, from whichever source.

    Args:
        on_progress: called when fal says something new; its errors end the wait.
        patience: for how long no status may be readable.
        wording: cleans what is told and logged.
        name: of the request, for the log.

    Attributes:
        heard: how many statuses were read or streamed.
        news: how many of them said something new.
        failure: what the status of the completed request says of its failure.
    """

    def __init__(
        self, on_progress: Callable[[Progress], Awaitable[None]], patience: Patience, wording: Wording, name: str
    ) -> None:
        self._on_progress, self._patience, self._wording, self._name = on_progress, patience, wording, name
        self._told: Progress | None = None
        self._unreadable_since: float | None = None
        self._missing_since: float | None = None
        self.failure: ProviderAnswer | None = None
        self.heard = self.news = 0

    @property
    def state(self) -> str | None:
        """The last state that was told."""
        return self._told.state if self._told else None

    def has_time(self, patience: Patience) -> None:
        """From here on no status may be readable for as long as this patience allows."""
        self._patience = patience

    async def look(self, read: ReadStatus) -> bool:
        """Read the status once; True if the request is completed. Raises StatusUnreadable as `miss` does."""
        try:
            status = await read()
        except Passing as error:
            self.miss(error)
            return False
        return await self.hear(status)

    async def hear(self, status: StatusAnswer) -> bool:
        """Take in a status, and tell it if it is new; True if the request is completed."""
        self._unreadable_since = self._missing_since = None
        self.heard += 1
        if status.status == "COMPLETED":
            self.failure = status.failure(self._wording)
            return True
        progress = status.progress(self._wording)
        if progress != self._told:
            self._told = progress
            self.news += 1
            await self._on_progress(progress)
        return False

    def miss(self, error: Passing) -> None:
        """Take in that nothing could be read: no news. The first time in a row it is logged.

        Raises:
            RequestForgotten: 404, as ever since `Patience.forgotten` ago.
            StatusUnreadable: nothing could be read since `Patience.unreadable` ago.
        """
        self._count_missing(error)
        if self._unreadable_since is None:
            _log.warning("request %s: its status cannot be read (%s); still waiting", self._name, error)
            self._unreadable_since = time.monotonic()
        if time.monotonic() - self._unreadable_since >= self._patience.unreadable.total_seconds():
            raise StatusUnreadable(error.answer) from error

    def _count_missing(self, error: Passing) -> None:
        """Only an answer starts or stops this clock; no connection says nothing of the request."""
        status = error.answer.status
        if status == HTTPStatus.NOT_FOUND:
            now = time.monotonic()
            self._missing_since = self._missing_since if self._missing_since is not None else now
            if now - self._missing_since >= self._patience.forgotten.total_seconds():
                raise RequestForgotten(with_message(error.answer, _FORGOTTEN)) from error
        elif status is not None:
            self._missing_since = None


async def until_polled(watch: Watch, read: ReadStatus, patience: Patience) -> None:
    """Ask for the status until it is COMPLETED; the pauses grow, and begin anew when the request moves on."""
    state, rests = watch.state, pauses(patience.first_poll, patience.longest_poll)
    while not await watch.look(read):
        if watch.state != state:
            state, rests = watch.state, pauses(patience.first_poll, patience.longest_poll)
        await asyncio.sleep(next(rests))


async def until_hinted(watch: Watch, read: ReadStatus, patience: Patience, hint: asyncio.Event) -> None:
    """Ask for the status when hinted at, and else rarely, until it is COMPLETED.

    A hint is not believed: the status is read before anybody goes for the result, for an answer to a result read cannot
    be told apart from "not yet" as surely. If the status lags behind the hint it is asked for again soon, then less
    and less often.
    """
    rests = pauses(patience.first_safety_poll, patience.safety_poll)
    while True:
        if await _set_within(hint, next(rests)):
            hint.clear()
            rests = pauses(patience.first_poll, patience.safety_poll)
        if await watch.look(read):
            return


async def _set_within(event: asyncio.Event, seconds: float) -> bool:
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
    return event.is_set()


async def until_streamed(watch: Watch, stream: OpenStream, patience: Patience) -> bool:
    """Follow the status stream until COMPLETED, and open it anew when it breaks off or grows old.

    At once if it told something new, else after a pause.

    Returns:
        False if it cannot be had as a stream.
    """
    fruitless, rests = 0, pauses(patience.first_poll, patience.longest_poll)
    while fruitless < _FRUITLESS:
        began, heard, news = time.monotonic(), watch.heard, watch.news
        try:
            if await _follow(watch, stream, patience.stream_life.total_seconds()):
                return True
        except NoStream:
            return False
        except Passing as error:
            watch.miss(error)
        fruitless = fruitless + 1 if watch.heard == heard else 0
        if time.monotonic() - began > patience.longest_poll.total_seconds():
            rests = pauses(patience.first_poll, patience.longest_poll)
        if watch.news == news:
            await asyncio.sleep(next(rests))
    return False


async def _follow(watch: Watch, stream: OpenStream, seconds: float) -> bool:
    """Hear one stream; False when it has grown old, for a stream may live on and no longer tell what happens."""
    ends = asyncio.get_running_loop().time() + seconds
    async with aclosing(stream()) as statuses:
        while True:
            try:
                async with asyncio.timeout_at(ends):
                    status = await anext(statuses)
            except TimeoutError:
                return False
            if await watch.hear(status):
                return True


_FORGOTTEN: Final = "fal.ai accepted this request, and has said for long that it knows no such request."
