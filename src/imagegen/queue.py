"""The queue of jobs and the news of them: the only file that names NATS.

JetStream carries the ids of jobs to the runners (work queue, explicit acks, a subject for each job), in lanes that each
have a consumer. The job document is the truth: a lost stream is filled again from MongoDB by the audit. Events travel
over core NATS, which keeps no history, so whoever waits for one also reads MongoDB now and then, and whoever waits for
a message also looks into every lane now and then.
"""

# nats-py annotates its **options with nothing.
# pyright: reportUnknownMemberType=false

import asyncio
import json
import socket
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, cast
from urllib.parse import urlsplit
from uuid import uuid4

import nats.errors
import nats.js.errors
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js import JetStreamContext
from nats.js.api import AckPolicy, ConsumerConfig, RetentionPolicy, StorageType, StreamConfig

from imagegen.errors import QueueUnavailable, StartupError
from imagegen.job_news import BATCH, FREE_SLOT, JobNews
from imagegen.jobs import Job, JsonObject
from imagegen.queue_lanes import LANES, OLD, OPEN, Lane, Rotation, lane_of
from imagegen.settings import NatsSettings

IDENTITY: Final = "imagegen-queue"  # in the stream's metadata: which queue this is, for as long as anybody uses it
_CONSUMER: Final = "runners"
_PATIENCE: Final = timedelta(seconds=5)
_ANSWER: Final = timedelta(seconds=3)
_LOOK_ANYWAY: Final = timedelta(seconds=2)  # after this long without a hint: a message may have come again
# A consumer learns of a message a moment after the publisher: on one server within 1 ms, in a cluster somewhat later.
_LOOK_AGAIN: Final = (timedelta(milliseconds=10), timedelta(milliseconds=100))
_DUPLICATE_WINDOW: Final = timedelta(minutes=2)
_MAX_ACK_PENDING: Final = 100_000  # above any fleet's jobs in flight; the default of 1,000 would stall it
_FAILURES: Final = (nats.errors.Error, nats.js.errors.Error, TimeoutError, OSError)
_TOO_FEW_SERVERS: Final = {10005, 10074}  # nats-server/server/errors.json: no suitable peers, not in cluster mode
_ONE_NOW: Final = json.dumps({"batch": 1, "no_wait": True}).encode()


