"""A fixed number of slots that are taken without waiting, such as those for open streams or waiting requests."""

from collections import Counter
from collections.abc import Callable, Generator
from contextlib import contextmanager


class Slots:
    """Hands out slots. If none is free, the holder learns so at once and does without one.

    With `times_free`, one holder cannot take them all: it gets at most so many times what it leaves free. With 3, a
    holder that is alone gets three quarters of the slots, and each further holder still finds some.
    """

    def __init__(
        self, count: int, *, times_free: int | None = None, on_change: Callable[[int], None] | None = None
    ) -> None:
        self._count, self._times_free, self._on_change = count, times_free, on_change
        self._taken = Counter[str]()

    @contextmanager
    def take(self, holder: str = "") -> Generator[bool]:
        """Hold a slot during the block; yields False if none is free for this holder."""
        has_slot = self._is_free_for(holder)
        if has_slot:
            self._count_change(holder, 1)
        try:
            yield has_slot
        finally:
            if has_slot:
                self._count_change(holder, -1)

    def _is_free_for(self, holder: str) -> bool:
        free = self._count - self._taken.total()
        return free > 0 and (self._times_free is None or self._taken[holder] < self._times_free * free)

    def _count_change(self, holder: str, change: int) -> None:
        self._taken[holder] += change
        if not self._taken[holder]:
            del self._taken[holder]  # holders come and go: without this, the counter would grow for ever
        if self._on_change is not None:
            self._on_change(self._taken.total())
