"""The queue of jobs and the news of them, over one connection to NATS.

JetStream carries the ids of jobs to the runners (work queue, explicit acks, a subject for each job), in lanes that each
have a consumer. The job document is the truth: a lost stream is filled again from MongoDB by the audit. Events travel
over core NATS, which keeps no history, so whoever waits for one also reads MongoDB now and then, and whoever waits for
a message also looks into every lane now and then.
"""

import asyncio
import json
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from contextlib import asynccontextmanager, contextmanager, nullcontext, suppress
from datetime import timedelta
from typing import Final, cast

from imagegen.errors import QueueUnavailable
from imagegen.job_news import BATCH, FREE_SLOT, JobNews
from imagegen.jobs import Job, JsonObject
from imagegen.queue.connection import Connection, Message, connected
from imagegen.queue.lookout import Lookout
from imagegen.queue.newcomers import Newcomers
from imagegen.queue.places import Place
from imagegen.queue.spans import described
from imagegen.queue.stream import Stream, durable
from imagegen.queue.tidings import Tidings
from imagegen.queue_lanes import AGAIN, OPEN, Lane, lane_of
from imagegen.settings import NatsSettings
from imagegen.tracing import Attributes, span

_PATIENCE: Final = timedelta(seconds=5)
_SOON_AFTER: Final = timedelta(milliseconds=20)
_LATEST: Final = timedelta(minutes=10)


class Delivery:
    """One message of the queue: the id of a job that wants to be run. Its fate is decided by exactly one verb."""

    def __init__(self, message: Message, lane: Lane, queue: "Queue") -> None:
        self._message, self._queue, self.lane = message, queue, lane
        self.job_id = message.name
        self.place: Place | None = None
        self._waits: Job | None = None
        self._is_being_tried = lane is AGAIN

    @property
    def traced_as(self) -> tuple[str, Attributes]:
        """The name and the attributes of the span for the work on it."""
        stream = self._queue.stream.name
        return f"process {stream}", described(stream, self.job_id, "process")

    @property
    def is_repeated(self) -> bool:
        """Whether the message was delivered before."""
        return self._message.is_repeated

    @property
    def is_last(self) -> bool:
        """Whether its lane had no other when it was delivered: those that come again are delivered before new ones."""
        return self._message.is_last and not self.is_repeated

    async def acknowledge(self) -> None:
        """The job has ended; the message goes away."""
        await self._message.acknowledge()

    async def hand_back(self, delay: timedelta) -> None:
        """Deliver it again, to anyone, after `delay`; one that `is_held` in the lane of those that are tried again."""
        if self._waits is not None and self.lane is not AGAIN:
            job, self._waits = self._waits, None
            await self._move(job, delay)
            return
        await self._message.hand_back(delay)
        if delay:
            self._queue.hint_later(self.lane, delay)
        else:
            await self._queue.hint(self.lane)

    async def _move(self, job: Job, delay: timedelta) -> None:
        try:
            await self._queue.publish_due(job.id, f"{job.id}.{job.lease.epoch}.again", delay)
        except QueueUnavailable:
            await self.hand_back(delay)
        else:
            await self.acknowledge()

    async def pass_on(self, job: Job) -> None:
        """Let anyone go on at once with a job whose request is open at fal, before all other work."""
        try:
            await self._queue.publish_open(job.id, f"{job.id}.{job.lease.epoch}.open")
        except QueueUnavailable:
            await self.hand_back(timedelta(0))
        else:
            await self.acknowledge()

    def is_held(self, job: Job) -> None:
        """Its job is tried again later: in a lane of new jobs it would go before them, or wait for its own slot."""
        self._waits = job

    def goes_on(self) -> None:
        """The try has succeeded, or is over: it does not count among those that are tried again any more."""
        if self._is_being_tried:
            self._is_being_tried = False
            self._queue.tried()

    @contextmanager
    def aside(self) -> Generator[None]:
        """While the block lasts its job only waits, and leaves its place to another."""
        with self.place.left() if self.place else nullcontext():
            yield

    async def still_working(self) -> None:
        """Put off the redelivery by another lease."""
        await self._message.still_working()

    def settled(self) -> None:
        """The job waits for no place among the requests at fal, or not any more: the next of its priority may come."""
        self._queue.settled(self)


