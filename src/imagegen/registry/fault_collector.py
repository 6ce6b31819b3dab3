"""Collects all faults of the catalogs, so that one start reports all of them."""

from collections.abc import Generator, Iterable
from contextlib import contextmanager

from imagegen.errors import CatalogError


class FaultCollector:
    """The faults found so far."""

    def __init__(self) -> None:
        self._faults: list[CatalogError] = []

    def add(self, faults: Iterable[CatalogError]) -> None:
        """Add faults."""
        for fault in faults:
            self._faults.extend(fault.faults)

    @contextmanager
    def collecting(self) -> Generator[None]:
        """Collect the CatalogError that the block raises, and continue after it."""
        try:
            yield
        except CatalogError as error:
            self.add([error])

    def raise_if_any(self) -> None:
        """Raise one error with all faults, if there are any."""
        if not self._faults:
            return
        files = list(dict.fromkeys(fault.file for fault in self._faults))
        first, *others = sorted(self._faults, key=lambda fault: (files.index(fault.file), fault.line))
        raise CatalogError(first.file, first.line, first.key, first.expected, others)


def raise_if_any(faults: Iterable[CatalogError]) -> None:
    """Raise one error with all these faults, if there are any."""
    collector = FaultCollector()
    collector.add(faults)
    collector.raise_if_any()
