"""The lanes of the queue, and the order in which a process serves them: pure.

A lane is a part of the stream with its own consumer. A user's first few waiting jobs go to the first lane of their
priority, in which no user can have many; the jobs of a user with more waiting go to one of the long lanes, chosen by
the user's name. So a user with one job never waits behind another user's thousand, and users with thousands share the
long lanes with each other.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from zlib import crc32

from imagegen.jobs import Priority

FIRST_LANE_LIMIT: Final = 4  # a user with more jobs of a priority waiting is crowded
LONG_LANES: Final = 5  # for each priority
LOW_EVERY: Final = 8  # every eighth job comes from a low lane that has one, so that batch work never stops


@dataclass(frozen=True, slots=True)
class Lane:
    """A lane: the word in its subjects and in its consumer's name, and the priority of its jobs, None for any."""

    name: str
    priority: Priority | None = None


OPEN: Final = Lane("open")  # jobs that were sent to fal: served first, because fal forgets results
RETRY: Final = Lane("again")  # held jobs, tried again when their message is due: served in alternation with new jobs
FIRST: Final = {priority: Lane(priority.value, priority) for priority in Priority}
LONG: Final = {
    priority: tuple(Lane(f"{priority.value}-{number}", priority) for number in range(1, LONG_LANES + 1))
    for priority in Priority
}
LEGACY: Final = Lane("", Priority.NORMAL)  # the only lane of a stream made by an older version: subjects without a lane
LANES: Final = (OPEN, RETRY, *(lane for priority in Priority for lane in (FIRST[priority], *LONG[priority])))


def lane_of(user_id: str, priority: Priority, *, crowded: bool) -> Lane:
    """The lane for a new job; `crowded`: more than FIRST_LANE_LIMIT of the user's jobs of this priority wait."""
    if not crowded:
        return FIRST[priority]
    return LONG[priority][crc32(user_id.encode()) % LONG_LANES]


class Rotation:
    """The order in which one process serves the lanes.

    The open lane comes first. The retry lane gets every other turn of the rest, so that neither retries nor new jobs
    wait for all of the others. Then follow the legacy lane, the normal lanes and the low lanes; every LOW_EVERY-th job
    the low lanes come before the normal ones. Within a priority the first lane gets every other turn, and the long
    lanes share the rest round robin.
    """

    def __init__(self) -> None:
        self._next_long = dict.fromkeys(Priority, 0)
        self._first_next = dict.fromkeys(Priority, True)
        self._normal_in_a_row = 0
        self._retry_next = True

    def order(self) -> Sequence[Lane]:
        """Every lane, in the order in which to look for the next job."""
        priorities = list(Priority)
        if self._normal_in_a_row >= LOW_EVERY - 1:
            priorities.reverse()
        new = [LEGACY, *(lane for priority in priorities for lane in self._within(priority))]
        return [OPEN, RETRY, *new] if self._retry_next else [OPEN, *new, RETRY]

    def served(self, lane: Lane) -> None:
        """Note that a job was taken from this lane."""
        if lane is not OPEN:
            self._retry_next = lane is not RETRY
        if lane.priority is None or lane is LEGACY:
            return
        self._normal_in_a_row = self._normal_in_a_row + 1 if lane.priority is Priority.NORMAL else 0
        self._first_next[lane.priority] = lane is not FIRST[lane.priority]
        if lane in LONG[lane.priority]:
            self._next_long[lane.priority] = LONG[lane.priority].index(lane) + 1

    def _within(self, priority: Priority) -> Sequence[Lane]:
        first, long, start = FIRST[priority], LONG[priority], self._next_long[priority]
        round_robin = [*long[start:], *long[:start]]
        return [first, *round_robin] if self._first_next[priority] else [*round_robin, first]
