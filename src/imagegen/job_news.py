"""The news of jobs inside one process: whoever waits for a job, or for a batch of them, hears what happens to it."""

import asyncio
from collections import defaultdict, deque
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from typing import Final

from imagegen.jobs import FINAL, Job, JsonObject

BATCH: Final = "batchId"  # the member of an event that names the batch of its job
FREE_SLOT: Final = "free-slot"  # in place of a job's id: a request is no longer open at fal
_BATCH_NAMED: Final = f'"{BATCH}"'.encode()
_MOST_KEPT: Final = 64
_ENDS: Final = {status.value for status in FINAL}


def is_any(_event: JsonObject) -> bool:
    """Every event counts."""
    return True


def is_end(event: JsonObject) -> bool:
    """Whether a job has ended with this event; one that cannot be read may be that."""
    return event.get("status") is None or event["status"] in _ENDS


class Listener:
    """What one waiter has not taken yet: the newest events only, so that one who is slow holds no memory.

    Args:
        counts: which events are for this waiter.

    Attributes:
        woken: set whenever one of them happened; the waiter clears it.
        ended: the job as stored, once it has ended in this process: what is known need not be read.
    """

    def __init__(self, counts: Callable[[JsonObject], bool]) -> None:
        self.woken = asyncio.Event()
        self.ended: Job | None = None
        self._counts = counts
        self._events: deque[JsonObject] = deque(maxlen=_MOST_KEPT)

    def hear(self, event: JsonObject) -> None:
        """Keep an event and wake the waiter."""
        if self._counts(event):
            self._events.append(event)
            self.woken.set()

    def take(self) -> Sequence[JsonObject]:
        """The events since the last time, oldest first."""
        self.woken.clear()
        events = tuple(self._events)
        self._events.clear()
        return events


class JobNews:
    """What the jobs of all processes announce, handed to those who wait in this one."""

    def __init__(self) -> None:
        self._listeners: dict[str, set[Listener]] = defaultdict(set)

    @contextmanager
    def heard(self, wanted: str, counts: Callable[[JsonObject], bool] = is_any) -> Generator[Listener]:
        """A listener to what happens to a job, or to the jobs of a batch."""
        listener = Listener(counts)
        self._listeners[wanted].add(listener)
        try:
            yield listener
        finally:
            self._listeners[wanted].discard(listener)
            if not self._listeners[wanted]:
                del self._listeners[wanted]

    @contextmanager
    def of(self, wanted: str, counts: Callable[[JsonObject], bool] = is_any) -> Generator[asyncio.Event]:
        """An event that is set whenever something happened to the job or the batch; the waiter clears it."""
        with self.heard(wanted, counts) as listener:
            yield listener.woken

    def are_wanted(self, job_id: str, event: bytes) -> bool:
        """Whether anyone may wait for this job, or for the batch that is named in its event's text."""
        return job_id in self._listeners or (bool(self._listeners) and _BATCH_NAMED in event)

    def arrived(self, job_id: str, event: JsonObject) -> None:
        """Hand an event to everyone who waits for this job, or for its batch."""
        for name in (job_id, event.get(BATCH)):
            for listener in self._listeners.get(str(name), ()):
                listener.hear(event)

    def ended(self, job: Job) -> None:
        """Hand a job that has just ended in this process to everyone who waits for it, before its event."""
        for listener in self._listeners.get(job.id, ()):
            listener.ended = job
