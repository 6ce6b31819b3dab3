"""Every API key, in the memory of a process."""

import asyncio
import logging
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Final

from imagegen.clock import now
from imagegen.errors import DatabaseUnavailable
from imagegen.keys import ApiKey, KeyRing, is_token
from imagegen.net.single_flight import SingleFlight
from imagegen.storage.api_keys import ApiKeys
from imagegen.storage.local_copy import LocalCopy, News, running_beside

_UNKNOWN_EVERY: Final = timedelta(seconds=1)
_USES_EVERY: Final = 60.0  # seconds
_log = logging.getLogger("imagegen.keys")


class KeyDirectory:
    """The keys as they were last read.

    Args:
        stored: the keys in MongoDB.
        news: which every process sends after a change.
        valid_for: how long what was read last is valid while MongoDB does not answer.
    """

    def __init__(self, stored: ApiKeys, news: News, valid_for: timedelta) -> None:
        async def read() -> KeyRing:
            return KeyRing(await stored.all())

        self._stored = stored
        self._ring = LocalCopy("API keys", read, KeyRing(), news=news, valid_for=valid_for, log=_log)
        self._unknown_ids = SingleFlight(self._ring.read, _UNKNOWN_EVERY)
        self._used: dict[str, datetime] = {}

    @property
    def ever_had_keys(self) -> bool:
        """Whether a key has ever existed; revoked and expired ones count.

        Raises:
            DatabaseUnavailable: MongoDB has not said so lately.
        """
        return len(self._ring.current()) > 0

    async def find(self, token: str) -> ApiKey | None:
        """The valid key of a token, which counts as used now; None if there is none.

        Raises:
            DatabaseUnavailable: MongoDB does not answer, and the key is not known or was read too long ago.
        """
        if not is_token(token):
            return None
        if not self._ring.latest.has_id_of(token) and not await self._unknown_ids.get():
            raise DatabaseUnavailable
        moment = now()
        key = self._ring.current().find_key(token, moment)
        if key is not None:
            self._used[key.id] = moment
        return key

    def still_grants(self, key: ApiKey) -> bool:
        """Whether a key that was found still has its token and all that it permitted.

        Raises:
            DatabaseUnavailable: MongoDB has not said so lately.
        """
        return self._ring.current().still_grants(key, now())

    async def announce_change(self) -> None:
        """After a change by this process: read the keys, and tell the other processes to do so."""
        await self._ring.announce_change()

    @asynccontextmanager
    async def kept_current(self) -> AsyncGenerator[None]:
        """Keep the keys current beside the body, and store their last uses once a minute and at the end."""
        async with self._ring.kept_current(), running_beside(self._keep_uses(), "last uses of API keys"):
            yield
        await self.store_uses()

    async def _keep_uses(self) -> None:
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


@asynccontextmanager
async def open_key_directory(stored: ApiKeys, news: News, valid_for: timedelta) -> AsyncGenerator[KeyDirectory]:
    """A directory that is current while the body runs."""
    directory = KeyDirectory(stored, news, valid_for)
    async with directory.kept_current():
        yield directory