class Queue:
    """The queue of jobs: publish, take, announce. Its `stream` is where they are kept; `newcomers` wait since a moment.

    With `one_by_one`, `take` delivers the next job of a priority only when the one before is `settled`: jobs that wait
    for a place at fal then wait in the stream, and not in every process with a lease each.
    """

    def __init__(
        self, nats: Connection, settings: NatsSettings, ack_wait: timedelta, *, one_by_one: bool, tries: int = 1
    ) -> None:
        self._nats = nats
        self.stream = Stream(nats, settings, ack_wait)
        self._lookout = Lookout(one_by_one=one_by_one, tries=tries)
        self._tidings = Tidings(self._tell)
        self.newcomers = Newcomers()
        self.news = JobNews()
        self.nudges = JobNews()

    async def listen(self) -> None:
        """Receive every job's announcements and nudges, and every hint that a lane has a message, of other processes.

        What this one tells is heard here at once, and not again by way of the server.
        """
        await self._nats.listen(f"{self.stream.name}.events.*", self._news_arrived)
        await self._nats.listen(f"{self.stream.name}.nudges.*", self._nudge_arrived)
        await self._nats.listen(f"{self.stream.name}.hints.*", self._hint_arrived)

    async def publish(self, job: Job, *, crowded: bool = False) -> None:
        """Queue a job. The message id keeps a repeat inside the duplicate window from queueing it twice.

        `crowded` says that the user has more than a few jobs of this priority waiting (`queue_lanes.FEW`).
        """
        self.newcomers.came(job)
        await self._publish(lane_of(job.user_id, job.priority, crowded=crowded), job.id, f"{job.id}.{job.generation}")

    async def publish_again(self, job_id: str, generation: int, lane: Lane) -> None:
        """Queue a job whose message got lost: a new generation has a new message id."""
        await self._publish(lane, job_id, f"{job_id}.{generation}")

    async def publish_open(self, job_id: str, message_id: str) -> None:
        """Queue a job whose request is open at fal."""
        await self._publish(OPEN, job_id, message_id)

    async def publish_due(self, job_id: str, message_id: str, delay: timedelta) -> None:
        """Queue a job that is tried again after the delay, and not delivered before."""
        due = int((time.time() + delay.total_seconds()) * 1000)
        await self._publish(AGAIN, job_id, message_id, b"%d" % due)
        self.hint_later(AGAIN, delay)

    async def _publish(self, lane: Lane, job_id: str, message_id: str, data: bytes = b"") -> None:
        attributes = described(self.stream.name, job_id, "publish")
        with span(f"publish {self.stream.name}", "producer", attributes):
            await self._nats.publish(f"{self.stream.name}.jobs.{lane.name}.{job_id}", message_id, data)
        await self.hint(lane)

    async def hint(self, lane: Lane) -> None:
        """Tell every process that the lane has a message. A hint that gets lost costs 2 s at most."""
        self._lookout.heard_of(lane)
        await self._nats.tell(f"{self.stream.name}.hints.{durable(lane)}")

    def hint_later(self, lane: Lane, delay: timedelta) -> None:
        """Look into the lane when its message comes again; other processes do now and then."""
        moment = (delay + _SOON_AFTER).total_seconds()
        asyncio.get_running_loop().call_later(moment, self._lookout.heard_of, lane)

    def _news_arrived(self, job_id: str, event: bytes) -> None:
        self.newcomers.went(job_id)
        if self.news.are_wanted(job_id, event):  # most are of jobs that nobody here waits for
            self.news.arrived(job_id, _event(event))

    def _nudge_arrived(self, job_id: str, _nothing: bytes) -> None:
        self.nudges.arrived(job_id, {})

    def _hint_arrived(self, name: str, _nothing: bytes) -> None:
        for lane in self.stream.lanes:
            if durable(lane) == name:
                self._lookout.heard_of(lane)

    async def take(self, patience: timedelta) -> Delivery | None:
        """The next job for this runner, by the lanes' rotation, or None when `patience` is over."""
        give_up_at = time.monotonic() + patience.total_seconds()
        while True:
            self._lookout.begin(self.stream.lanes)
            if (delivery := await self._take_from_the_hinted()) is not None:
                return delivery
            await self._lookout.wait(give_up_at)
            if time.monotonic() >= give_up_at:
                return None

    async def _take_from_the_hinted(self) -> Delivery | None:
        for lane, looked in self._lookout.round():
            if (delivery := await self._take_from(lane)) is not None:
                self._lookout.found(lane, delivery, last=delivery.is_last)
                return delivery
            self._lookout.found_nothing(lane, looked)
        return None

    async def _take_from(self, lane: Lane) -> Delivery | None:
        """The lane's next message. Should this process be told to end meanwhile, what arrives is handed back."""
        asking = asyncio.ensure_future(self._ask(lane))
        try:
            return await asyncio.shield(asking)
        except asyncio.CancelledError:
            with suppress(QueueUnavailable):
                if (unwanted := await asking) is not None:
                    await unwanted.hand_back(timedelta(0))
            raise

    async def _ask(self, lane: Lane) -> Delivery | None:
        while (message := await self._nats.take(self.stream.name, durable(lane))) is not None:
            early = _until_due(message)
            if early <= timedelta(0):
                return Delivery(message, lane, self)
            await message.hand_back(early)
            self.hint_later(lane, early)
        return None

    def settled(self, delivery: Delivery) -> None:
        """Let the next job of this one's priority come."""
        self._lookout.settled(delivery.lane, delivery)

    def tried(self) -> None:
        """One fewer of the jobs that are tried again is being tried."""
        self._lookout.tried()

    async def announce(self, job: Job, **progress: object) -> None:
        """Tell whoever waits that the job moved on. Nobody relies on it, so a failure is not one.

        Here it is heard at once; in other processes progress and the end are, and other moves within 50 ms.
        """
        batch = {BATCH: job.batch_id} if job.batch_id else {}
        event = cast("JsonObject", {"version": job.version, "status": job.status.value, **batch, **progress})
        self.newcomers.went(job.id)
        if job.status.is_final:
            self.news.ended(job)
        self.news.arrived(job.id, event)
        text = json.dumps(event).encode()
        if progress or job.status.is_final:
            await self._tidings.tell(job.id, text)
        else:
            self._tidings.tell_soon(job.id, text)

    async def _tell(self, job_id: str, event: bytes) -> None:
        await self._nats.tell(f"{self.stream.name}.events.{job_id}", event)

    async def nudge(self, job_id: str) -> None:
        """Tell whoever runs the job to look at it: fal has ended its request, or its caller wants it cancelled.

        Like an announcement it may get lost; the same is seen a little later in MongoDB and at fal.
        """
        self.nudges.arrived(job_id, {})
        await self._nats.tell(f"{self.stream.name}.nudges.{job_id}")

    async def announce_a_free_slot(self) -> None:
        """Tell every process that one request fewer is open at fal. Whoever waits for it also looks by itself."""
        self.news.arrived(FREE_SLOT, {})
        await self._nats.tell(f"{self.stream.name}.events.{FREE_SLOT}")


