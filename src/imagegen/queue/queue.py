"""The queue of jobs, and the events of jobs, over one connection to NATS.

JetStream carries the ids of jobs to the workers (a work queue, explicit acknowledgements, a subject for each job), in
lanes with a consumer each. MongoDB is the truth: reconciliation fills a lost stream again. Events travel over core
NATS, which keeps no history, so a waiter for an event also reads MongoDB now and then, and a waiter for a message also
asks every lane now and then.
"""

import asyncio
import json
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager, nullcontext, suppress
from datetime import timedelta
from typing import Final, cast

from imagegen.errors import QueueUnavailable
from imagegen.jobs import Job
from imagegen.json_object import JsonObject
from imagegen.observability.tracing import Attributes, SpanKind, span
from imagegen.queue.backlog import UserBacklog
from imagegen.queue.change_news import Changed, ChangeNews
from imagegen.queue.connection import Connection, Message, open_connection
from imagegen.queue.debounce import EventDebouncer
from imagegen.queue.lanes import OPEN, RETRY, Lane, lane_of
from imagegen.queue.poller import LanePoller
from imagegen.queue.slots import WorkSlot
from imagegen.queue.spans import message_attributes
from imagegen.queue.stream import Stream, durable
from imagegen.queue.subscriptions import BATCH, FREE_SLOT, JobSubscriptions, parse_event
from imagegen.queue.waiters import Waiters
from imagegen.queue.work_item import WorkItem
from imagegen.settings import NatsSettings

_PATIENCE: Final = timedelta(seconds=5)
_HINT_MARGIN: Final = timedelta(milliseconds=20)
_MAX_DELAY: Final = timedelta(minutes=10)


class QueueMessage(WorkItem):
    """One message of the queue: the id of a job to run."""

    def __init__(self, message: Message, lane: Lane, queue: "Queue") -> None:
        super().__init__(message.name, lane)
        self._message, self._queue = message, queue
        self._held_job: Job | None = None
        self._is_retry = lane is RETRY

    @property
    def span(self) -> tuple[SpanKind, Attributes]:
        """The kind and the attributes of the span for processing the message."""
        return SpanKind.CONSUMER, message_attributes(self._queue.stream.name, self.job_id, "process")

    @property
    def is_repeated(self) -> bool:
        """Whether the message was delivered before."""
        return self._message.is_repeated

    @property
    def is_last(self) -> bool:
        """Whether its lane was empty after it; unknown for a repeated message, which is delivered before new ones."""
        return self._message.is_last and not self.is_repeated

    async def acknowledge(self) -> None:
        """Remove the message: its job has ended."""
        await self._message.acknowledge()

    async def hand_back(self, delay: timedelta) -> None:
        """Have it delivered again after `delay`, to any process; a held job moves to the retry lane."""
        if self._held_job is not None and self.lane is not RETRY:
            job, self._held_job = self._held_job, None
            await self._requeue_due(job, delay)
            return
        await self._message.hand_back(delay)
        if delay:
            self._queue.hint_later(self.lane, delay)
        else:
            await self._queue.hint(self.lane)

    async def _requeue_due(self, job: Job, delay: timedelta) -> None:
        try:
            await self._queue.publish_due(job.id, f"{job.id}.{job.lease.epoch}.again", delay)
        except QueueUnavailable:
            await self.hand_back(delay)
        else:
            await self.acknowledge()

    async def requeue_open(self, job: Job) -> None:
        """Move the job to the lane of those that were sent to fal."""
        try:
            await self._queue.publish_open(job.id, f"{job.id}.{job.lease.epoch}.open")
        except QueueUnavailable:
            await self.hand_back(timedelta(0))
        else:
            await self.acknowledge()

    def mark_held(self, job: Job) -> None:
        """Have `hand_back` move the job to the retry lane."""
        self._held_job = job

    def retry_done(self) -> None:
        """Free the retry slot of this message, once."""
        if self._is_retry:
            self._is_retry = False
            self._queue.retry_done()

    async def still_working(self) -> None:
        """Delay the message's redelivery by another lease."""
        await self._message.still_working()

    def release_priority(self) -> None:
        """Let the next message of this priority be delivered."""
        self._queue.release_priority(self)


