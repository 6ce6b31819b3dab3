"""The catalog in use, and how a changed one takes its place.

A reload reads the files anew, beside the requests, and puts another catalog in place at one moment of the event loop.
What has followed the catalog so far (the application, the price book, fal's client, the metrics) changes at that same
moment, or not at all.
"""

import asyncio
import gc
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from imagegen.catalog.source import Catalog, CatalogSource
from imagegen.clock import now
from imagegen.errors import CatalogError, StartupError


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogChange:
    """What a reload has done. The names of models are sorted.

    Attributes:
        catalog: the one in use since.
        previous: the one in use before; the same if nothing has changed.
        added: models that are new.
        removed: models that are gone.
        modified: models whose entry in the user's files differs.
    """

    catalog: Catalog
    previous: Catalog
    added: Sequence[str] = ()
    removed: Sequence[str] = ()
    modified: Sequence[str] = ()

    @property
    def is_change(self) -> bool:
        """Whether another catalog is in use since."""
        return self.catalog is not self.previous


Commit: TypeAlias = Callable[[], None]
Prepare: TypeAlias = Callable[[Catalog], Awaitable[Commit]]
Record: TypeAlias = Callable[[CatalogChange], Awaitable[None]]


async def _no_record(_change: CatalogChange) -> None:
    """Record nothing."""


class CurrentCatalog:
    """The catalog in use.

    Attributes:
        source: where it comes from.
        latest: the catalog.
        refused_at: when a reload was refused, if it was the last one; else None.
    """

    def __init__(self, source: CatalogSource, latest: Catalog) -> None:
        self.source, self.latest = source, latest
        self.refused_at: datetime | None = None
        self._followers: list[Prepare] = []
        self._turn = asyncio.Lock()

    def follow(self, prepare: Prepare) -> None:
        """Have something change with the catalog.

        `prepare` is called with the new catalog and does all that can fail or takes long. What it returns is called at
        the moment of the change, and only sets what is prepared.
        """
        self._followers.append(prepare)

    async def reload(self, record: Record = _no_record) -> CatalogChange:
        """Read the files anew and use what is in them: all of it, or nothing. One reload at a time.

        Args:
            record: called before a change, which does not take place if it fails.

        Raises:
            StartupError: the files cannot be used. Nothing has changed.
        """
        async with self._turn:
            previous = self.latest
            if await asyncio.to_thread(self.source.sha256) == previous.sha256:
                self.refused_at = None
                return CatalogChange(catalog=previous, previous=previous)
            try:
                catalog = await asyncio.to_thread(_load, self.source)
            except StartupError:
                self.refused_at = now()
                raise
            change = _change_between(previous, catalog)
            commits = [await prepare(catalog) for prepare in self._followers]
            await record(change)
            self.latest, self.refused_at = catalog, None
            for commit in commits:
                commit()
            return change


def _load(source: CatalogSource) -> Catalog:
    """Load a catalog, and first free the memory of those before the one in use.

    Classes are in reference cycles. Left to itself, the collector would free them only after a dozen reloads.
    """
    gc.collect()
    return source.load()


def faults_of(error: StartupError) -> Sequence[str]:
    """Each fault of a catalog in a line: file, line, key, what was expected."""
    return [str(fault) for fault in error.faults] if isinstance(error, CatalogError) else str(error).splitlines()


def _change_between(previous: Catalog, catalog: Catalog) -> CatalogChange:
    before, after = previous.registry.models.keys(), catalog.registry.models.keys()
    modified = {name for name in before & after if previous.entries.get(name) != catalog.entries.get(name)}
    return CatalogChange(
        catalog=catalog,
        previous=previous,
        added=sorted(after - before),
        removed=sorted(before - after),
        modified=sorted(modified),
    )
