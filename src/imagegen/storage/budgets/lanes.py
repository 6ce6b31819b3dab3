"""The lanes of this process: its rounds of a period follow each other, each with the next number."""

import asyncio
import secrets
from collections import OrderedDict
from typing import Final

_MOST_KEPT: Final = 10_000


class Lane:
    """One lane of a period, with a name of its own, which is that of the process in rounds.

    A later round says of an earlier one under the same name that it took place. So after a round whose outcome is
    not known, the lane goes on under another name; reconciliation looks that round up under its own.

    Attributes:
        lock: held during a round.
    """

    def __init__(self) -> None:
        self.lock = asyncio.Lock()
        self._last = _fresh()

    def begin(self) -> tuple[str, int]:
        """The process and the number of the next round. The caller holds the lock."""
        process, number = self._last
        self._last = _fresh()  # until the outcome is known
        return process, number + 1

    def took_place(self, process: str, number: int) -> None:
        """The round that was begun last has taken place."""
        self._last = process, number


class Lanes:
    """The lanes of this process."""

    def __init__(self) -> None:
        self._lanes: OrderedDict[tuple[str, str], Lane] = OrderedDict()

    def lane(self, period: str, name: str) -> Lane:
        """A lane; those that were not used for longest are forgotten, and begin under another name."""
        lane = self._lanes.setdefault((period, name), Lane())
        self._lanes.move_to_end((period, name))
        while len(self._lanes) > _MOST_KEPT and not next(iter(self._lanes.values())).lock.locked():
            self._lanes.popitem(last=False)
        return lane


def _fresh() -> tuple[str, int]:
    """A process, random and without a dot or a dollar sign, that has had no round."""
    return secrets.token_hex(8), 0
