"""The work slots of a process: how many jobs it works on at once."""

import asyncio
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager


class WorkSlots:
    """A fixed number of slots, one per job."""

    def __init__(self, count: int) -> None:
        self._free = count
        self._freed = asyncio.Event()

    async def acquire(self) -> "WorkSlot":
        """Wait for a free slot and take it."""
        while (slot := self.try_acquire()) is None:
            self._freed.clear()
            await self._freed.wait()
        return slot

    def try_acquire(self) -> "WorkSlot | None":
        """Take a slot if one is free."""
        if self._free < 1:
            return None
        self._free -= 1
        return WorkSlot(self)

    def adjust(self, by: int) -> None:
        """Free a slot, or take one even if none is free."""
        self._free += by
        if self._free > 0:
            self._freed.set()


class WorkSlot:
    """The slot of one job, which releases it at its end."""

    def __init__(self, slots: WorkSlots) -> None:
        self._slots = slots

    def release(self) -> None:
        """Give the slot back."""
        self._slots.adjust(1)

    @contextmanager
    def released(self) -> Generator[None]:
        """Lend the slot to another job for a while.

        Afterwards the process may run one job more than it has slots: a job that has just got what it waited for must
        not wait for a work slot while it holds it.
        """
        self._slots.adjust(1)
        try:
            yield
        finally:
            self._slots.adjust(-1)

    @asynccontextmanager
    async def lent(self) -> AsyncGenerator[None]:
        """Lend the slot to another job for a while, and wait until one is free again."""
        self._slots.adjust(1)
        yield
        await self._slots.acquire()
