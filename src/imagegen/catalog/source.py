"""Where a catalog comes from, and one that was loaded."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Final

from pydantic import JsonValue

import imagegen.registry
from imagegen.clock import now
from imagegen.registry import Registry, load_registry
from imagegen.registry.documents import read_document
from imagegen.settings import ServiceSettings

_PACKAGE: Final = Path(imagegen.registry.__file__).parent
_UNREADABLE: Final = b"\0unreadable"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Catalog:
    """The models as they were loaded.

    Attributes:
        registry: the models.
        sha256: of the built-in entries, the contents of the user's files in their order, and the settings that choose
            models; in hexadecimal. Processes with equal ones have the same models.
        loaded_at: when it was loaded, in UTC.
        entries: the user's entries as written, by the model's name.
    """

    registry: Registry
    sha256: str
    loaded_at: datetime
    entries: Mapping[str, JsonValue]


@dataclass(frozen=True, slots=True)
class CatalogSource:
    """Where the catalog of a process comes from. The environment fixes it at the start.

    Attributes:
        files: the user's; later ones override earlier ones.
        offered: globs of the names of the models that are offered; empty: all.
    """

    files: tuple[Path, ...] = ()
    offered: tuple[str, ...] = ()

    @classmethod
    def of(cls, settings: ServiceSettings) -> "CatalogSource":
        """The files and the models that the settings name."""
        return cls(settings.catalog_files, settings.offered_models)

    def load(self) -> Catalog:
        """Read the files and build every model. Blocks for up to some seconds.

        Raises:
            CatalogError: with file, line and key of every fault.
            SettingsError: IMAGEGEN_MODELS names no model of these files.
        """
        while True:
            sha256 = self.sha256()
            registry, entries = load_registry(self.files, self.offered), _entries_of(self.files)
            if self.sha256() == sha256:  # no file has changed meanwhile
                return Catalog(registry=registry, sha256=sha256, loaded_at=now(), entries=entries)

    def with_models(self, registry: Registry) -> Catalog:
        """A catalog of models that were made otherwise, as if they came from these files."""
        return Catalog(registry=registry, sha256=self.sha256(), loaded_at=now(), entries={})

    def sha256(self) -> str:
        """What the `sha256` of a catalog would be that is loaded now. Blocks while it reads the files."""
        digest = hashlib.sha256(_built_in_sha256())
        for part in (json.dumps(self.offered).encode(), *map(_content, self.files)):
            digest.update(b"%d:" % len(part) + part)
        return digest.hexdigest()


def _entries_of(files: Sequence[Path]) -> Mapping[str, JsonValue]:
    return {name: entry for file in files for name, entry in read_document(file).value.items()}


def _content(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError:
        return _UNREADABLE  # loading it says why


@cache
def _built_in_sha256() -> bytes:
    """Of the package's own files, which a process reads once."""
    return hashlib.sha256(b"".join(_built_in())).digest()


def _built_in() -> Iterator[bytes]:
    for file in sorted(_PACKAGE.rglob("*.yaml")):
        yield f"{file.relative_to(_PACKAGE)}\0".encode()
        yield hashlib.sha256(file.read_bytes()).digest()
