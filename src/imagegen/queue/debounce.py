"""Publishes job events to other processes; of several within 50 ms only the last.

A job makes two transitions within milliseconds when it is submitted, and two when it ends. A process that receives an
event reads the job, so an event that another one overtakes has nothing to add, and costs every process a message.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Final

_WINDOW: Final = timedelta(milliseconds=50)


class EventDebouncer:
    """Sends events of jobs through `send`, which does not fail: at once, or unless another follows within 50 ms."""

    def __init__(self, send: Callable[[str, bytes], Awaitable[None]]) -> None:
        self._send = send
        self._pending: dict[str, bytes] = {}
        self._sending: set[asyncio.Future[None]] = set()

    async def publish(self, job_id: str, event: bytes) -> None:
        """Send an event now. It replaces a pending event of the same job, which says no more than this one."""
        self._pending.pop(job_id, None)
        await self._send(job_id, event)

    def publish_soon(self, job_id: str, event: bytes) -> None:
        """Send an event in 50 ms, unless another event of the job replaces it."""
        if job_id not in self._pending:
            asyncio.get_running_loop().call_later(_WINDOW.total_seconds(), self._flush, job_id)
        self._pending[job_id] = event

    def _flush(self, job_id: str) -> None:
        event = self._pending.pop(job_id, None)
        if event is not None:
            sending = asyncio.ensure_future(self._send(job_id, event))
            self._sending.add(sending)
            sending.add_done_callback(self._sending.discard)
