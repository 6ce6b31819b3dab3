"""A job for the runner of this process: taken from the queue, or started without a message."""

from abc import ABC, abstractmethod
from collections.abc import Generator
from contextlib import contextmanager, nullcontext
from datetime import timedelta

from imagegen.jobs import Job
from imagegen.observability.tracing import Attributes, SpanKind
from imagegen.queue.lanes import Lane
from imagegen.queue.slots import WorkSlot


class WorkItem(ABC):
    """A job to run, and what becomes of it in the queue. Exactly one method decides that.

    Attributes:
        job_id: the job's id.
        lane: the lane that it came from, or would have waited in.
        work_slot: the slot that it occupies in this process; None while it has none.
    """

    def __init__(self, job_id: str, lane: Lane) -> None:
        self.job_id, self.lane = job_id, lane
        self.work_slot: WorkSlot | None = None

    @property
    @abstractmethod
    def span(self) -> tuple[SpanKind, Attributes]:
        """The kind and the attributes of the span for running it."""

    @abstractmethod
    async def acknowledge(self) -> None:
        """Remove it from the queue: the job has ended."""

    @abstractmethod
    async def hand_back(self, delay: timedelta) -> None:
        """Have the job delivered again after `delay`, to any process; a held job goes to the retry lane."""

    async def yield_to_other(self, delay: timedelta) -> None:
        """Leave the job to the process that holds its lease; a message is delivered again after `delay`."""
        await self.hand_back(delay)

    @abstractmethod
    async def requeue_open(self, job: Job) -> None:
        """Requeue a job that was sent to fal, so that any process continues it at once, before other jobs."""

    @abstractmethod
    def mark_held(self, job: Job) -> None:
        """Hand the job back to the retry lane: in its own lane it would precede new jobs, or wait for its own slot."""

    @abstractmethod
    async def still_working(self) -> None:
        """Delay the redelivery by another lease."""

    @abstractmethod
    def release_priority(self) -> None:
        """Let the next job of this priority be delivered: this one does not wait for a slot at fal, or no longer."""

    @abstractmethod
    def retry_done(self) -> None:
        """Free the retry slot, if it has one: the retry has succeeded, or has ended."""

    @contextmanager
    def slot_released(self) -> Generator[None]:
        """Lend the job's work slot to another job while the body only waits."""
        with self.work_slot.released() if self.work_slot else nullcontext():
            yield
