"""Jobs that start in the process that accepts them, without a message.

If a job need not wait, one write stores it with its lease, in place of an insert, a publish, a fetch and a claim. The
lanes keep their promises: while a message may wait for this process, a new job queues behind it.
"""

import logging
import time
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager
from datetime import timedelta
from typing import Final

from imagegen.clock import uptime
from imagegen.errors import QueueUnavailable
from imagegen.jobs import Job
from imagegen.observability.tracing import Attributes, SpanKind
from imagegen.queue.lanes import FIRST, FIRST_LANE_LIMIT
from imagegen.queue.queue import Queue
from imagegen.queue.slots import WorkSlot, WorkSlots
from imagegen.queue.spans import JOB_ID
from imagegen.queue.work_item import WorkItem

_Run = Callable[["DirectStart"], bool]
_log: Final = logging.getLogger("imagegen.runner")


class DirectStart(WorkItem):
    """A job that starts without a message. Handing it back publishes it; after a crash, reconciliation does.

    Attributes:
        job: the job, from its insert on with its lease.
        has_begun: whether the worker loop has taken it.
        requested_at: `uptime` before the insert; the lease began no earlier.
        began_at: nanoseconds since 1970, at the same moment.
    """

    def __init__(self, job: Job, slot: WorkSlot, queue: Queue) -> None:
        super().__init__(job.id, FIRST[job.priority])
        self.job, self.work_slot, self.has_begun = job, slot, False
        self.requested_at, self.began_at = uptime(), time.time_ns()
        self._queue, self._slot, self._is_held = queue, slot, False

    @property
    def span(self) -> tuple[SpanKind, Attributes]:
        """The kind and the attributes of the span for running the job; there is no message to describe."""
        return SpanKind.INTERNAL, {JOB_ID: self.job_id}

    def give_up_unless_begun(self) -> None:
        """Free what was reserved for a job that was not stored, or not as a new one."""
        if not self.has_begun:
            self._slot.release()
            self.release_priority()

    async def acknowledge(self) -> None:
        """Do nothing: there is no message."""

    async def hand_back(self, delay: timedelta) -> None:
        """Queue the job: to its lane at once or, after a delay or if it is held, to the retry lane."""
        if delay or self._is_held:
            await self._publish(self._queue.publish_due(self.job_id, f"{self._message_id}.again", delay))
        else:
            crowded = self._queue.backlog.count(self.job.user_id, self.job.priority) >= FIRST_LANE_LIMIT
            await self._publish(self._queue.publish(self.job, crowded=crowded))

    async def yield_to_other(self, delay: timedelta) -> None:
        """Do nothing: the other process has a message, and a second one would only be handed back every few seconds."""

    async def requeue_open(self, job: Job) -> None:
        """Queue the job in the lane of those that were sent to fal."""
        await self._publish(self._queue.publish_open(job.id, f"{self._message_id}.open"))

    @property
    def _message_id(self) -> str:
        return f"{self.job_id}.{self.job.lease.epoch}"

    async def _publish(self, publishing: Awaitable[None]) -> None:
        try:
            await publishing
        except QueueUnavailable as error:
            _log.warning("job %s is not queued again (%s); reconciliation will queue it", self.job_id, error)

    def mark_held(self, job: Job) -> None:  # noqa: ARG002 - a message needs it
        """Have `hand_back` queue the job in the retry lane."""
        self._is_held = True

    async def still_working(self) -> None:
        """Do nothing: no message is delivered again."""

    def release_priority(self) -> None:
        """Let the next message of this priority be delivered."""
        self._queue.release_priority(self)

    def retry_done(self) -> None:
        """Do nothing: it has no retry slot."""


class DirectStarts:
    """Decides whether a new job starts at once, and gives it to the worker loop of this process.

    It does if the loop runs and has a free work slot, no message waits in a lane that the process serves, and no job
    of this process waits for a slot at fal. All of this is known without a request to a server.
    """

    def __init__(self, queue: Queue) -> None:
        self._queue = queue
        self._worker: tuple[WorkSlots, _Run] | None = None

    @contextmanager
    def running(self, slots: WorkSlots, run: _Run) -> Generator[None]:
        """Start jobs in these slots while the block lasts; `run` returns whether it has taken the job."""
        self._worker = (slots, run)
        try:
            yield
        finally:
            self._worker = None

    @contextmanager
    def reserve(self, job: Job) -> Generator[DirectStart | None]:
        """Reserve a work slot for a job that is about to be inserted; None if it must be queued.

        If the block does not begin the job, the slot is free again.
        """
        start = self._reserve(job)
        if start is None:
            yield None
            return
        try:
            yield start
        finally:
            start.give_up_unless_begun()

    def _reserve(self, job: Job) -> DirectStart | None:
        if self._worker is None or not self._queue.is_known_empty:
            return None
        slots, _ = self._worker
        slot = slots.try_acquire()
        if slot is None:
            return None
        start = DirectStart(job, slot, self._queue)
        self._queue.hold_priority(start)
        return start

    def begin(self, start: DirectStart, job: Job) -> bool:
        """Run the inserted job; False if the worker loop has ended meanwhile, or is ending."""
        if self._worker is None:
            return False
        _, run = self._worker
        start.job = job
        start.has_begun = run(start)
        return start.has_begun
