"""Who waits for the outcome of a request, in any process.

A waiter is named by its process and a number: `{process}.{number}`. Only its process knows whether it still waits;
others ask it over NATS. A process that has ended answers nothing, and so waits for nothing.
"""

import asyncio
from collections.abc import Generator
from contextlib import contextmanager
from itertools import count
from typing import Final
from uuid import uuid4

from imagegen.errors import QueueUnavailable
from imagegen.jobs import Fingerprint
from imagegen.queue.connection import Connection

_YES: Final = b"1"
_NO: Final = b"0"


class Waiters:
    """The waiters of this process, and questions about those of others."""

    def __init__(self, nats: Connection, stream: str) -> None:
        self._nats, self._prefix = nats, f"{stream}.waiters"
        self._process, self._numbers = uuid4().hex, count(1)
        self._waiting: set[str] = set()
        self._accepting: dict[str, dict[str, asyncio.Event]] = {}

    async def listen(self) -> None:
        """Answer other processes."""
        await self._nats.answer(f"{self._prefix}.{self._process}", self._reply)

    def begin(self) -> str:
        """A new waiter."""
        waiter = f"{self._process}.{next(self._numbers)}"
        self._waiting.add(waiter)
        return waiter

    def end(self, waiter: str) -> None:
        """It waits no longer."""
        self._waiting.discard(waiter)

    @contextmanager
    def accepting(self, own: Fingerprint) -> Generator[None]:
        """While the block runs, the request of this waiter is being accepted."""
        others = self._accepting.setdefault(own.digest, {})
        accepted = others[own.waiter] = asyncio.Event()
        try:
            yield
        finally:
            accepted.set()
            del others[own.waiter]
            if not others:
                self._accepting.pop(own.digest, None)

    async def lost_are_accepted(self, digest: str) -> None:
        """Wait until no request of this process with this digest is being accepted for which nobody waits any more.

        A client that gives up repeats its request before a slow acceptance is over.
        """
        for waiter, accepted in tuple(self._accepting.get(digest, {}).items()):
            if waiter not in self._waiting:
                await accepted.wait()

    async def is_waiting(self, waiter: str) -> bool:
        """Whether it still waits. If its process cannot be asked, it counts as waiting."""
        process = waiter.partition(".")[0]
        if process == self._process:
            return waiter in self._waiting
        try:
            return await self._nats.ask(f"{self._prefix}.{process}", waiter.encode()) not in {None, _NO}
        except QueueUnavailable:
            return True

    def _reply(self, waiter: bytes) -> bytes:
        return _YES if waiter.decode(errors="replace") in self._waiting else _NO