class Queue:
    """The queue of jobs: publish, take, announce.

    Args:
        nats: the connection.
        settings: the stream's name and replicas.
        ack_wait: see `open_queue`.
        one_by_one: deliver the next job of a priority only once the one before has called `release_priority`. So jobs
            that wait for a slot at fal wait in the stream, and not with a lease in every process.
        retry_slots: see `open_queue`.

    Attributes:
        stream: where the messages are kept.
        backlog: jobs that this process queued a moment ago.
        subscriptions: waiters for events of jobs and batches.
        wake_signals: runs of jobs in this process, which other processes can wake.
        key_news: tells processes that API keys have changed.
        budget_news: tells processes that budgets have changed.
        catalog_news: tells processes that the files of the catalog may have changed.
        link_news: tells processes that the secrets of links have changed.
        waiters: who waits for the outcome of a request.
    """

    def __init__(
        self, nats: Connection, settings: NatsSettings, ack_wait: timedelta, *, one_by_one: bool, retry_slots: int = 1
    ) -> None:
        self._nats = nats
        self.stream = Stream(nats, settings, ack_wait)
        self._poller = LanePoller(one_by_one=one_by_one, retry_slots=retry_slots)
        self._debouncer = EventDebouncer(self._publish_event)
        self.backlog = UserBacklog()
        self.subscriptions = JobSubscriptions()
        self.wake_signals = JobSubscriptions()
        self.key_news = ChangeNews(nats, self.stream.name, Changed.KEYS)
        self.waiters = Waiters(nats, self.stream.name)
        self.budget_news = ChangeNews(nats, self.stream.name, Changed.BUDGETS)
        self.catalog_news = ChangeNews(nats, self.stream.name, Changed.CATALOG)
        self.link_news = ChangeNews(nats, self.stream.name, Changed.LINKS)

    async def listen(self) -> None:
        """Subscribe to the events, wake signals, lane hints and news of changes of other processes.

        Those of this process are handled locally at once and do not come back from the server.
        """
        await self._nats.subscribe(f"{self.stream.name}.events.*", self._on_event)
        await self._nats.subscribe(f"{self.stream.name}.nudges.*", self._on_wake)
        await self._nats.subscribe(f"{self.stream.name}.hints.*", self._on_hint)
        for news in (self.key_news, self.budget_news, self.catalog_news, self.link_news):
            await news.listen()
        await self.key_news.listen()
        await self.budget_news.listen()
        await self.catalog_news.listen()
        await self.waiters.listen()

    async def publish(self, job: Job, *, crowded: bool = False) -> None:
        """Queue a job. Its message id keeps a repeat within the duplicate window from queueing it twice.

        `crowded`: more than `lanes.FIRST_LANE_LIMIT` of the user's jobs of this priority wait.
        """
        self.backlog.enqueued(job)
        await self._publish(lane_of(job.user_id, job.priority, crowded=crowded), job.id, f"{job.id}.{job.generation}")

    async def publish_again(self, job_id: str, generation: int, lane: Lane) -> None:
        """Queue a job whose message was lost: a new generation has a new message id."""
        await self._publish(lane, job_id, f"{job_id}.{generation}")

    async def publish_open(self, job_id: str, message_id: str) -> None:
        """Queue a job that was sent to fal."""
        await self._publish(OPEN, job_id, message_id)

    async def publish_due(self, job_id: str, message_id: str, delay: timedelta) -> None:
        """Queue a retry that is not delivered before the delay is over."""
        due = int((time.time() + delay.total_seconds()) * 1000)
        await self._publish(RETRY, job_id, message_id, b"%d" % due)
        self.hint_later(RETRY, delay)

    async def _publish(self, lane: Lane, job_id: str, message_id: str, data: bytes = b"") -> None:
        attributes = message_attributes(self.stream.name, job_id, "publish")
        with span(f"publish {self.stream.name}", SpanKind.PRODUCER, attributes):
            await self._nats.publish(f"{self.stream.name}.jobs.{lane.name}.{job_id}", message_id, data)
        await self.hint(lane)

    async def hint(self, lane: Lane) -> None:
        """Hint to every process that the lane has a message. A lost hint costs at most 2 s."""
        self._poller.hint(lane)
        await self._nats.publish_event(f"{self.stream.name}.hints.{durable(lane)}")

    def hint_later(self, lane: Lane, delay: timedelta) -> None:
        """Hint to this process when a message of the lane is due again; others find it in a full scan."""
        moment = (delay + _HINT_MARGIN).total_seconds()
        asyncio.get_running_loop().call_later(moment, self._poller.hint, lane)

    def _on_event(self, job_id: str, event: bytes) -> None:
        self.backlog.started(job_id)
        if self.subscriptions.has_subscribers(job_id, event):  # most events have none in this process
            self.subscriptions.dispatch(job_id, parse_event(event))

    def _on_wake(self, job_id: str, _data: bytes) -> None:
        self.wake_signals.dispatch(job_id, {})

    def _on_hint(self, name: str, _data: bytes) -> None:
        for lane in self.stream.lanes:
            if durable(lane) == name:
                self._poller.hint(lane)

    async def take(self, patience: timedelta, slot: WorkSlot | None = None) -> QueueMessage | None:
        """The next job for this process, in the order of the lanes' rotation; None when `patience` is over.

        `slot` is what the job will run in. While nothing waits, it is lent to jobs that start without a message.
        """
        give_up_at = time.monotonic() + patience.total_seconds()
        while True:
            self._poller.start_scan(self.stream.lanes)
            if (message := await self._take_from_hinted()) is not None:
                return message
            async with slot.lent() if slot else nullcontext():
                await self._poller.wait(give_up_at)
            if time.monotonic() >= give_up_at:
                return None

    async def _take_from_hinted(self) -> QueueMessage | None:
        for lane, checks in self._poller.due_lanes():
            if (message := await self._take_from(lane)) is not None:
                self._poller.found(lane, message, last=message.is_last)
                return message
            self._poller.found_nothing(lane, checks)
        return None

    async def _take_from(self, lane: Lane) -> QueueMessage | None:
        """The lane's next message. If the task is cancelled meanwhile, a message that arrives is handed back."""
        asking = asyncio.ensure_future(self._ask(lane))
        try:
            return await asyncio.shield(asking)
        except asyncio.CancelledError:
            with suppress(QueueUnavailable):
                if (unwanted := await asking) is not None:
                    await unwanted.hand_back(timedelta(0))
            raise

    async def _ask(self, lane: Lane) -> QueueMessage | None:
        while (message := await self._nats.take(self.stream.name, durable(lane))) is not None:
            early = _time_until_due(message)
            if early <= timedelta(0):
                return QueueMessage(message, lane, self)
            await message.hand_back(early)
            self.hint_later(lane, early)
        return None

    @property
    def is_known_empty(self) -> bool:
        """Whether no message waits for this process, by what it was told and found last; False without a connection."""
        return self._nats.is_connected and not self._poller.has_waiting

    def hold_priority(self, item: WorkItem) -> None:
        """Deliver no other job of this item's priority before `release_priority`, as if it were a message."""
        self._poller.hold(item.lane, item)

    def release_priority(self, item: WorkItem) -> None:
        """Let the next job of this item's priority be delivered."""
        self._poller.release(item.lane, item)

    def retry_done(self) -> None:
        """Free one retry slot."""
        self._poller.retry_done()

    async def announce(self, job: Job, **progress: object) -> None:
        """Publish an event: the job's state, or its progress. Events are only hints, so a failure is ignored.

        Waiters in this process receive it at once, other processes too if it is progress or the end; other transitions
        follow within 50 ms.
        """
        batch = {BATCH: job.batch_id} if job.batch_id else {}
        event = cast("JsonObject", {"version": job.version, "status": job.status.value, **batch, **progress})
        self.backlog.started(job.id)
        if job.status.is_final:
            self.subscriptions.ended(job)
        self.subscriptions.dispatch(job.id, event)
        text = json.dumps(event).encode()
        if progress or job.status.is_final:
            await self._debouncer.publish(job.id, text)
        else:
            self._debouncer.publish_soon(job.id, text)

    async def _publish_event(self, job_id: str, event: bytes) -> None:
        await self._nats.publish_event(f"{self.stream.name}.events.{job_id}", event)

    async def signal_wake(self, job_id: str) -> None:
        """Wake the job's run, in any process: fal has ended its request, or its caller cancels it.

        Like an event it may get lost; the run finds the same a little later in MongoDB and at fal.
        """
        self.wake_signals.dispatch(job_id, {})
        await self._nats.publish_event(f"{self.stream.name}.nudges.{job_id}")

    async def announce_free_slot(self) -> None:
        """Signal every process that a slot at fal is free. A job that waits for one also looks by itself."""
        self.subscriptions.dispatch(FREE_SLOT, {})
        await self._nats.publish_event(f"{self.stream.name}.events.{FREE_SLOT}")


