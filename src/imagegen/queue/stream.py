"""The JetStream stream of the queue, with a durable consumer for each lane: created, kept up to date, and read."""

import socket
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from urllib.parse import urlsplit
from uuid import uuid4

from imagegen.errors import QueueUnavailable
from imagegen.queue.connection import Connection, Consumer, WorkQueue
from imagegen.queue.lanes import LANES, LEGACY, OPEN, RETRY, Lane
from imagegen.settings import NatsSettings

IDENTITY: Final = "imagegen-queue"  # in the metadata: the identity of this queue for as long as a process uses it
_CONSUMER: Final = "runners"
_DUPLICATE_WINDOW: Final = timedelta(minutes=2)


@dataclass(frozen=True, slots=True, kw_only=True)
class QueuedJobIds:
    """The ids of all jobs that have a message, taken or not; `open` are those in lanes that need no slot at fal."""

    all: frozenset[str]
    open: frozenset[str]


class Stream:
    """The stream on the server.

    Attributes:
        name: its name; every subject begins with it.
        address: identifies its server.
        identity_in_use: the identity that this process found on it or gave it.
        lanes: the lanes that have a consumer.
    """

    def __init__(self, nats: Connection, settings: NatsSettings, ack_wait: timedelta) -> None:
        self._nats, self.name, self.address = nats, settings.stream, _server_address(settings)
        self._replicas, self._ack_wait = settings.replicas, ack_wait
        self.identity_in_use = ""
        self.lanes: tuple[Lane, ...] = LANES

    async def check(self) -> None:
        """Raise QueueUnavailable unless the stream is there."""
        if await self._nats.metadata(self.name) is None:
            raise QueueUnavailable

    async def identity(self) -> str | None:
        """The identity of this queue; None if there is no stream yet, or one of an older version."""
        return (await self._nats.metadata(self.name) or {}).get(IDENTITY)

    async def prepare(self, identity: str | None = None) -> None:
        """Create the stream and its consumers, or bring them up to date: at start, and after the stream was lost.

        What an operator has set beyond our own settings (placement, limits) stays as it is. A stream that was lost
        while this process used it is created again with the same identity, and one that replaced it is given that
        identity: only a process that starts can be connected to the wrong NATS.

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
        # After an older version has run, now or during a rollback, there may be messages without a lane.
        self.lanes = (*LANES, LEGACY) if _CONSUMER in found else LANES
        for lane in self.lanes:
            wanted = self._consumer(lane)
            if found.get(durable(lane)) != wanted:
                await self._nats.keep_consumer(self.name, durable(lane), wanted)

    def _consumer(self, lane: Lane) -> Consumer:
        subjects = f"{lane.name}.*" if lane.name else "*"
        return Consumer(filter_subject=f"{self.name}.jobs.{subjects}", ack_wait=self._ack_wait)

    async def queued(self) -> QueuedJobIds:
        """The jobs that have a message."""
        subjects = await self._nats.subjects(self.name, f"{self.name}.jobs.>")
        unblocked = tuple(f"{self.name}.jobs.{lane.name}." for lane in (OPEN, RETRY))
        return QueuedJobIds(
            all=frozenset(subject.rpartition(".")[2] for subject in subjects),
            open=frozenset(subject.rpartition(".")[2] for subject in subjects if subject.startswith(unblocked)),
        )

    async def waiting(self) -> Mapping[str, int]:
        """How many messages of each lane were not taken yet."""
        found = await self._nats.consumers(self.name)
        pending = {name: consumer.pending for name, consumer in found.items()}
        return {lane.name or "old": pending.get(durable(lane), 0) for lane in self.lanes}


def _server_address(settings: NatsSettings) -> str:
    """Identifies this NATS: its host and port, with this machine's name if it listens on loopback."""
    assert settings.url is not None
    parts = urlsplit(settings.url.get_secret_value())
    machine = f"{socket.gethostname()}/" if parts.hostname in {"localhost", "127.0.0.1", "::1"} else ""
    return f"{machine}{parts.hostname}:{parts.port or 4222}/{settings.stream}"


def durable(lane: Lane) -> str:
    """The name of a lane's consumer."""
    return f"{_CONSUMER}-{lane.name}" if lane.name else _CONSUMER
