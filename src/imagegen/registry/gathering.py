"""Gathers everything that is wrong with the catalogs, so that one start tells all of it."""

from collections.abc import Generator, Iterable
from contextlib import contextmanager

from imagegen.errors import CatalogError


class Gathering:
    """The faults that were found so far."""

    def __init__(self) -> None:
        self._faults: list[CatalogError] = []

    def add(self, faults: Iterable[CatalogError]) -> None:
        """Take in more."""
        for fault in faults:
            self._faults.extend(fault.faults)

    @contextmanager
    def going_on(self) -> Generator[None]:
        """Take in what the block raises, and go on after it."""
        try:
            yield
        except CatalogError as error:
            self.add([error])

    def stop(self) -> None:
        """Raise one error of all faults; without any, do nothing."""
        if not self._faults:
            return
        files = list(dict.fromkeys(fault.file for fault in self._faults))
        first, *others = sorted(self._faults, key=lambda fault: (files.index(fault.file), fault.line))
        raise CatalogError(first.file, first.line, first.key, first.expected, others)


def stop_if_any(faults: Iterable[CatalogError]) -> None:
    """Raise one error of all these faults; without any, do nothing."""
    gathering = Gathering()
    gathering.add(faults)
    gathering.stop()
