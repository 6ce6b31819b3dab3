"""The connection to NATS: the only file that imports nats-py, whose errors end here.

It offers what the queue needs of core NATS and JetStream: events, publishing with deduplication, taking one message,
and a work queue with its consumers.
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

_REPLY_TIMEOUT: Final = timedelta(seconds=3)
_ANSWER_TIMEOUT: Final = timedelta(seconds=1)
_NEXT_IF_ANY: Final = json.dumps({"batch": 1, "no_wait": True}).encode()
_FAILURES: Final = (nats.errors.Error, nats.js.errors.Error, TimeoutError, OSError)
_TOO_FEW_SERVERS: Final = {10005, 10074}  # nats-server/server/errors.json: no suitable peers, not in cluster mode
_MAX_ACK_PENDING: Final = 100_000  # above any fleet's jobs in flight; the default of 1,000 would stall it


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkQueue:
    """A stream whose messages are removed once they are acknowledged.

    Attributes:
        name: its name.
        subjects: the subjects that it keeps.
        duplicate_window: how long a message id is remembered.
        metadata: entries beside the stream; entries of others stay.
        replicas: copies in a cluster; None keeps the server's default, or what an operator has set.
    """

    name: str
    subjects: str
    duplicate_window: timedelta
    metadata: Mapping[str, str]
    replicas: int | None = None

    def merged_into(self, found: StreamConfig) -> StreamConfig:
        """The found configuration with these settings; others that an operator has set stay: placement, limits."""
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
        filter_subject: which of the stream's messages it gets.
        ack_wait: a message is delivered again after this long without an acknowledgement or a sign of work.
        pending: how many messages were not delivered yet.
    """

    filter_subject: str
    ack_wait: timedelta
    pending: int = field(default=0, compare=False)


class Message:
    """A message taken from a stream. Its acknowledgement may get lost: then it is only delivered again."""

    def __init__(self, message: Msg) -> None:
        self._message = message

    @property
    def name(self) -> str:
        """The last part of its subject."""
        return _last_part(self._message)

    @property
    def data(self) -> bytes:
        """Its payload."""
        return self._message.data

    @property
    def is_repeated(self) -> bool:
        """Whether it was delivered before."""
        return self._message.metadata.num_delivered > 1

    @property
    def is_last(self) -> bool:
        """Whether its consumer had no undelivered message left when this one was delivered."""
        return self._message.metadata.num_pending == 0

    async def acknowledge(self) -> None:
        """Remove it from the stream."""
        with suppress(*_FAILURES):
            await self._message.ack()

    async def hand_back(self, delay: timedelta) -> None:
        """Have it delivered again after the delay."""
        with suppress(*_FAILURES):
            await self._message.nak(delay=delay.total_seconds())

    async def still_working(self) -> None:
        """Delay its redelivery by another `ack_wait`."""
        with suppress(*_FAILURES):
            await self._message.in_progress()


