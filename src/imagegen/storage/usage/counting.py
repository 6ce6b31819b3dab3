"""Counting ended jobs in the usage, seconds after their ends and many at once.

The write that ends a job marks it as uncounted. The transaction that counts jobs notes that in them, so each is counted
once, whatever crashes; afterwards both marks are removed. Reads of the usage count first what is uncounted. There are
two marks because an index finds the first: within a transaction, MongoDB takes forty times as long to change a field
that is in an index.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from contextvars import Context
from typing import Final

from imagegen.errors import DatabaseUnavailable
from imagegen.storage.jobs.documents import Document

UNCOUNTED: Final = "uncounted"  # in the document of an ended job, until it is counted and its marks are removed
COUNTED: Final = "counted"  # beside it, once it is counted
IS_MARKED: Final[Document] = {UNCOUNTED: True}
IS_UNCOUNTED: Final[Document] = {UNCOUNTED: True, COUNTED: None}
IS_COUNTED: Final[Document] = {"$or": [{UNCOUNTED: None}, {COUNTED: True}]}
REMOVE_MARKS: Final[Document] = {"$unset": {UNCOUNTED: "", COUNTED: ""}}
MOST_AT_ONCE: Final = 500
_DELAY: Final = 5.0  # seconds
_CLOSE_LIMIT: Final = 3.0  # seconds
_log = logging.getLogger("imagegen.usage")


class CountingQueue:
    """The jobs that this process ended and has not counted yet.

    Args:
        count: counts those of these jobs that are uncounted.
    """

    def __init__(self, count: Callable[[Sequence[str]], Awaitable[None]]) -> None:
        self._count = count
        self._job_ids: set[str] = set()
        self._closing = asyncio.Event()
        self._counting: asyncio.Task[None] | None = None

    def add(self, job_id: str) -> None:
        """Count this job with others within seconds."""
        self._job_ids.add(job_id)
        if self._counting is None or self._counting.done():
            # In a context of its own, because it belongs to no single job's trace, log or time limit.
            self._counting = asyncio.create_task(self._run(), name="usage", context=Context())

    async def close(self) -> None:
        """Count what is left at once, for at most 3 s."""
        self._closing.set()
        if self._counting is not None:
            with suppress(TimeoutError):
                async with asyncio.timeout(_CLOSE_LIMIT):
                    await self._counting

    async def _run(self) -> None:
        while self._job_ids:
            with suppress(TimeoutError):
                async with asyncio.timeout(_DELAY):
                    await self._closing.wait()
            job_ids, self._job_ids = list(self._job_ids), set()
            try:
                await self._count(job_ids)
            except DatabaseUnavailable as error:
                _log.warning("the usage of %d ended jobs is counted later: %s", len(job_ids), error)
