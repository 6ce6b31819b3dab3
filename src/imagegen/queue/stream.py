"""The stream that keeps the queue, with a durable consumer for each lane: made, kept up to date, and read."""

# nats-py annotates its **options with nothing.
# pyright: reportUnknownMemberType=false

import json
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from urllib.parse import urlsplit
from uuid import uuid4

import nats.js.errors
from nats.aio.client import Client
from nats.js import JetStreamContext
from nats.js.api import AckPolicy, ConsumerConfig, RetentionPolicy, StorageType, StreamConfig

from imagegen.errors import QueueUnavailable
from imagegen.queue.answers import answers
from imagegen.queue_lanes import LANES, OLD, OPEN, Lane
from imagegen.settings import NatsSettings

IDENTITY: Final = "imagegen-queue"  # in the metadata: which queue this is, for as long as anybody uses it
ANSWER: Final = timedelta(seconds=3)
_CONSUMER: Final = "runners"
_DUPLICATE_WINDOW: Final = timedelta(minutes=2)
_MAX_ACK_PENDING: Final = 100_000  # above any fleet's jobs in flight; the default of 1,000 would stall it


@dataclass(frozen=True, slots=True, kw_only=True)
class Queued:
    """The ids of all jobs that have a message, taken or not; `open` are those in the lane of open requests."""

    all: frozenset[str]
    open: frozenset[str]


class Stream:
    """The stream on the server.

    Attributes:
        name: of the stream; every subject begins with it.
        address: what tells its server from others.
        identity_in_use: the identity that this process has found or given it.
        lanes: those that have a consumer.
    """

    def __init__(self, client: Client, settings: NatsSettings, ack_wait: timedelta) -> None:
        self._client, self.name, self.address = client, settings.stream, _address(settings)
        self._replicas, self._ack_wait = settings.replicas, ack_wait
        self._jetstream: JetStreamContext = client.jetstream(timeout=ANSWER.total_seconds())
        self.identity_in_use = ""
        self.lanes: tuple[Lane, ...] = LANES

    async def check(self) -> None:
        """Raise QueueUnavailable unless the stream is there."""
        with answers():
            await self._jetstream.stream_info(self.name)

    async def identity(self) -> str | None:
        """Which queue this is; None if there is no stream yet, or one of an older version."""
        with answers():
            try:
                found = await self._jetstream.stream_info(self.name)
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
        with answers():
            try:
                found = (await self._jetstream.stream_info(self.name)).config
            except nats.js.errors.NotFoundError:
                await self._jetstream.add_stream(self._with_our_settings(StreamConfig()))
            else:
                wanted = self._with_our_settings(found)
                if wanted != found:
                    await self._jetstream.update_stream(wanted)
            await self._prepare_consumers()

    async def _prepare_consumers(self) -> None:
        found = {info.name: info.config for info in await self._jetstream.consumers_info(self.name)}
        # Whoever has run an older version may have messages without a lane, now or after going back for a while.
        self.lanes = (*LANES, OLD) if _CONSUMER in found else LANES
        for lane in self.lanes:
            wanted, there = self._consumer_config(lane), found.get(durable(lane))
            if there is None or (there.ack_wait, there.filter_subject) != (wanted.ack_wait, wanted.filter_subject):
                await self._jetstream.add_consumer(self.name, wanted)

    async def queued(self) -> Queued:
        """Every job that has a message. The server tells up to 100,000 subjects at a time."""
        subjects: set[str] = set()
        offset, total = 0, 1
        while offset < total:
            question = {"subjects_filter": f"{self.name}.jobs.>", "offset": offset}
            with answers():
                answer = await self._client.request(
                    f"$JS.API.STREAM.INFO.{self.name}", json.dumps(question).encode(), timeout=10
                )
            info = json.loads(answer.data)
            if "error" in info:
                raise QueueUnavailable
            page: dict[str, int] = info["state"].get("subjects") or {}
            subjects.update(page)
            total = info.get("total", 0) if page else 0
            offset += len(page)
        return _queued(subjects, f"{self.name}.jobs.{OPEN.name}.")

    async def waiting(self) -> Mapping[str, int]:
        """How many messages of each lane nobody has taken yet."""
        with answers():
            found = {info.name: info.num_pending for info in await self._jetstream.consumers_info(self.name)}
        return {lane.name or "old": found.get(durable(lane)) or 0 for lane in self.lanes}

    def _with_our_settings(self, stream: StreamConfig) -> StreamConfig:
        ours = stream.evolve(
            name=self.name,
            subjects=[f"{self.name}.jobs.>"],
            retention=RetentionPolicy.WORK_QUEUE,
            storage=StorageType.FILE,
            duplicate_window=_DUPLICATE_WINDOW.total_seconds(),
            metadata={**(stream.metadata or {}), IDENTITY: self.identity_in_use},
        )
        return ours if self._replicas is None else ours.evolve(num_replicas=self._replicas)

    def _consumer_config(self, lane: Lane) -> ConsumerConfig:
        subjects = f"{lane.name}.*" if lane.name else "*"
        return ConsumerConfig(
            durable_name=durable(lane),
            ack_policy=AckPolicy.EXPLICIT,
            ack_wait=self._ack_wait.total_seconds(),
            max_deliver=-1,
            max_ack_pending=_MAX_ACK_PENDING,
            filter_subject=f"{self.name}.jobs.{subjects}",
        )


def _address(settings: NatsSettings) -> str:
    """What tells this NATS from others: its host and port, with this machine's name where it serves this one only."""
    assert settings.url is not None
    parts = urlsplit(settings.url.get_secret_value())
    machine = f"{socket.gethostname()}/" if parts.hostname in {"localhost", "127.0.0.1", "::1"} else ""
    return f"{machine}{parts.hostname}:{parts.port or 4222}/{settings.stream}"


def durable(lane: Lane) -> str:
    """The name of a lane's consumer."""
    return f"{_CONSUMER}-{lane.name}" if lane.name else _CONSUMER


def _queued(subjects: set[str], open_ones: str) -> Queued:
    return Queued(
        all=frozenset(subject.rpartition(".")[2] for subject in subjects),
        open=frozenset(subject.rpartition(".")[2] for subject in subjects if subject.startswith(open_ones)),
    )
