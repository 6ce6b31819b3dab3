"""Every API key, in the memory of a process.

A request reads only the memory, so neither a slow MongoDB nor a read under way holds up a key that is known.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from datetime import datetime, timedelta
from typing import Final, Protocol

from imagegen.clock import now, uptime, wait_any
from imagegen.errors import DatabaseUnavailable
from imagegen.keys import ApiKey, KeyRing, is_token
from imagegen.net.single_flight import SingleFlight
from imagegen.storage.api_keys import ApiKeys

_READ_EVERY: Final = timedelta(seconds=10)
_READS_IN_A_CACHE: Final = 3
_RETRY_AFTER: Final = timedelta(seconds=1)
_TOGETHER: Final = 0.05  # seconds; changes that follow each other this closely are read once
_UNKNOWN_EVERY: Final = timedelta(seconds=1)
_USES_EVERY: Final = 60.0  # seconds
_log = logging.getLogger("imagegen.keys")


class KeyNews(Protocol):
    """News between processes that keys have changed: `imagegen.queue.KeyNews`."""

    changed: asyncio.Event

    async def announce(self) -> None:
        """Set `changed`, here and in the other processes."""
        ...


class KeyDirectory:
    """The keys as they were last read.

    Args:
        stored: the keys in MongoDB.
        news: which every process sends after a change.
        valid_for: how long what was read last is valid while MongoDB does not answer.
    """

    def __init__(self, stored: ApiKeys, news: KeyNews, valid_for: timedelta) -> None:
        self._stored, self._news, self._valid_for = stored, news, valid_for
        self._ring = KeyRing()
        self._read_at = float("-inf")
        self._unknown_ids = SingleFlight(self.read, _UNKNOWN_EVERY)
        self._used: dict[str, datetime] = {}

    @property
    def ever_had_keys(self) -> bool:
        """Whether a key has ever existed; revoked and expired ones count.

        Raises:
            DatabaseUnavailable: MongoDB has not said so lately.
        """
        return len(self._current()) > 0

    async def find(self, token: str) -> ApiKey | None:
        """The valid key of a token, which counts as used now; None if there is none.

        Raises:
            DatabaseUnavailable: MongoDB does not answer, and the key is not known or was read too long ago.
        """
        if not is_token(token):
            return None
        if not self._ring.has_id_of(token) and not await self._unknown_ids.get():
            raise DatabaseUnavailable
        moment = now()
        key = self._current().find_key(token, moment)
        if key is not None:
            self._used[key.id] = moment
        return key

    def still_grants(self, key: ApiKey) -> bool:
        """Whether a key that was found still has its token and all that it permitted.

        Raises:
            DatabaseUnavailable: MongoDB has not said so lately.
        """
        return self._current().still_grants(key, now())

    async def announce_change(self) -> None:
        """After a change by this process: read the keys, and tell the other processes to do so."""
        await self._news.announce()
        await self.read()

    async def keep_current(self) -> None:
        """Read the keys at every change, and at the latest every ten seconds; until cancelled."""
        usual = min(_READ_EVERY, self._valid_for / _READS_IN_A_CACHE)
        pause = usual
        while True:
            await wait_any(self._news.changed, at_most=pause)
            await asyncio.sleep(_TOGETHER)
            self._news.changed.clear()
            pause = usual if await self.read() else _RETRY_AFTER

    async def keep_uses(self) -> None:
        """Store once a minute when keys were last used; until cancelled."""
        while True:
            await asyncio.sleep(_USES_EVERY)
            await self.store_uses()

    async def store_uses(self) -> None:
        """Store when keys were last used. What MongoDB does not take is stored the next time."""
        used, self._used = self._used, {}
        try:
            await self._stored.used(used)
        except DatabaseUnavailable as error:
            self._used = {**used, **self._used}
            _log.warning("the last use of API keys is not stored: %s", error)

    def _current(self) -> KeyRing:
        if uptime() - self._read_at > self._valid_for.total_seconds():
            raise DatabaseUnavailable
        return self._ring

    async def read(self) -> bool:
        """Read all keys; returns whether MongoDB answered. Of two reads at once, the later one counts."""
        began = uptime()
        try:
            ring = KeyRing(await self._stored.all())
        except DatabaseUnavailable as error:
            _log.warning("the API keys cannot be read: %s; those that were read last stay in use", error)
            return False
        except Exception:  # noqa: BLE001 - outlives any defect, and logs it
            _log.exception("the API keys cannot be read; those that were read last stay in use")
            return False
        if began > self._read_at:
            self._ring, self._read_at = ring, began
        return True


@asynccontextmanager
async def open_key_directory(stored: ApiKeys, news: KeyNews, valid_for: timedelta) -> AsyncGenerator[KeyDirectory]:
    """Keep a directory current beside the body, and store the last uses at the end."""
    directory = KeyDirectory(stored, news, valid_for)
    await directory.read()
    tasks = [
        asyncio.create_task(directory.keep_current(), name="API keys"),
        asyncio.create_task(directory.keep_uses(), name="last uses of API keys"),
    ]
    try:
        yield directory
    finally:
        for task in tasks:
            task.cancel()
        for task in tasks:
            with suppress(asyncio.CancelledError):
                await task
        await directory.store_uses()
