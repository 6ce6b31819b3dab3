"""Idempotency keys in MongoDB, of whatever a request creates or changes."""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import asdict
from datetime import timedelta
from typing import Any, Final

from pymongo import ASCENDING, IndexModel

from imagegen.jobs import Idempotency
from imagegen.storage.jobs.documents import Document, to_camel

IDEMPOTENCY_KEPT: Final = timedelta(hours=24)
IDEMPOTENCY_INDEX: Final = IndexModel(
    [("idempotency.caller", ASCENDING), ("idempotency.route", ASCENDING), ("idempotency.key", ASCENDING)],
    name="idempotency",
    unique=True,
    partialFilterExpression={"idempotency": {"$exists": True}},
)


def idempotency_filter(key: Idempotency) -> Document:
    """The documents with this key. Without the condition `$exists`, MongoDB would not use the partial index."""
    same = {"idempotency.caller": key.caller, "idempotency.route": key.route, "idempotency.key": key.key}
    return {"idempotency": {"$exists": True}, **same}


def idempotency_document(key: Idempotency) -> dict[str, Any]:
    """The key as it is stored, in the member `idempotency`."""
    return {to_camel(name): value for name, value in asdict(key).items()}


def stored_idempotency(document: Mapping[str, Any]) -> Idempotency:
    """The key as it was stored."""
    return Idempotency(
        caller=document["caller"],
        route=document["route"],
        key=document["key"],
        body_sha256=document["bodySha256"],
        unsigned_sha256=document.get("unsignedSha256"),
    )


class IdempotencyLocks:
    """Lets requests of this process that have the same idempotency key follow each other.

    At the same time, the later ones would be refused for the room in budgets and rates that the first one takes.
    """

    def __init__(self) -> None:
        self._locks: dict[tuple[str, str, str], asyncio.Lock] = {}
        self._callers = Counter[tuple[str, str, str]]()

    @asynccontextmanager
    async def held(self, key: Idempotency | None) -> AsyncGenerator[None]:
        """Wait until no other request with this key is in such a block; without a key at once."""
        if key is None:
            yield
            return
        name = (key.caller, key.route, key.key)
        lock = self._locks.setdefault(name, asyncio.Lock())
        self._callers[name] += 1
        try:
            async with lock:
                yield
        finally:
            self._callers[name] -= 1
            if not self._callers[name]:
                del self._callers[name], self._locks[name]
