"""The places of a process: how many jobs it works on at once."""

import asyncio
from collections.abc import Generator
from contextlib import contextmanager


class Places:
    """So many places, each for one job."""

    def __init__(self, most: int) -> None:
        self._free = most
        self._freed = asyncio.Event()

    async def take(self) -> "Place":
        """Wait for a free place."""
        while self._free < 1:
            self._freed.clear()
            await self._freed.wait()
        self._free -= 1
        return Place(self)

    def change(self, by: int) -> None:
        """Free a place, or take one although none may be free."""
        self._free += by
        if self._free > 0:
            self._freed.set()


class Place:
    """The place of one job, which gives it back at its end."""

    def __init__(self, places: Places) -> None:
        self._places = places

    def leave(self) -> None:
        """Give it back."""
        self._places.change(1)

    @contextmanager
    def left(self) -> Generator[None]:
        """Leave it to another job for a while.

        After that there may be a job more than there are places: the one that waited had its turn, and it cannot be
        asked to wait for a second thing while it has the first.
        """
        self._places.change(1)
        try:
            yield
        finally:
            self._places.change(-1)
