"""Compares the catalogs of all processes: each has files of its own, and news between them may get lost."""

import asyncio
import logging
from collections.abc import Sequence
from typing import Final

from imagegen.operations.catalog_reload import others_with_another_catalog
from imagegen.services import Services

_SHOWN: Final = 12  # characters of a sha256
_log = logging.getLogger("imagegen.catalog")


class CatalogComparison:
    """Counts the processes that use another catalog, and warns once of each difference that lasts."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._before: frozenset[str] = frozenset()
        self._told: frozenset[str] = frozenset()

    async def compare(self) -> int:
        """Compare once; returns how many other processes use another catalog.

        A difference is told when it is there for the second time: during a reload, processes differ for a moment. One
        that comes from a change which this process has missed is told to the process itself.
        """
        services, own = self._services, self._services.current_catalog
        others = await others_with_another_catalog(services)
        services.metrics.set_catalog_differing(len(others))
        found = frozenset(others)
        if found and await asyncio.to_thread(own.source.sha256) in found:
            services.queue.catalog_news.changed.set()
        elif found == self._before and found != self._told:
            self._tell(others)
            self._told = found
        self._before = found
        return len(others)

    def _tell(self, others: Sequence[str]) -> None:
        own = self._services.current_catalog.latest.sha256[:_SHOWN]
        if not others:
            _log.info("all processes use the same catalog again, sha256 %s…", own)
            return
        shown = ", ".join(sorted({f"{sha256[:_SHOWN]}…" for sha256 in others}))
        _log.warning(
            "other processes use another catalog than this one: %d (sha256 %s; here %s…). Give all of them the same "
            "files, IMAGEGEN_CATALOG and release, then reload",
            len(others),
            shown,
            own,
        )
