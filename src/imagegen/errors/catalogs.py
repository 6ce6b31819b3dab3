"""The error of a changed catalog that a running service does not take in."""

from collections.abc import Iterable
from itertools import islice

from imagegen.errors.base import ImagegenError
from imagegen.errors.requests import MOST_FAULTS, Fault


class CatalogRefused(ImagegenError):
    """The files of the catalog cannot be used, so the one before stays in use.

    Attributes:
        faults: every fault, at most MOST_FAULTS, with the key in its file as the pointer, and file and line in words.
    """

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = tuple(islice(faults, MOST_FAULTS))
        words = "\n".join(fault.message for fault in self.faults)
        super().__init__(f"The catalog stays as it is, because its files cannot be used:\n{words}")