class Delivery:
    """One message of the queue: the id of a job that wants to be run. Its fate is decided by exactly one verb."""

    def __init__(self, message: Msg, lane: Lane, queue: "Queue") -> None:
        self._message, self._queue, self.lane = message, queue, lane
        self.job_id = message.subject.rpartition(".")[2]

    @property
    def is_repeated(self) -> bool:
        """Whether the message was delivered before."""
        return self._message.metadata.num_delivered > 1

    async def acknowledge(self) -> None:
        """The job has ended; the message goes away."""
        with _lost_messages_come_again():
            await self._message.ack()

    async def hand_back(self, delay: timedelta) -> None:
        """Deliver it again, to anyone, after `delay`."""
        with _lost_messages_come_again():
            await self._message.nak(delay=delay.total_seconds())
            if not delay:
                await self._queue.hint(self.lane)

    async def pass_on(self, job: Job) -> None:
        """Let anyone go on at once with a job whose request is open at fal, before all other work."""
        try:
            await self._queue.publish_open(job.id, f"{job.id}.{job.lease.epoch}.open")
        except QueueUnavailable:
            await self.hand_back(timedelta(0))
        else:
            await self.acknowledge()

    async def still_working(self) -> None:
        """Put off the redelivery by another lease."""
        with _lost_messages_come_again():
            await self._message.in_progress()

    def settled(self) -> None:
        """The job waits for no place among the requests at fal, or not any more: the next of its priority may come."""
        self._queue.settled(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Queued:
    """The ids of all jobs that have a message, taken or not; `open` are those in the lane of open requests."""

    all: frozenset[str]
    open: frozenset[str]


class Queue:
    """The queue of jobs: publish, take, announce.

    With `one_by_one`, `take` delivers the next job of a priority only when the one before is `settled`: jobs that wait
    for a place at fal then wait in the stream, and not in every process with a lease each.
    """

    def __init__(self, client: Client, settings: NatsSettings, ack_wait: timedelta, *, one_by_one: bool) -> None:
        self._client, self._stream, self._ack_wait = client, settings.stream, ack_wait
        self._replicas, self._one_by_one = settings.replicas, one_by_one
        self._jetstream: JetStreamContext = client.jetstream(timeout=_ANSWER.total_seconds())
        self.identity_in_use = ""
        self.address = _address(settings)
        self._lanes: tuple[Lane, ...] = LANES
        self._rotation, self._hinted, self._wake = Rotation(), dict.fromkeys(LANES, 0), asyncio.Event()
        self._unsettled: dict[str, Delivery] = {}
        self._look_anyway_at = 0.0
        self.news = JobNews()
        self.nudges = JobNews()

    async def check(self) -> None:
        """Raise QueueUnavailable unless the stream is there."""
        with _answers():
            await self._jetstream.stream_info(self._stream)

    async def identity(self) -> str | None:
        """Which queue this is; None if there is no stream yet, or one of an older version."""
        with _answers():
            try:
                found = await self._jetstream.stream_info(self._stream)
            except nats.js.errors.NotFoundError:
                return None
        return (found.config.metadata or {}).get(IDENTITY)

    async def prepare(self, identity: str | None = None) -> None:
        """Make the stream and its consumers, or bring them up to date: at start, and after a stream was lost.

        What an operator has set beyond our own settings (placement, limits) stays as it is. A stream that was lost
        while this process used it is made again with the same identity, and one that took its place is given it: only a
        process that starts can be at the wrong NATS.

        Raises:
            StartupError: NATS_REPLICAS asks for more servers than there are.
        """
        self.identity_in_use = identity or self.identity_in_use or await self.identity() or uuid4().hex
        with _answers():
            try:
                found = (await self._jetstream.stream_info(self._stream)).config
            except nats.js.errors.NotFoundError:
                await self._jetstream.add_stream(self._with_our_settings(StreamConfig()))
            else:
                wanted = self._with_our_settings(found)
                if wanted != found:
                    await self._jetstream.update_stream(wanted)
            await self._prepare_consumers()

    async def _prepare_consumers(self) -> None:
        found = {info.name: info.config for info in await self._jetstream.consumers_info(self._stream)}
        # Whoever has run an older version may have messages without a lane, now or after going back for a while.
        self._lanes = (*LANES, OLD) if _CONSUMER in found else LANES
        for lane in self._lanes:
            wanted, there = self._consumer_config(lane), found.get(_durable(lane))
            if there is None or (there.ack_wait, there.filter_subject) != (wanted.ack_wait, wanted.filter_subject):
                await self._jetstream.add_consumer(self._stream, wanted)

    async def listen(self) -> None:
        """Receive every job's announcements and nudges, and every hint that a lane has a message."""
        with _answers():
            await self._client.subscribe(f"{self._stream}.events.*", cb=self._news_arrived)
            await self._client.subscribe(f"{self._stream}.nudges.*", cb=self._nudge_arrived)
            await self._client.subscribe(f"{self._stream}.hints.*", cb=self._hint_arrived)

    async def publish(self, job: Job, *, crowded: bool = False) -> None:
        """Queue a job. The message id keeps a repeat inside the duplicate window from queueing it twice.

        `crowded` says that the user has more than a few jobs of this priority waiting (`queue_lanes.FEW`).
        """
        await self._publish(lane_of(job.user_id, job.priority, crowded=crowded), job.id, f"{job.id}.{job.generation}")

    async def publish_again(self, job_id: str, generation: int, lane: Lane) -> None:
        """Queue a job whose message got lost: a new generation has a new message id."""
        await self._publish(lane, job_id, f"{job_id}.{generation}")

    async def publish_open(self, job_id: str, message_id: str) -> None:
        """Queue a job whose request is open at fal."""
        await self._publish(OPEN, job_id, message_id)

    async def _publish(self, lane: Lane, job_id: str, message_id: str) -> None:
        with _answers():
            subject = f"{self._stream}.jobs.{lane.name}.{job_id}"
            await self._jetstream.publish(subject, b"", headers={"Nats-Msg-Id": message_id})
        with suppress(*_FAILURES):
            await self.hint(lane)

    async def hint(self, lane: Lane) -> None:
        """Tell every process that the lane has a message. A hint that gets lost costs `_LOOK_ANYWAY` at most."""
        self._heard_of(lane)
        await self._client.publish(f"{self._stream}.hints.{_durable(lane)}", b"")

    async def _news_arrived(self, message: Msg) -> None:
        self.news.arrived(message.subject.rpartition(".")[2], _event(message.data))

    async def _nudge_arrived(self, message: Msg) -> None:
        self.nudges.arrived(message.subject.rpartition(".")[2], {})

    async def _hint_arrived(self, message: Msg) -> None:
        name = message.subject.rpartition(".")[2]
        for lane in self._lanes:
            if _durable(lane) == name:
                self._heard_of(lane)

    def _heard_of(self, lane: Lane, looked: int = 0) -> None:
        self._hinted[lane] = looked
        self._wake.set()

    async def take(self, patience: timedelta) -> Delivery | None:
        """The next job for this runner, by the lanes' rotation, or None when `patience` is over."""
        give_up_at = time.monotonic() + patience.total_seconds()
        while True:
            self._wake.clear()
            if time.monotonic() >= self._look_anyway_at:
                self._hinted = dict.fromkeys(self._lanes, len(_LOOK_AGAIN)) | self._hinted
                self._look_anyway_at = time.monotonic() + _LOOK_ANYWAY.total_seconds()
            if (delivery := await self._take_from_the_hinted()) is not None:
                return delivery
            left = min(give_up_at, self._look_anyway_at) - time.monotonic()
            with suppress(TimeoutError):  # not wait_for: before Python 3.12 it can swallow a cancellation
                async with asyncio.timeout(max(left, 0)):
                    await self._wake.wait()
            if time.monotonic() >= give_up_at:
                return None

    async def _take_from_the_hinted(self) -> Delivery | None:
        for lane in self._rotation.order():
            if lane not in self._hinted or _priority(lane) in self._unsettled:
                continue
            looked = self._hinted.pop(lane)  # before asking, so that a hint that comes meanwhile is kept
            if (delivery := await self._take_from(lane)) is not None:
                self._hinted.setdefault(lane, len(_LOOK_AGAIN))
                self._rotation.served(lane)
                return delivery
            if looked < len(_LOOK_AGAIN):
                pause = _LOOK_AGAIN[looked].total_seconds()
                asyncio.get_running_loop().call_later(pause, self._heard_of, lane, looked + 1)
        return None

    async def _take_from(self, lane: Lane) -> Delivery | None:
        """The lane's next message. Should this process be told to end meanwhile, what arrives is handed back."""
        asking = asyncio.ensure_future(self._ask(lane))
        try:
            delivery = await asyncio.shield(asking)
        except asyncio.CancelledError:
            with suppress(QueueUnavailable):
                if (unwanted := await asking) is not None:
                    await unwanted.hand_back(timedelta(0))
            raise
        if delivery is not None and self._one_by_one and lane.priority is not None:
            self._unsettled[lane.priority.value] = delivery
        return delivery

    async def _ask(self, lane: Lane) -> Delivery | None:
        # nats-py's own fetch asks twice, and the second time it waits: this is one question with one answer. It needs
        # an inbox of its own: a message comes under its own subject, by which the shared inbox would not know it.
        subject = f"$JS.API.CONSUMER.MSG.NEXT.{self._stream}.{_durable(lane)}"
        with _answers():
            message = await self._client.request(subject, _ONE_NOW, _ANSWER.total_seconds(), old_style=True)
            match (message.headers or {}).get("Status"):
                case None:
                    return Delivery(message, lane, self)
                case "404" | "408":
                    return None
                case status:
                    raise nats.js.errors.ServiceUnavailableError(description=f"status {status}")

    def settled(self, delivery: Delivery) -> None:
        """Let the next job of this one's priority come."""
        priority = delivery.lane.priority
        if priority is not None and self._unsettled.get(priority.value) is delivery:
            del self._unsettled[priority.value]
            self._wake.set()

    async def queued(self) -> Queued:
        """Every job that has a message. The server tells up to 100,000 subjects at a time."""
        subjects: set[str] = set()
        offset, total = 0, 1
        while offset < total:
            question = {"subjects_filter": f"{self._stream}.jobs.>", "offset": offset}
            with _answers():
                answer = await self._client.request(
                    f"$JS.API.STREAM.INFO.{self._stream}", json.dumps(question).encode(), timeout=10
                )
            info = json.loads(answer.data)
            if "error" in info:
                raise QueueUnavailable
            page: dict[str, int] = info["state"].get("subjects") or {}
            subjects.update(page)
            total = info.get("total", 0) if page else 0
            offset += len(page)
        return _queued(subjects, f"{self._stream}.jobs.{OPEN.name}.")

    async def waiting(self) -> Mapping[str, int]:
        """How many messages of each lane nobody has taken yet."""
        with _answers():
            found = {info.name: info.num_pending for info in await self._jetstream.consumers_info(self._stream)}
        return {lane.name or "old": found.get(_durable(lane)) or 0 for lane in self._lanes}

    async def announce(self, job: Job, **progress: object) -> None:
        """Tell whoever waits that the job moved on. Nobody relies on it, so a failure is not one."""
        batch = {BATCH: job.batch_id} if job.batch_id else {}
        event = {"version": job.version, "status": job.status.value, **batch, **progress}
        with suppress(*_FAILURES):
            await self._client.publish(f"{self._stream}.events.{job.id}", json.dumps(event).encode())

    async def nudge(self, job_id: str) -> None:
        """Tell whoever runs the job to look at it: fal has ended its request, or its caller wants it cancelled.

        Like an announcement it may get lost; the same is seen a little later in MongoDB and at fal.
        """
        with suppress(*_FAILURES):
            await self._client.publish(f"{self._stream}.nudges.{job_id}", b"")

    async def announce_a_free_slot(self) -> None:
        """Tell every process that one request fewer is open at fal. Whoever waits for it also looks by itself."""
        with suppress(*_FAILURES):
            await self._client.publish(f"{self._stream}.events.{FREE_SLOT}", b"")

    def _with_our_settings(self, stream: StreamConfig) -> StreamConfig:
        ours = stream.evolve(
            name=self._stream,
            subjects=[f"{self._stream}.jobs.>"],
            retention=RetentionPolicy.WORK_QUEUE,
            storage=StorageType.FILE,
            duplicate_window=_DUPLICATE_WINDOW.total_seconds(),
            metadata={**(stream.metadata or {}), IDENTITY: self.identity_in_use},
        )
        return ours if self._replicas is None else ours.evolve(num_replicas=self._replicas)

    def _consumer_config(self, lane: Lane) -> ConsumerConfig:
        subjects = f"{lane.name}.*" if lane.name else "*"
        return ConsumerConfig(
            durable_name=_durable(lane),
            ack_policy=AckPolicy.EXPLICIT,
            ack_wait=self._ack_wait.total_seconds(),
            max_deliver=-1,
            max_ack_pending=_MAX_ACK_PENDING,
            filter_subject=f"{self._stream}.jobs.{subjects}",
        )


@asynccontextmanager
async def open_queue(
    settings: NatsSettings,
    ack_wait: timedelta,
    patience: timedelta = _PATIENCE,
    *,
    one_by_one: bool = False,
    admit: Callable[[Queue], Awaitable[str | None]] | None = None,
) -> AsyncGenerator[Queue]:
    """Connect, make the stream, yield the queue; reconnects for as long as it takes once it was connected.

    Args:
        settings: with the URL given.
        ack_wait: a message that nobody has reported on for this long is delivered again.
        patience: how long to try to connect before QueueUnavailable is raised.
        one_by_one: see Queue.
        admit: asked before anything is made on the server; the identity that the queue has, or None for any.
    """
    client = Client()
    try:
        with _answers():
            async with asyncio.timeout(patience.total_seconds()):
                await _connect(client, settings)
        queue = Queue(client, settings, ack_wait, one_by_one=one_by_one)
        await queue.prepare(await admit(queue) if admit else None)
        await queue.listen()
        yield queue
    finally:
        with suppress(*_FAILURES):
            await client.close()


async def _connect(client: Client, settings: NatsSettings) -> None:
    """Connect for good. nats-py tries the first connection for ever too, so the caller bounds it."""
    assert settings.url is not None
    await client.connect(
        settings.url.get_secret_value(),
        name="imagegen",
        allow_reconnect=True,
        max_reconnect_attempts=-1,
        reconnect_time_wait=0.25,  # pyright: ignore[reportArgumentType] - typed int, and only ever slept for
        connect_timeout=3,
        error_cb=_heard,
    )


def _address(settings: NatsSettings) -> str:
    """What tells this NATS from others: its host and port, with this machine's name where it serves this one only."""
    assert settings.url is not None
    parts = urlsplit(settings.url.get_secret_value())
    machine = f"{socket.gethostname()}/" if parts.hostname in {"localhost", "127.0.0.1", "::1"} else ""
    return f"{machine}{parts.hostname}:{parts.port or 4222}/{settings.stream}"


def _durable(lane: Lane) -> str:
    return f"{_CONSUMER}-{lane.name}" if lane.name else _CONSUMER


def _priority(lane: Lane) -> str | None:
    return None if lane.priority is None else lane.priority.value


def _queued(subjects: set[str], open_ones: str) -> Queued:
    return Queued(
        all=frozenset(subject.rpartition(".")[2] for subject in subjects),
        open=frozenset(subject.rpartition(".")[2] for subject in subjects if subject.startswith(open_ones)),
    )


def _event(data: bytes) -> JsonObject:
    """What a process announced; nothing, where it cannot be read: that wakes the waiters all the same."""
    try:
        event = json.loads(data)
    except ValueError:
        return {}
    return cast("JsonObject", event) if isinstance(event, dict) else {}


async def _heard(_error: Exception) -> None:
    """A lost connection is reported by the verbs that notice it, and by the health check."""


@contextmanager
def _answers() -> Generator[None]:
    """NATS's errors stop here."""
    try:
        yield
    except nats.js.errors.APIError as error:
        if error.err_code in _TOO_FEW_SERVERS:
            raise StartupError("NATS_REPLICAS: there are not as many servers with JetStream in the cluster") from error
        raise QueueUnavailable from error
    except _FAILURES as error:
        raise QueueUnavailable from error


@contextmanager
def _lost_messages_come_again() -> Generator[None]:
    """An ack that cannot be sent only makes the message come again, and the lease decides then."""
    with suppress(*_FAILURES):
        yield
