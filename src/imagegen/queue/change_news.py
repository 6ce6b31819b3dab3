"""News between processes that API keys, budgets, secrets of links or the files of the catalog have changed.

Core NATS keeps no history, so a process also looks now and then.
"""

import asyncio
from datetime import timedelta
from enum import StrEnum
from typing import Final

from imagegen.queue.connection import Connection, open_connection
from imagegen.settings import NatsSettings

_PATIENCE: Final = timedelta(seconds=2)


class Changed(StrEnum):
    """What has changed; a part of the news' subject."""

    KEYS = "keys"
    BUDGETS = "budgets"
    CATALOG = "catalog"
    LINKS = "links"


class ChangeNews:
    """Sends and receives the news of one kind.

    Attributes:
        changed: set when this or another process has changed something; the reader clears it.
    """

    def __init__(self, nats: Connection, stream: str, what: Changed) -> None:
        self._nats, self._subject = nats, _subject(stream, what)
        self.changed = asyncio.Event()

    async def listen(self) -> None:
        """Subscribe to the news of other processes."""
        await self._nats.subscribe(self._subject, self._on_news)

    async def announce(self) -> None:
        """Tell every process of a change. News may get lost."""
        self.changed.set()
        await self.announce_to_others()

    async def announce_to_others(self) -> None:
        """Tell every other process of a change."""
        await self._nats.publish_event(self._subject)

    def _on_news(self, _name: str, _data: bytes) -> None:
        self.changed.set()


async def announce_change(settings: NatsSettings, what: Changed) -> None:
    """Tell every process of a change, from a process that has no queue open.

    Raises:
        QueueUnavailable: NATS does not answer.
    """
    assert settings.url is not None
    async with open_connection(settings.url.get_secret_value(), _PATIENCE) as nats:
        await nats.publish_event(_subject(settings.stream, what))
        await nats.flush()


def _subject(stream: str, what: Changed) -> str:
    return f"{stream}.{what}.changed"
