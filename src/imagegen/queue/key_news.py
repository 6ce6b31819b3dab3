"""News between processes that API keys have changed.

Core NATS keeps no history, so a process also reads the keys now and then.
"""

import asyncio
from datetime import timedelta
from typing import Final

from imagegen.queue.connection import Connection, open_connection
from imagegen.settings import NatsSettings

_PATIENCE: Final = timedelta(seconds=2)


class KeyNews:
    """Sends and receives the news.

    Attributes:
        changed: set when this or another process has changed keys; the reader clears it.
    """

    def __init__(self, nats: Connection, stream: str) -> None:
        self._nats, self._subject = nats, _subject(stream)
        self.changed = asyncio.Event()

    async def listen(self) -> None:
        """Subscribe to the news of other processes."""
        await self._nats.subscribe(self._subject, self._on_news)

    async def announce(self) -> None:
        """Tell every process that keys have changed. News may get lost."""
        self.changed.set()
        await self._nats.publish_event(self._subject)

    def _on_news(self, _name: str, _data: bytes) -> None:
        self.changed.set()


async def announce_changed_keys(settings: NatsSettings) -> None:
    """Tell every process that keys have changed, from a process that has no queue open.

    Raises:
        QueueUnavailable: NATS does not answer.
    """
    assert settings.url is not None
    async with open_connection(settings.url.get_secret_value(), _PATIENCE) as nats:
        await nats.publish_event(_subject(settings.stream))
        await nats.flush()


def _subject(stream: str) -> str:
    return f"{stream}.keys.changed"
