"""What a process tells the others of its jobs: of moves that follow closely upon each other, only the last.

A job makes two moves within milliseconds when it is submitted, and two when it ends. Whoever hears of a move reads the
job, so one that is overtaken has nothing to say any more, and costs every process of a fleet a message.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Final

_CLOSELY: Final = timedelta(milliseconds=50)


class Tidings:
    """Tells events of jobs by way of `tell`, which does not fail: at once, or unless another follows closely."""

    def __init__(self, tell: Callable[[str, bytes], Awaitable[None]]) -> None:
        self._tell = tell
        self._held: dict[str, bytes] = {}
        self._telling: set[asyncio.Future[None]] = set()

    async def tell(self, job_id: str, event: bytes) -> None:
        """Tell an event now. It says at least as much as one of the same job that is held."""
        self._held.pop(job_id, None)
        await self._tell(job_id, event)

    def tell_soon(self, job_id: str, event: bytes) -> None:
        """Tell an event unless another of the job follows closely."""
        if job_id not in self._held:
            asyncio.get_running_loop().call_later(_CLOSELY.total_seconds(), self._let_go, job_id)
        self._held[job_id] = event

    def _let_go(self, job_id: str) -> None:
        event = self._held.pop(job_id, None)
        if event is not None:
            telling = asyncio.ensure_future(self._tell(job_id, event))
            self._telling.add(telling)
            telling.add_done_callback(self._telling.discard)