@asynccontextmanager
async def open_queue(
    settings: NatsSettings,
    ack_wait: timedelta,
    patience: timedelta = _PATIENCE,
    *,
    one_by_one: bool = False,
    tries: int = 1,
    admit: Callable[[Queue], Awaitable[str | None]] | None = None,
) -> AsyncGenerator[Queue]:
    """Connect, make the stream, yield the queue; reconnects for as long as it takes once it was connected.

    Args:
        settings: with the URL given.
        ack_wait: a message that nobody has reported on for this long is delivered again.
        patience: how long to try to connect before QueueUnavailable is raised.
        one_by_one: see Queue.
        tries: how many of the jobs that are tried again may be delivered and not over.
        admit: asked before anything is made on the server; the identity that the queue has, or None for any.
    """
    assert settings.url is not None
    async with connected(settings.url.get_secret_value(), patience) as nats:
        queue = Queue(nats, settings, ack_wait, one_by_one=one_by_one, tries=tries)
        await queue.stream.prepare(await admit(queue) if admit else None)
        await queue.listen()
        yield queue


def _until_due(message: Message) -> timedelta:
    """How long a message is not to be delivered yet, by this machine's clock; hours would be another clock's fault."""
    moment = int(message.data) / 1000 if message.data.isdigit() else 0
    return min(timedelta(seconds=moment - time.time()), _LATEST)


def _event(data: bytes) -> JsonObject:
    """What a process announced; nothing, where it cannot be read: that wakes the waiters all the same."""
    try:
        event = json.loads(data)
    except ValueError:
        return {}
    return cast("JsonObject", event) if isinstance(event, dict) else {}
