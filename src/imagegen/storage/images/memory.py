"""A limit on the bytes of images that the process holds at once, over all transfers."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager


class ImageMemory:
    """A budget in bytes that transfers reserve from, first come, first served.

    Each transfer reserves once, for its whole length: holding some while waiting for more could deadlock all of them.
    """

    def __init__(self, total: int) -> None:
        self._total = total
        self._free = total
        self._first_in_line = asyncio.Lock()
        self._freed = asyncio.Event()

    @asynccontextmanager
    async def reserve(self, size: int) -> AsyncGenerator[None]:
        """Hold `size` bytes inside the block, after waiting until they are free.

        More than the whole budget counts as the whole budget.
        """
        size = min(size, self._total)
        async with self._first_in_line:
            while self._free < size:
                self._freed.clear()
                await self._freed.wait()
            self._free -= size
        try:
            yield
        finally:
            self._free += size
            self._freed.set()