@asynccontextmanager
async def open_queue(
    settings: NatsSettings,
    ack_wait: timedelta,
    patience: timedelta = _PATIENCE,
    *,
    one_by_one: bool = False,
    retry_slots: int = 1,
    admit: Callable[[Queue], Awaitable[str | None]] | None = None,
) -> AsyncGenerator[Queue]:
    """Connect, create the stream, yield the queue; once connected, it reconnects for as long as it takes.

    Args:
        settings: with the URL given.
        ack_wait: a message is delivered again after this long without an acknowledgement or a sign of work.
        patience: how long to try to connect before QueueUnavailable is raised.
        one_by_one: see Queue.
        retry_slots: how many retries this process runs at once.
        admit: called before anything is created on the server; returns the queue's identity, or None for any.
    """
    assert settings.url is not None
    async with open_connection(settings.url.get_secret_value(), patience) as nats:
        queue = Queue(nats, settings, ack_wait, one_by_one=one_by_one, retry_slots=retry_slots)
        await queue.stream.prepare(await admit(queue) if admit else None)
        await queue.listen()
        yield queue


def _time_until_due(message: Message) -> timedelta:
    """How long the message is not due yet by this machine's clock; at most 10 minutes, because clocks may differ."""
    moment = int(message.data) / 1000 if message.data.isdigit() else 0
    return min(timedelta(seconds=moment - time.time()), _MAX_DELAY)
