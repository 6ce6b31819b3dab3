"""The lanes of the queue, and whose turn it is: pure.

A lane is a part of the stream with a consumer of its own. A user's first few waiting jobs go to the first lane of their
priority, where nobody else can have many either; the jobs of a user who has more waiting go to one of the long lanes,
chosen by the user's name. So a user with one job never waits behind another user's thousand, whoever shares a lane
with whom, and those with thousands share with each other.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from zlib import crc32

from imagegen.jobs import Priority

FEW: Final = 4
LONG_LANES: Final = 5  # for each priority
LOW_TURN: Final = 8  # one job in so many is taken from the low lanes first, so that batch work never stands still


@dataclass(frozen=True, slots=True)
class Lane:
    """A lane: the word in its subjects and in its consumer's name, and the priority of its jobs, None for any."""

    name: str
    priority: Priority | None = None


OPEN: Final = Lane("open")  # jobs that were sent to fal: the first to be taken, for fal forgets results
AGAIN: Final = Lane("again")  # jobs that are held and tried again when their message is due: never before all others
FIRST: Final = {priority: Lane(priority.value, priority) for priority in Priority}
LONG: Final = {
    priority: tuple(Lane(f"{priority.value}-{number}", priority) for number in range(1, LONG_LANES + 1))
    for priority in Priority
}
OLD: Final = Lane("", Priority.NORMAL)  # the only lane of a stream that an older version made: subjects without a lane
LANES: Final = (OPEN, AGAIN, *(lane for priority in Priority for lane in (FIRST[priority], *LONG[priority])))


def lane_of(user_id: str, priority: Priority, *, crowded: bool) -> Lane:
    """Where a user's job waits; `crowded` says that more than FEW of the user's jobs of this priority wait already."""
    if not crowded:
        return FIRST[priority]
    return LONG[priority][crc32(user_id.encode()) % LONG_LANES]


class Rotation:
    """Whose turn it is in one process.

    The open lane goes first. The lane of jobs that are tried again has every other turn of the rest, so that neither
    they nor new jobs wait for all of the others. Then come the old lane, the normal lanes, and the low ones; every
    LOW_TURN-th job the low lanes go before the normal ones. Within a priority, the first lane has every other turn, and
    the long lanes share the rest in a circle.
    """

    def __init__(self) -> None:
        self._long = dict.fromkeys(Priority, 0)
        self._first_next = dict.fromkeys(Priority, True)
        self._normal_in_a_row = 0
        self._again_next = True

    def order(self) -> Sequence[Lane]:
        """Every lane, the one to look into first at the front."""
        priorities = list(Priority)
        if self._normal_in_a_row >= LOW_TURN - 1:
            priorities.reverse()
        new = [OLD, *(lane for priority in priorities for lane in self._within(priority))]
        return [OPEN, AGAIN, *new] if self._again_next else [OPEN, *new, AGAIN]

    def served(self, lane: Lane) -> None:
        """A job was taken from this lane."""
        if lane is not OPEN:
            self._again_next = lane is not AGAIN
        if lane.priority is None or lane is OLD:
            return
        self._normal_in_a_row = self._normal_in_a_row + 1 if lane.priority is Priority.NORMAL else 0
        self._first_next[lane.priority] = lane is not FIRST[lane.priority]
        if lane in LONG[lane.priority]:
            self._long[lane.priority] = LONG[lane.priority].index(lane) + 1

    def _within(self, priority: Priority) -> Sequence[Lane]:
        first, long, start = FIRST[priority], LONG[priority], self._long[priority]
        circle = [*long[start:], *long[:start]]
        return [first, *circle] if self._first_next[priority] else [*circle, first]
