"""The OpenAPI documents of an application as they are served: made in a thread, compressed, tagged, and kept."""

import asyncio
import gzip
import hashlib
import json
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from imagegen.api.openapi.cutting import cut_to_models

Node = dict[str, Any]
MOST_KEPT: Final = 16
_LEVEL: Final = 9


@dataclass(frozen=True, slots=True)
class WrittenDocument:
    """A document as compact JSON, compressed with gzip, and its weak tag."""

    compressed: bytes
    tag: str

    async def plain(self) -> bytes:
        """The JSON itself. It is not kept: almost every client takes gzip."""
        return await asyncio.to_thread(gzip.decompress, self.compressed)


class WrittenDocuments:
    """The whole document, and the last ones that were cut down to some models.

    Args:
        build: makes the whole document; with whether the service needs a key.
        needs_key: whether it needs one now. The first key of a service changes that.
    """

    def __init__(self, build: Callable[[bool], Node], needs_key: Callable[[], bool]) -> None:
        self._build, self._needs_key = build, needs_key
        self._making = asyncio.Lock()  # one at a time, so that many requests for different ones keep one thread busy
        self._whole = dict[bool, "asyncio.Task[WrittenDocument]"]()
        self._cut = OrderedDict[tuple[frozenset[str], bool], "asyncio.Task[WrittenDocument]"]()

    async def whole(self) -> WrittenDocument:
        """The document with all models."""
        return await self._whole_of(self._needs_key())

    async def of_models(self, models: frozenset[str]) -> WrittenDocument:
        """The document with these models only, by their own names."""
        key = (models, self._needs_key())
        made = self._cut.get(key)
        if made is None or _has_failed(made):
            made = self._cut[key] = asyncio.create_task(self._make_cut(*key), name="document")
        self._cut.move_to_end(key)
        while len(self._cut) > MOST_KEPT:
            self._cut.popitem(last=False)
        return await asyncio.shield(made)  # a caller that is cancelled does not cancel it for the others

    async def _whole_of(self, needs_key: bool) -> WrittenDocument:
        made = self._whole.get(needs_key)
        if made is None or _has_failed(made):
            made = self._whole[needs_key] = asyncio.create_task(self._make_whole(needs_key), name="document")
        return await asyncio.shield(made)

    async def _make_whole(self, needs_key: bool) -> WrittenDocument:
        async with self._making:
            return await asyncio.to_thread(lambda: _written(self._build(needs_key)))

    async def _make_cut(self, models: frozenset[str], needs_key: bool) -> WrittenDocument:
        whole = await self._whole_of(needs_key)
        async with self._making:
            return await asyncio.to_thread(_cut, whole, models)


def _has_failed(task: "asyncio.Task[WrittenDocument]") -> bool:
    return task.done() and (task.cancelled() or task.exception() is not None)


def _cut(whole: WrittenDocument, models: frozenset[str]) -> WrittenDocument:
    return _written(cut_to_models(json.loads(gzip.decompress(whole.compressed)), models))


def _written(document: Node) -> WrittenDocument:
    text = json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()
    compressed = gzip.compress(text, _LEVEL, mtime=0)
    return WrittenDocument(compressed, f'W/"{hashlib.sha256(text).hexdigest()[:32]}"')
