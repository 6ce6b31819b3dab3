"""Errors that keep a process from starting: an operator fixes the installation."""

from collections.abc import Sequence

from imagegen.errors.base import ImagegenError


class StartupError(ImagegenError):
    """The service cannot start with this configuration."""


class SettingsError(StartupError):
    """One or more environment variables are wrong; `faults` has a line for each."""

    def __init__(self, faults: Sequence[str]) -> None:
        super().__init__("\n".join(faults))
        self.faults = tuple(faults)


class CatalogError(StartupError):
    """A part of a catalog cannot be used. The text has one line for each fault: file, line, key, what was expected.

    Attributes:
        line: its line; 0 if the file cannot be read.
        key: the path of keys to it, joined by dots; empty for the file as a whole.
        others: the other faults, in the order of files and lines.
    """

    def __init__(self, file: str, line: int, key: str, expected: str, others: Sequence["CatalogError"] = ()) -> None:
        place = f"{file}:{line}" if line else file
        own = ": ".join(part for part in (place, key, expected) if part)
        super().__init__("\n".join((own, *map(str, others))))
        self.file, self.line, self.key, self.expected, self.others = file, line, key, expected, tuple(others)

    @property
    def faults(self) -> tuple["CatalogError", ...]:
        """Each fault as an error of its own."""
        return (CatalogError(self.file, self.line, self.key, self.expected), *self.others)


class KeysFileError(StartupError):
    """The file of API keys cannot be read or changed."""


class LocalServerError(StartupError):
    """A server of the local stack did not start, or is not running."""
