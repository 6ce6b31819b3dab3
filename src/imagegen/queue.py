"""The queue of jobs and the news of them: the only file that names NATS.

JetStream carries the ids of jobs to the runners (work queue, explicit acks, a subject for each job). The job document
is the truth: a lost stream is filled again from MongoDB by the audit. Events travel over core NATS, which keeps no
history, so whoever waits for one also reads MongoDB now and then.
"""

# nats-py annotates its **options with nothing.
# pyright: reportUnknownMemberType=false

import asyncio
import json
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager, suppress
from datetime import timedelta
from typing import Final, cast

import nats.errors
import nats.js.errors
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js import JetStreamContext
from nats.js.api import AckPolicy, ConsumerConfig, RetentionPolicy, StorageType, StreamConfig

from imagegen.errors import QueueUnavailable
from imagegen.job_news import BATCH, JobNews
from imagegen.jobs import Job, JsonObject
from imagegen.settings import NatsSettings

CONSUMER: Final = "runners"
_PATIENCE: Final = timedelta(seconds=5)
_DUPLICATE_WINDOW: Final = timedelta(minutes=2)
_MAX_ACK_PENDING: Final = 100_000  # above any fleet's jobs in flight; the default of 1,000 would stall it
_FAILURES: Final = (nats.errors.Error, nats.js.errors.Error, TimeoutError, OSError)


class Delivery:
    """One message of the queue: the id of a job that wants to be run. Its fate is decided by exactly one verb."""

    def __init__(self, message: Msg) -> None:
        self._message = message
        self.job_id = message.subject.rpartition(".")[2]

    async def acknowledge(self) -> None:
        """The job has ended; the message goes away."""
        with _lost_messages_come_again():
            await self._message.ack()

    async def hand_back(self, delay: timedelta) -> None:
        """Deliver it again, to anyone, after `delay`."""
        with _lost_messages_come_again():
            await self._message.nak(delay=delay.total_seconds())

    async def still_working(self) -> None:
        """Put off the redelivery by another lease."""
        with _lost_messages_come_again():
            await self._message.in_progress()


class Queue:
    """The queue of jobs: publish, take, announce."""

    def __init__(self, client: Client, stream: str, ack_wait: timedelta) -> None:
        self._client, self._stream, self._ack_wait = client, stream, ack_wait
        self._jetstream: JetStreamContext = client.jetstream(timeout=3)
        self._subscription: JetStreamContext.PullSubscription | None = None
        self.news = JobNews()

    async def check(self) -> None:
        """Raise QueueUnavailable unless the stream is there."""
        with _answers():
            await self._jetstream.stream_info(self._stream)

    async def prepare(self) -> None:
        """Make the stream and its consumer, or bring them up to date: at start, and after a stream was lost.

        What an operator has set beyond our own settings (replicas, placement, limits) stays as it is.
        """
        with _answers():
            try:
                found = (await self._jetstream.stream_info(self._stream)).config
            except nats.js.errors.NotFoundError:
                await self._jetstream.add_stream(_with_our_settings(StreamConfig(), self._stream))
            else:
                wanted = _with_our_settings(found, self._stream)
                if wanted != found:
                    await self._jetstream.update_stream(wanted)
            await self._jetstream.add_consumer(self._stream, _consumer_config(self._stream, self._ack_wait))

    async def listen(self) -> None:
        """Receive every job's announcements, over one subscription."""
        with _answers():
            await self._client.subscribe(f"{self._stream}.events.*", cb=self._event_arrived)

    async def _event_arrived(self, message: Msg) -> None:
        self.news.arrived(message.subject.rpartition(".")[2], _event(message.data))

    async def publish(self, job: Job) -> None:
        """Queue a job. The message id keeps a repeat inside the duplicate window from queueing it twice."""
        await self.publish_again(job.id, job.generation)

    async def publish_again(self, job_id: str, generation: int) -> None:
        """Queue a job whose message got lost: a new generation has a new message id."""
        headers = {"Nats-Msg-Id": f"{job_id}.{generation}"}
        with _answers():
            await self._jetstream.publish(f"{self._stream}.jobs.{job_id}", b"", headers=headers)

    async def take(self, patience: timedelta) -> Delivery | None:
        """The next job for this runner, or None when `patience` is over."""
        with _answers():
            if self._subscription is None:
                self._subscription = await self._jetstream.pull_subscribe_bind(CONSUMER, self._stream)
            try:
                # One at a time: nats-py holds the first message of a larger batch until batch or time is full.
                (message,) = await self._subscription.fetch(1, timeout=patience.total_seconds())
            except nats.errors.TimeoutError:
                return None
        return Delivery(message)

    async def queued(self) -> frozenset[str]:
        """The ids of all jobs that have a message, taken or not."""
        with _answers():
            info = await self._jetstream.stream_info(self._stream, subjects_filter=f"{self._stream}.jobs.*")
        return frozenset(subject.rpartition(".")[2] for subject in info.state.subjects or {})

    async def announce(self, job: Job, **progress: object) -> None:
        """Tell whoever waits that the job moved on. Nobody relies on it, so a failure is not one."""
        batch = {BATCH: job.batch_id} if job.batch_id else {}
        event = {"version": job.version, "status": job.status.value, **batch, **progress}
        with suppress(*_FAILURES):
            await self._client.publish(f"{self._stream}.events.{job.id}", json.dumps(event).encode())


@asynccontextmanager
async def open_queue(
    settings: NatsSettings, ack_wait: timedelta, patience: timedelta = _PATIENCE
) -> AsyncGenerator[Queue]:
    """Connect, make the stream, yield the queue; reconnects for as long as it takes once it was connected.

    Args:
        settings: with the URL given.
        ack_wait: a message that nobody has reported on for this long is delivered again.
        patience: how long to try to connect before QueueUnavailable is raised.
    """
    client = Client()
    try:
        with _answers():
            async with asyncio.timeout(patience.total_seconds()):
                await _connect(client, settings)
        queue = Queue(client, settings.stream, ack_wait)
        await queue.prepare()
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


def _with_our_settings(stream: StreamConfig, name: str) -> StreamConfig:
    return stream.evolve(
        name=name,
        subjects=[f"{name}.jobs.*"],
        retention=RetentionPolicy.WORK_QUEUE,
        storage=StorageType.FILE,
        duplicate_window=_DUPLICATE_WINDOW.total_seconds(),
    )


def _consumer_config(stream: str, ack_wait: timedelta) -> ConsumerConfig:
    return ConsumerConfig(
        durable_name=CONSUMER,
        ack_policy=AckPolicy.EXPLICIT,
        ack_wait=ack_wait.total_seconds(),
        max_deliver=-1,
        max_ack_pending=_MAX_ACK_PENDING,
        filter_subject=f"{stream}.jobs.*",
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
    except _FAILURES as error:
        raise QueueUnavailable from error


@contextmanager
def _lost_messages_come_again() -> Generator[None]:
    """An ack that cannot be sent only makes the message come again, and the lease decides then."""
    with suppress(*_FAILURES):
        yield