class Connection:
    """One connection, which reconnects for as long as it takes.

    Every method but `publish_event` raises QueueUnavailable if NATS refuses or does not answer.
    """

    def __init__(self, client: Client) -> None:
        self._client = client
        self._jetstream = client.jetstream(timeout=_REPLY_TIMEOUT.total_seconds())

    @property
    def is_connected(self) -> bool:
        """Whether it is connected, as far as is known."""
        return self._client.is_connected

    async def publish_event(self, subject: str, data: bytes = b"") -> None:
        """Send an event to the current subscribers. Events are only hints, so a failure is ignored."""
        with suppress(*_FAILURES):
            await self._client.publish(subject, data)

    async def subscribe(self, subjects: str, on_event: Callable[[str, bytes], None]) -> None:
        """Call `on_event` with the last part of the subject and the data of each event that other processes send."""

        async def arrived(message: Msg) -> None:
            on_event(_last_part(message), message.data)

        with _nats_errors():
            await self._client.subscribe(subjects, cb=arrived)

    async def answer(self, subject: str, reply: Callable[[bytes], bytes]) -> None:
        """Answer what other processes ask on this subject."""

        async def asked(message: Msg) -> None:
            with suppress(*_FAILURES):
                await message.respond(reply(message.data))

        with _nats_errors():
            await self._client.subscribe(subject, cb=asked)

    async def ask(self, subject: str, question: bytes) -> bytes | None:
        """The answer of the process that answers on this subject; None if no process does."""
        with _nats_errors():
            try:
                return (await self._client.request(subject, question, _ANSWER_TIMEOUT.total_seconds())).data
            except nats.errors.NoRespondersError:
                return None

    async def flush(self) -> None:
        """Wait until the server has everything that was sent."""
        with _nats_errors():
            await self._client.flush(int(_REPLY_TIMEOUT.total_seconds()))

    async def publish(self, subject: str, message_id: str, data: bytes = b"") -> None:
        """Put a message into the stream of its subject; a repeated id within the duplicate window is ignored."""
        with _nats_errors():
            await self._jetstream.publish(subject, data, headers={"Nats-Msg-Id": message_id})

    async def take(self, stream: str, consumer: str) -> Message | None:
        """The next message, if there is one now."""
        # nats-py's own fetch asks twice and waits the second time; this is one request with one reply. It needs its own
        # inbox, because the reply carries the message's subject, by which the shared inbox cannot match it.
        subject = f"$JS.API.CONSUMER.MSG.NEXT.{stream}.{consumer}"
        with _nats_errors():
            message = await self._client.request(subject, _NEXT_IF_ANY, _REPLY_TIMEOUT.total_seconds(), old_style=True)
            match (message.headers or {}).get("Status"):
                case None:
                    return Message(message)
                case "404" | "408":
                    return None
                case status:
                    raise nats.js.errors.ServiceUnavailableError(description=f"status {status}")

    async def metadata(self, stream: str) -> Mapping[str, str] | None:
        """The metadata of a stream; None if there is no stream of this name."""
        found = await self._stream(stream)
        return None if found is None else found.metadata or {}

    async def keep_stream(self, wanted: WorkQueue) -> None:
        """Create the stream, or bring it up to date.

        Raises:
            StartupError: it asks for more replicas than there are servers.
        """
        found = await self._stream(wanted.name)
        config = wanted.merged_into(found or StreamConfig())
        with _nats_errors():
            if found is None:
                await self._jetstream.add_stream(config)
            elif config != found:
                await self._jetstream.update_stream(config)

    async def _stream(self, name: str) -> StreamConfig | None:
        with _nats_errors():
            try:
                return (await self._jetstream.stream_info(name)).config
            except nats.js.errors.NotFoundError:
                return None

    async def subjects(self, stream: str, wanted: str) -> set[str]:
        """The subjects of all messages in the stream. The server returns up to 100,000 at a time."""
        subjects: set[str] = set()
        offset, total = 0, 1
        while offset < total:
            question = json.dumps({"subjects_filter": wanted, "offset": offset}).encode()
            with _nats_errors():
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
        with _nats_errors():
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
        """Create a consumer, or bring it up to date."""
        config = ConsumerConfig(
            durable_name=name,
            ack_policy=AckPolicy.EXPLICIT,
            ack_wait=wanted.ack_wait.total_seconds(),
            max_deliver=-1,
            max_ack_pending=_MAX_ACK_PENDING,
            filter_subject=wanted.filter_subject,
        )
        with _nats_errors():
            await self._jetstream.add_consumer(stream, config)


@asynccontextmanager
async def open_connection(url: str, patience: timedelta) -> AsyncGenerator[Connection]:
    """Connect and stay connected; events that this connection sends do not come back to it.

    Raises:
        QueueUnavailable: no answer within `patience`; nats-py itself would try forever.
    """
    client = Client()
    try:
        with _nats_errors():
            async with asyncio.timeout(patience.total_seconds()):
                await client.connect(
                    url,
                    name="imagegen",
                    no_echo=True,
                    allow_reconnect=True,
                    max_reconnect_attempts=-1,
                    reconnect_time_wait=0.25,  # pyright: ignore[reportArgumentType] - typed int, and only ever slept for
                    connect_timeout=3,
                    error_cb=_ignore_error,
                )
        yield Connection(client)
    finally:
        with suppress(*_FAILURES):
            await client.close()


@contextmanager
def _nats_errors() -> Generator[None]:
    try:
        yield
    except nats.js.errors.APIError as error:
        if error.err_code in _TOO_FEW_SERVERS:
            raise StartupError("NATS_REPLICAS: the cluster has fewer servers with JetStream") from error
        raise QueueUnavailable from error
    except _FAILURES as error:
        raise QueueUnavailable from error


async def _ignore_error(_error: Exception) -> None:
    """A lost connection is reported by the calls that fail, and by the health check."""


def _last_part(message: Msg) -> str:
    return message.subject.rpartition(".")[2]
