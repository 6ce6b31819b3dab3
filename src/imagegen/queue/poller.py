"""Which lanes of the queue to ask for a message, and when."""

import asyncio
import time
from collections.abc import Generator, Iterable
from contextlib import suppress
from datetime import timedelta
from typing import Final

from imagegen.queue.lanes import LANES, RETRY, Lane, Rotation

_FULL_SCAN_EVERY: Final = timedelta(seconds=2)  # without hints: a message may be due again, or a hint was lost
# A consumer learns of a message a moment after the publisher: within 1 ms on one server, somewhat later in a cluster.
_RECHECK_AFTER: Final = (timedelta(milliseconds=10), timedelta(milliseconds=100))


class LanePoller:
    """Yields the lanes with a hint, the same lanes again a moment later, and every lane in each full scan.

    Args:
        one_by_one: block the lanes of a priority from the delivery of a job until it is released.
        retry_slots: block the retry lane while so many retries run, because each may take long.
    """

    def __init__(self, *, one_by_one: bool, retry_slots: int = 1) -> None:
        self._one_by_one, self._retry_slots, self._retries_running = one_by_one, retry_slots, 0
        self._rotation, self._hinted, self._wake = Rotation(), dict.fromkeys(LANES, 0), asyncio.Event()
        self._waiting = set(LANES)  # lanes that may have a message: hinted or never asked, and not found empty since
        self._hinted_again: set[Lane] = set()  # while an earlier hint was pending: they may have more than one message
        self._blocked_priorities: dict[str, object] = {}
        self._next_full_scan_at = 0.0

    def hint(self, lane: Lane, checks: int = 0) -> None:
        """Note that the lane may have a message; `checks` counts how often it was asked since the hint."""
        if lane in self._hinted:
            self._hinted_again.add(lane)
        self._hinted[lane] = checks
        if not checks:
            self._waiting.add(lane)
        self._wake.set()

    @property
    def has_waiting(self) -> bool:
        """Whether a lane that is served may have a message, or a priority waits for the release of a job."""
        return bool(self._blocked_priorities) or any(not self._is_blocked(lane) for lane in self._waiting)

    def start_scan(self, lanes: Iterable[Lane]) -> None:
        """Begin a scan: hints from here on wake the next one. A full scan, if one is due, covers all `lanes`."""
        self._wake.clear()
        if time.monotonic() >= self._next_full_scan_at:
            self._hinted = dict.fromkeys(lanes, len(_RECHECK_AFTER)) | self._hinted
            self._next_full_scan_at = time.monotonic() + _FULL_SCAN_EVERY.total_seconds()

    def due_lanes(self) -> Generator[tuple[Lane, int]]:
        """The lanes to ask, in the order of their rotation, and how often each was asked since its hint."""
        for lane in self._rotation.order():
            if lane in self._hinted and not self._is_blocked(lane):
                yield lane, self._hinted.pop(lane)  # before the lane is asked, so that a hint meanwhile is kept

    def _is_blocked(self, lane: Lane) -> bool:
        return _priority(lane) in self._blocked_priorities or (
            lane is RETRY and self._retries_running >= self._retry_slots
        )

    def found(self, lane: Lane, message: object, *, last: bool) -> None:
        """Note that the lane delivered this message.

        If it was the last one after a single hint, the lane is empty. After several hints it may have more, of which
        its consumer has not learned yet.
        """
        if lane in self._hinted_again:
            self._hinted_again.discard(lane)
            self._hinted.setdefault(lane, 0)
        elif not last:
            self._hinted.setdefault(lane, len(_RECHECK_AFTER))
        self._note_emptiness(lane)
        self._rotation.served(lane)
        self._retries_running += lane is RETRY
        self.hold(lane, message)

    def hold(self, lane: Lane, message: object) -> None:
        """Block the lane's priority until this message, or a job without one, is released; only if `one_by_one`."""
        if self._one_by_one and lane.priority is not None:
            self._blocked_priorities[lane.priority.value] = message

    def _note_emptiness(self, lane: Lane) -> None:
        if lane in self._hinted:
            self._waiting.add(lane)
        else:
            self._waiting.discard(lane)

    def found_nothing(self, lane: Lane, checks: int) -> None:
        """Note that the lane had nothing; soon after a hint it is asked again."""
        self._note_emptiness(lane)
        if checks < len(_RECHECK_AFTER):
            pause = _RECHECK_AFTER[checks].total_seconds()
            asyncio.get_running_loop().call_later(pause, self.hint, lane, checks + 1)

    def release(self, lane: Lane, message: object) -> None:
        """Unblock the priority that this message blocks."""
        priority = _priority(lane)
        if priority is not None and self._blocked_priorities.get(priority) is message:
            del self._blocked_priorities[priority]
            self._wake.set()

    def retry_done(self) -> None:
        """Note that a retry has ended, whatever its outcome."""
        self._retries_running -= 1
        self._wake.set()

    async def wait(self, until: float) -> None:
        """Wait for a hint or for the next full scan, at most until that moment of the monotonic clock."""
        left = min(until, self._next_full_scan_at) - time.monotonic()
        with suppress(TimeoutError):  # not wait_for: before Python 3.12 it can swallow a cancellation
            async with asyncio.timeout(max(left, 0)):
                await self._wake.wait()


def _priority(lane: Lane) -> str | None:
    return None if lane.priority is None else lane.priority.value
