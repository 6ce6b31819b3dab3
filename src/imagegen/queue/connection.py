"""The connection to NATS: the only file that names nats-py, whose errors end here.

Of core NATS and JetStream it has what the queue needs, and no more: telling and listening, publishing once, taking one
message, and a work queue with its consumers.
"""

# nats-py annotates its **options with nothing.
# pyright: reportUnknownMemberType=false

import asyncio
import json
from collections.abc import AsyncGenerator, Callable, Generator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

import nats.errors
import nats.js.errors
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js.api import AckPolicy, ConsumerConfig, RetentionPolicy, StorageType, StreamConfig

from imagegen.errors import QueueUnavailable, StartupError

_ANSWER: Final = timedelta(seconds=3)
_ONE_NOW: Final = json.dumps({"batch": 1, "no_wait": True}).encode()
_FAILURES: Final = (nats.errors.Error, nats.js.errors.Error, TimeoutError, OSError)
_TOO_FEW_SERVERS: Final = {10005, 10074}  # nats-server/server/errors.json: no suitable peers, not in cluster mode
_MAX_ACK_PENDING: Final = 100_000  # above any fleet's jobs in flight; the default of 1,000 would stall it


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkQueue:
    """A stream whose messages go away once they are acknowledged.

    Attributes:
        name: its own.
        subjects: what it keeps.
        duplicate_window: how long a message id is remembered.
        metadata: what is kept beside it; what others have put there stays.
        replicas: copies in a cluster; None leaves that to the server, or to whoever has set it.
    """

    name: str
    subjects: str
    duplicate_window: timedelta
    metadata: Mapping[str, str]
    replicas: int | None = None

    def within(self, found: StreamConfig) -> StreamConfig:
        """This, with what an operator has set beyond it: placement, limits."""
        ours = found.evolve(
            name=self.name,
            subjects=[self.subjects],
            retention=RetentionPolicy.WORK_QUEUE,
            storage=StorageType.FILE,
            duplicate_window=self.duplicate_window.total_seconds(),
            metadata={**(found.metadata or {}), **self.metadata},
        )
        return ours if self.replicas is None else ours.evolve(num_replicas=self.replicas)


@dataclass(frozen=True, slots=True, kw_only=True)
class Consumer:
    """A durable consumer of some subjects of a stream, with explicit acknowledgements.

    Attributes:
        filter_subject: which of the stream's messages are for it.
        ack_wait: a message that nobody has reported on for this long is delivered again.
        pending: how many messages wait that were not delivered yet.
    """

    filter_subject: str
    ack_wait: timedelta
    pending: int = field(default=0, compare=False)


class Message:
    """A message that was taken from a stream. What is said of it may get lost: it only comes again then."""

    def __init__(self, message: Msg) -> None:
        self._message = message

    @property
    def name(self) -> str:
        """The last part of its subject."""
        return _last_part(self._message)

    @property
    def data(self) -> bytes:
        """What it says beside its subject."""
        return self._message.data

    @property
    def is_repeated(self) -> bool:
        """Whether it was delivered before."""
        return self._message.metadata.num_delivered > 1

    @property
    def is_last(self) -> bool:
        """Whether its consumer had no new one behind it when it was delivered."""
        return self._message.metadata.num_pending == 0

    async def acknowledge(self) -> None:
        """Let it go away."""
        with suppress(*_FAILURES):
            await self._message.ack()

    async def hand_back(self, delay: timedelta) -> None:
        """Have it delivered again after the delay."""
        with suppress(*_FAILURES):
            await self._message.nak(delay=delay.total_seconds())

    async def still_working(self) -> None:
        """Put off that it is delivered again by another `ack_wait`."""
        with suppress(*_FAILURES):
            await self._message.in_progress()


