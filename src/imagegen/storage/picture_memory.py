"""How many bytes of pictures the process may hold at once, over all transfers."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager


class PictureMemory:
    """A budget in bytes that transfers reserve from, first come, first served.

    Each transfer reserves once, for its whole length: holding some while waiting for more could lock all of them.
    """

    def __init__(self, total: int) -> None:
        self._total = total
        self._free = total
        self._turn = asyncio.Lock()
        self._freed = asyncio.Event()

    @asynccontextmanager
    async def reserve(self, size: int) -> AsyncGenerator[None]:
        """Wait for `size` bytes, or for all there are if that is less, and give them back at the end."""
        size = min(size, self._total)
        async with self._turn:
            while self._free < size:
                self._freed.clear()
                await self._freed.wait()
            self._free -= size
        try:
            yield
        finally:
            self._free += size
            self._freed.set()
