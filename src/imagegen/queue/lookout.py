"""Which lanes of the queue to look into, and when."""

import asyncio
import time
from collections.abc import Generator, Iterable
from contextlib import suppress
from datetime import timedelta
from typing import Final

from imagegen.queue_lanes import AGAIN, LANES, Lane, Rotation

_LOOK_ANYWAY: Final = timedelta(seconds=2)  # after this long without a hint: a message may have come again
# A consumer learns of a message a moment after the publisher: on one server within 1 ms, in a cluster somewhat later.
_LOOK_AGAIN: Final = (timedelta(milliseconds=10), timedelta(milliseconds=100))


class Lookout:
    """The lanes to look into: those with a hint, again a moment later, and every lane now and then.

    With `one_by_one`, the lanes of a priority are left alone from the delivery of a job until it is `settled`. The lane
    of jobs that are tried again is left alone while `tries` of them are `tried`: they may take long over it.
    """

    def __init__(self, *, one_by_one: bool, tries: int = 1) -> None:
        self._one_by_one, self._tries, self._trying = one_by_one, tries, 0
        self._rotation, self._hinted, self._wake = Rotation(), dict.fromkeys(LANES, 0), asyncio.Event()
        self._hinted_again: set[Lane] = set()  # while a hint of theirs waited: they may have more than one message
        self._unsettled: dict[str, object] = {}
        self._look_anyway_at = 0.0

    def heard_of(self, lane: Lane, looked: int = 0) -> None:
        """The lane has a message, or may have one; `looked` counts how often it was looked into since the hint."""
        if lane in self._hinted:
            self._hinted_again.add(lane)
        self._hinted[lane] = looked
        self._wake.set()

    def begin(self, lanes: Iterable[Lane]) -> None:
        """Begin a round: what is heard of from here on wakes; all of the lanes are in it if it is time for that."""
        self._wake.clear()
        if time.monotonic() >= self._look_anyway_at:
            self._hinted = dict.fromkeys(lanes, len(_LOOK_AGAIN)) | self._hinted
            self._look_anyway_at = time.monotonic() + _LOOK_ANYWAY.total_seconds()

    def round(self) -> Generator[tuple[Lane, int]]:
        """The lanes to look into, by their rotation, and how often each was looked into since its hint."""
        for lane in self._rotation.order():
            if lane in self._hinted and not self._is_left_alone(lane):
                yield lane, self._hinted.pop(lane)  # before asking, so that a hint that comes meanwhile is kept

    def _is_left_alone(self, lane: Lane) -> bool:
        return _priority(lane) in self._unsettled or (lane is AGAIN and self._trying >= self._tries)

    def found(self, lane: Lane, delivery: object, *, last: bool) -> None:
        """The lane had this delivery, and may have more.

        Where it was the last one, and there was one hint, it has no more. After several hints the consumer may only not
        have learned of the others yet.
        """
        if lane in self._hinted_again:
            self._hinted_again.discard(lane)
            self._hinted.setdefault(lane, 0)
        elif not last:
            self._hinted.setdefault(lane, len(_LOOK_AGAIN))
        self._rotation.served(lane)
        self._trying += lane is AGAIN
        if self._one_by_one and lane.priority is not None:
            self._unsettled[lane.priority.value] = delivery

    def found_nothing(self, lane: Lane, looked: int) -> None:
        """The lane had nothing; soon after a hint it is looked into again."""
        if looked < len(_LOOK_AGAIN):
            pause = _LOOK_AGAIN[looked].total_seconds()
            asyncio.get_running_loop().call_later(pause, self.heard_of, lane, looked + 1)

    def settled(self, lane: Lane, delivery: object) -> None:
        """Let the next job of this one's priority come."""
        priority = _priority(lane)
        if priority is not None and self._unsettled.get(priority) is delivery:
            del self._unsettled[priority]
            self._wake.set()

    def tried(self) -> None:
        """A job that is tried again has been, whatever came of it."""
        self._trying -= 1
        self._wake.set()

    async def wait(self, until: float) -> None:
        """Wait until a lane is heard of or it is time to look anyway, at most until then on the monotonic clock."""
        left = min(until, self._look_anyway_at) - time.monotonic()
        with suppress(TimeoutError):  # not wait_for: before Python 3.12 it can swallow a cancellation
            async with asyncio.timeout(max(left, 0)):
                await self._wake.wait()


def _priority(lane: Lane) -> str | None:
    return None if lane.priority is None else lane.priority.value