class Connection:
    """One connection, which comes back for as long as it takes.

    Every verb but `tell` raises QueueUnavailable where NATS refuses or does not answer.
    """

    def __init__(self, client: Client) -> None:
        self._client = client
        self._jetstream = client.jetstream(timeout=_ANSWER.total_seconds())

    async def tell(self, subject: str, data: bytes = b"") -> None:
        """Tell whoever listens now. Nobody relies on it, so a failure is not one."""
        with suppress(*_FAILURES):
            await self._client.publish(subject, data)

    async def listen(self, subjects: str, heard: Callable[[str, bytes], None]) -> None:
        """Have `heard` called with the last part of the subject and the data of whatever others tell."""

        async def arrived(message: Msg) -> None:
            heard(_last_part(message), message.data)

        with _answers():
            await self._client.subscribe(subjects, cb=arrived)

    async def publish(self, subject: str, message_id: str, data: bytes = b"") -> None:
        """Put a message into the stream of its subject; the same id only once in its window."""
        with _answers():
            await self._jetstream.publish(subject, data, headers={"Nats-Msg-Id": message_id})

    async def take(self, stream: str, consumer: str) -> Message | None:
        """The next message, if there is one now."""
        # nats-py's own fetch asks twice, and the second time it waits: this is one question with one answer. It needs
        # an inbox of its own: a message comes under its own subject, by which the shared inbox would not know it.
        subject = f"$JS.API.CONSUMER.MSG.NEXT.{stream}.{consumer}"
        with _answers():
            message = await self._client.request(subject, _ONE_NOW, _ANSWER.total_seconds(), old_style=True)
            match (message.headers or {}).get("Status"):
                case None:
                    return Message(message)
                case "404" | "408":
                    return None
                case status:
                    raise nats.js.errors.ServiceUnavailableError(description=f"status {status}")

    async def metadata(self, stream: str) -> Mapping[str, str] | None:
        """What is kept beside a stream; None if there is none of this name."""
        found = await self._stream(stream)
        return None if found is None else found.metadata or {}

    async def keep_stream(self, wanted: WorkQueue) -> None:
        """Make the stream, or bring it up to date.

        Raises:
            StartupError: it asks for more replicas than there are servers.
        """
        found = await self._stream(wanted.name)
        config = wanted.within(found or StreamConfig())
        with _answers():
            if found is None:
                await self._jetstream.add_stream(config)
            elif config != found:
                await self._jetstream.update_stream(config)

    async def _stream(self, name: str) -> StreamConfig | None:
        with _answers():
            try:
                return (await self._jetstream.stream_info(name)).config
            except nats.js.errors.NotFoundError:
                return None

    async def subjects(self, stream: str, wanted: str) -> set[str]:
        """The subjects of all messages that are in the stream. The server tells up to 100,000 at a time."""
        subjects: set[str] = set()
        offset, total = 0, 1
        while offset < total:
            question = json.dumps({"subjects_filter": wanted, "offset": offset}).encode()
            with _answers():
                answer = await self._client.request(f"$JS.API.STREAM.INFO.{stream}", question, timeout=10)
            info = json.loads(answer.data)
            if "error" in info:
                raise QueueUnavailable
            page: dict[str, int] = info["state"].get("subjects") or {}
            subjects.update(page)
            total = info.get("total", 0) if page else 0
            offset += len(page)
        return subjects

    async def consumers(self, stream: str) -> Mapping[str, Consumer]:
        """The stream's consumers by name."""
        with _answers():
            found = await self._jetstream.consumers_info(stream)
        return {
            info.name: Consumer(
                filter_subject=info.config.filter_subject or "",
                ack_wait=timedelta(seconds=info.config.ack_wait or 0),
                pending=info.num_pending or 0,
            )
            for info in found
        }

    async def keep_consumer(self, stream: str, name: str, wanted: Consumer) -> None:
        """Make a consumer, or bring it up to date."""
        config = ConsumerConfig(
            durable_name=name,
            ack_policy=AckPolicy.EXPLICIT,
            ack_wait=wanted.ack_wait.total_seconds(),
            max_deliver=-1,
            max_ack_pending=_MAX_ACK_PENDING,
            filter_subject=wanted.filter_subject,
        )
        with _answers():
            await self._jetstream.add_consumer(stream, config)


@asynccontextmanager
async def connected(url: str, patience: timedelta) -> AsyncGenerator[Connection]:
    """Connect for good; what this connection tells does not come back to it.

    Raises:
        QueueUnavailable: nothing answered within `patience`. nats-py would try for ever.
    """
    client = Client()
    try:
        with _answers():
            async with asyncio.timeout(patience.total_seconds()):
                await client.connect(
                    url,
                    name="imagegen",
                    no_echo=True,
                    allow_reconnect=True,
                    max_reconnect_attempts=-1,
                    reconnect_time_wait=0.25,  # pyright: ignore[reportArgumentType] - typed int, and only ever slept for
                    connect_timeout=3,
                    error_cb=_noticed,
                )
        yield Connection(client)
    finally:
        with suppress(*_FAILURES):
            await client.close()


@contextmanager
def _answers() -> Generator[None]:
    try:
        yield
    except nats.js.errors.APIError as error:
        if error.err_code in _TOO_FEW_SERVERS:
            raise StartupError("NATS_REPLICAS: there are not as many servers with JetStream in the cluster") from error
        raise QueueUnavailable from error
    except _FAILURES as error:
        raise QueueUnavailable from error


async def _noticed(_error: Exception) -> None:
    """A lost connection is reported by the verbs that notice it, and by the health check."""


def _last_part(message: Msg) -> str:
    return message.subject.rpartition(".")[2]
