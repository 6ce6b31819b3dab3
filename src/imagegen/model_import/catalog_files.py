"""Changes a user's catalog: as a whole and only if the registry loads the result, or not at all."""

import os
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from imagegen.errors import CatalogError
from imagegen.model_import.catalog_text import block_of, entry_text
from imagegen.model_import.entry_mapping import MappedEntry
from imagegen.registry import Registry, load_registry

_FIRST_LINES: Final = "# Models of imagegen: IMAGEGEN_CATALOG names this file. `imagegen models add` writes here.\n"


def with_entries(text: str, entries: Sequence[MappedEntry]) -> str:
    """The text of a catalog with entries at its end."""
    whole = text or _FIRST_LINES
    if not whole.endswith("\n"):
        whole += "\n"
    return whole + "".join(f"\n{entry_text(entry)}" for entry in entries)


def without_entry(text: str, name: str, file: Path) -> str:
    """The text of a catalog without an entry and the comments right above it.

    Raises:
        CatalogError: it has no such entry.
    """
    return with_block(text, name, "", file)


def with_block(text: str, name: str, block: str, file: Path) -> str:
    """The text of a catalog with another text in place of an entry.

    Raises:
        CatalogError: it has no such entry.
    """
    first, end = block_of(text, name, str(file))
    lines = text.splitlines(keepends=True)
    if not block:
        while end < len(lines) and not lines[end].strip():
            end += 1
        while end == len(lines) and first > 0 and not lines[first - 1].strip():
            first -= 1
    return "".join([*lines[:first], block, *lines[end:]])


def read_text(file: Path) -> str:
    """The text of a catalog; empty if there is no such file.

    Raises:
        CatalogError: it cannot be read.
    """
    try:
        return file.read_text(encoding="utf-8")
    except FileNotFoundError:
        return ""
    except (OSError, UnicodeDecodeError) as error:
        raise CatalogError(str(file), 0, "", f"cannot be read: {error}") from error


def check_text(text: str, file: Path, files: Sequence[Path]) -> Registry | None:
    """The registry with this text as the content of `file`; None if the text has no entry.

    Raises:
        CatalogError: the registry does not load it; with the lines of the text that would be written.
    """
    others = [each for each in files if each.resolve() != file.resolve()]
    if all(not line.strip() or line.startswith("#") for line in text.splitlines()):
        load_registry(others)
        return None
    with tempfile.TemporaryDirectory() as folder:
        draft = Path(folder) / file.name
        draft.write_text(text, encoding="utf-8")
        try:
            return load_registry([*others, draft])
        except CatalogError as error:
            raise _of_file(error, str(draft), str(file)) from error


def replace_file(file: Path, text: str) -> None:
    """Write a file as a whole: readers see the old content or the new one. Its permissions stay.

    Raises:
        CatalogError: it cannot be written.
    """
    target = file.resolve()
    try:
        handle, draft = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    except OSError as error:
        raise CatalogError(str(file), 0, "", f"cannot be written: {error.strerror}") from error
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        Path(draft).chmod(target.stat().st_mode & 0o7777 if target.exists() else 0o644)
        Path(draft).replace(target)
    except OSError as error:
        with suppress(OSError):
            Path(draft).unlink()
        raise CatalogError(str(file), 0, "", f"cannot be written: {error.strerror}") from error


def _of_file(error: CatalogError, draft: str, file: str) -> CatalogError:
    first, *others = [
        CatalogError(file if fault.file == draft else fault.file, fault.line, fault.key, fault.expected)
        for fault in error.faults
    ]
    return CatalogError(first.file, first.line, first.key, first.expected, others)
