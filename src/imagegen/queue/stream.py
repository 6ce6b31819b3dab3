"""The stream that keeps the queue, with a durable consumer for each lane: made, kept up to date, and read."""

import socket
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from urllib.parse import urlsplit
from uuid import uuid4

from imagegen.errors import QueueUnavailable
from imagegen.queue.connection import Connection, Consumer, WorkQueue
from imagegen.queue_lanes import AGAIN, LANES, OLD, OPEN, Lane
from imagegen.settings import NatsSettings

IDENTITY: Final = "imagegen-queue"  # in the metadata: which queue this is, for as long as anybody uses it
_CONSUMER: Final = "runners"
_DUPLICATE_WINDOW: Final = timedelta(minutes=2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Queued:
    """The ids of all jobs that have a message, taken or not; `open` are those in lanes that wait for no slot at fal."""

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

    def __init__(self, nats: Connection, settings: NatsSettings, ack_wait: timedelta) -> None:
        self._nats, self.name, self.address = nats, settings.stream, _address(settings)
        self._replicas, self._ack_wait = settings.replicas, ack_wait
        self.identity_in_use = ""
        self.lanes: tuple[Lane, ...] = LANES

    async def check(self) -> None:
        """Raise QueueUnavailable unless the stream is there."""
        if await self._nats.metadata(self.name) is None:
            raise QueueUnavailable

    async def identity(self) -> str | None:
        """Which queue this is; None if there is no stream yet, or one of an older version."""
        return (await self._nats.metadata(self.name) or {}).get(IDENTITY)

    async def prepare(self, identity: str | None = None) -> None:
        """Make the stream and its consumers, or bring them up to date: at start, and after a stream was lost.

        What an operator has set beyond our own settings (placement, limits) stays as it is. A stream that was lost
        while this process used it is made again with the same identity, and one that took its place is given it: only a
        process that starts can be at the wrong NATS.

        Raises:
            StartupError: NATS_REPLICAS asks for more servers than there are.
        """
        self.identity_in_use = identity or self.identity_in_use or await self.identity() or uuid4().hex
        wanted = WorkQueue(
            name=self.name,
            subjects=f"{self.name}.jobs.>",
            duplicate_window=_DUPLICATE_WINDOW,
            metadata={IDENTITY: self.identity_in_use},
            replicas=self._replicas,
        )
        await self._nats.keep_stream(wanted)
        await self._prepare_consumers()

    async def _prepare_consumers(self) -> None:
        found = await self._nats.consumers(self.name)
        # Whoever has run an older version may have messages without a lane, now or after going back for a while.
        self.lanes = (*LANES, OLD) if _CONSUMER in found else LANES
        for lane in self.lanes:
            wanted = self._consumer(lane)
            if found.get(durable(lane)) != wanted:
                await self._nats.keep_consumer(self.name, durable(lane), wanted)

    def _consumer(self, lane: Lane) -> Consumer:
        subjects = f"{lane.name}.*" if lane.name else "*"
        return Consumer(filter_subject=f"{self.name}.jobs.{subjects}", ack_wait=self._ack_wait)

    async def queued(self) -> Queued:
        """Every job that has a message."""
        subjects = await self._nats.subjects(self.name, f"{self.name}.jobs.>")
        unblocked = tuple(f"{self.name}.jobs.{lane.name}." for lane in (OPEN, AGAIN))
        return Queued(
            all=frozenset(subject.rpartition(".")[2] for subject in subjects),
            open=frozenset(subject.rpartition(".")[2] for subject in subjects if subject.startswith(unblocked)),
        )

    async def waiting(self) -> Mapping[str, int]:
        """How many messages of each lane nobody has taken yet."""
        found = await self._nats.consumers(self.name)
        pending = {name: consumer.pending for name, consumer in found.items()}
        return {lane.name or "old": pending.get(durable(lane), 0) for lane in self.lanes}


def _address(settings: NatsSettings) -> str:
    """What tells this NATS from others: its host and port, with this machine's name where it serves this one only."""
    assert settings.url is not None
    parts = urlsplit(settings.url.get_secret_value())
    machine = f"{socket.gethostname()}/" if parts.hostname in {"localhost", "127.0.0.1", "::1"} else ""
    return f"{machine}{parts.hostname}:{parts.port or 4222}/{settings.stream}"


def durable(lane: Lane) -> str:
    """The name of a lane's consumer."""
    return f"{_CONSUMER}-{lane.name}" if lane.name else _CONSUMER
