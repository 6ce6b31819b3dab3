"""The lanes of this process: its rounds of a period follow each other, each with the next number."""

import asyncio
import secrets
from collections import OrderedDict
from typing import Final

from imagegen.storage.budgets.counters import BudgetCounters

_MOST_KEPT: Final = 10_000


class Lane:
    """One lane of a period.

    Attributes:
        lock: held during a round.
        number: that of the last round; None if it has to be read.
    """

    def __init__(self) -> None:
        self.lock = asyncio.Lock()
        self.number: int | None = None


class Lanes:
    """The lanes of this process.

    Attributes:
        process: its name in rounds: random, without a dot or a dollar sign.
    """

    def __init__(self, counters: BudgetCounters) -> None:
        self.process = secrets.token_hex(8)
        self._counters = counters
        self._lanes: OrderedDict[tuple[str, str], Lane] = OrderedDict()

    def lane(self, period: str, name: str) -> Lane:
        """A lane; those that were not used for longest are forgotten, and read again."""
        lane = self._lanes.setdefault((period, name), Lane())
        self._lanes.move_to_end((period, name))
        while len(self._lanes) > _MOST_KEPT and not next(iter(self._lanes.values())).lock.locked():
            self._lanes.popitem(last=False)
        return lane

    async def next_number(self, period: str, name: str) -> int:
        """The number of the next round. The caller holds the lane's lock."""
        lane = self.lane(period, name)
        if lane.number is None:
            last = await self._counters.last_round(period, self.process, name)
            lane.number = 0 if last is None else last.number
        return lane.number + 1
