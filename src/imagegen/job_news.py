"""The news of jobs inside one process: whoever waits for a job is woken when something happened to it."""

import asyncio
from collections import defaultdict
from collections.abc import Generator
from contextlib import contextmanager
from typing import Final

FREE_SLOT: Final = "free-slot"  # in place of a job's id: a request is no longer open at fal


class JobNews:
    """What the jobs of all processes announce, handed to those who wait in this one."""

    def __init__(self) -> None:
        self._waiting: dict[str, set[asyncio.Event]] = defaultdict(set)

    @contextmanager
    def of(self, job_id: str) -> Generator[asyncio.Event]:
        """An event that is set whenever something happened to the job; the waiter clears it."""
        event = asyncio.Event()
        self._waiting[job_id].add(event)
        try:
            yield event
        finally:
            self._waiting[job_id].discard(event)
            if not self._waiting[job_id]:
                del self._waiting[job_id]

    def arrived(self, job_id: str) -> None:
        """Wake everyone who waits for this job."""
        for event in self._waiting.get(job_id, ()):
            event.set()
