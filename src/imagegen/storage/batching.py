"""Group commit: calls made while a batch is in flight are sent together in the next one.

A job takes about ten MongoDB commands, and a command costs the driver, the server and the journal the same whether it
covers one job or thirty. A call made while no batch is in flight is sent at once.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from contextvars import Context
from functools import partial
from typing import Final, Generic, TypeVar

from imagegen.errors import DatabaseUnavailable

_MAX_BATCH: Final = 64
T = TypeVar("T")
R = TypeVar("R")


class Batcher(Generic[T, R]):
    """Batches calls of one kind.

    Args:
        execute: runs a batch; returns each item's result, or the error of that item alone, in the items' order.
    """

    def __init__(self, execute: Callable[[Sequence[T]], Awaitable[Sequence[R | Exception]]]) -> None:
        self._execute = execute
        self._pending: list[tuple[T, asyncio.Future[R]]] = []
        self._running: asyncio.Task[None] | None = None

    async def submit(self, item: T) -> R:
        """Run this item with the next batch; raises what that raises for this item.

        A cancelled caller withdraws an item that is still pending; one that is in flight takes effect.
        """
        result = asyncio.get_running_loop().create_future()
        self._pending.append((item, result))
        if self._running is None or self._running.done():
            # In a context of its own, because a batch belongs to no single job's trace, log or time limit.
            self._running = asyncio.create_task(self._run(), name="batches", context=Context())
        return await result

    async def _run(self) -> None:
        while self._pending:
            batch = [(item, future) for item, future in self._pending[:_MAX_BATCH] if not future.done()]
            del self._pending[:_MAX_BATCH]
            if not batch:
                continue
            results = await self._results([item for item, _ in batch])
            for (_, future), result in zip(batch, results, strict=True):
                _resolve(future, result)

    async def _results(self, items: Sequence[T]) -> Sequence[R | Exception]:
        """The results of one batch. If it fails for a reason that may be one item's, each item runs alone."""
        try:
            return await self._execute(items)
        except DatabaseUnavailable as error:
            return [error] * len(items)
        except Exception as error:  # noqa: BLE001 - raised by `submit`
            if len(items) == 1:
                return [error]
        return [result for item in items for result in await self._results([item])]


def _resolve(future: asyncio.Future[R], result: R | Exception) -> None:
    with suppress(asyncio.InvalidStateError):  # its caller was cancelled meanwhile
        if isinstance(result, Exception):
            future.set_exception(result)
        else:
            future.set_result(result)


class KeyedBatcher(Generic[T, R]):
    """Batches calls of one kind by a key; keys that nobody waits for are forgotten.

    Args:
        execute: runs a batch of one key, as that of `Batcher` does.
    """

    def __init__(self, execute: Callable[[str, Sequence[T]], Awaitable[Sequence[R | Exception]]]) -> None:
        self._execute = execute
        self._batchers: dict[str, Batcher[T, R]] = {}
        self._callers = Counter[str]()

    async def submit(self, key: str, item: T) -> R:
        """Run this item with the next batch of its key."""
        batcher = self._batchers.setdefault(key, Batcher(partial(self._execute, key)))
        self._callers[key] += 1
        try:
            return await batcher.submit(item)
        finally:
            self._callers[key] -= 1
            if not self._callers[key]:
                del self._callers[key], self._batchers[key]
