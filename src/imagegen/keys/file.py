"""The file that keeps the keys: read again when it changes, replaced whole, for its owner's eyes only."""

import asyncio
import logging
import os
from collections.abc import Callable
from pathlib import Path
from time import monotonic
from typing import Final

from pydantic import ValidationError

from imagegen.errors import KeysFileError
from imagegen.keys.tokens import KeyRing

_LOOK_EVERY: Final = 1.0
_log = logging.getLogger("imagegen.keys")
_Stamp = tuple[int, int, int]
_NO_STAMP: Final = (0, 0, 0)


class KeysFile:
    """The keys as the file has them now, or had them a second ago.

    A file that cannot be read leaves the keys as they were, and is logged; one that is gone lets nobody in.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._ring = KeyRing()
        self._stamp: _Stamp = _NO_STAMP
        self._looked_at = float("-inf")
        self._looking = asyncio.Lock()

    async def ring(self) -> KeyRing:
        """The keys. Files are touched in a thread, once a second at most."""
        if monotonic() - self._looked_at > _LOOK_EVERY:
            async with self._looking:
                if monotonic() - self._looked_at > _LOOK_EVERY:
                    await asyncio.to_thread(self._look)
                    self._looked_at = monotonic()
        return self._ring

    def _look(self) -> None:
        stamp = _stamp(self._path)
        if stamp == self._stamp:
            return
        try:
            self._ring = read_keys(self._path) if stamp != _NO_STAMP else KeyRing()
        except KeysFileError as error:
            _log.error("%s; the keys stay as they were", error)
        if stamp == _NO_STAMP:
            _log.error("%s is gone: no key is valid", self._path)
        self._stamp = stamp


def read_keys(path: Path) -> KeyRing:
    """Read the file.

    Raises:
        KeysFileError: there is none, or it is not what `imagegen keys` writes.
    """
    try:
        return KeyRing.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        raise KeysFileError(f"there is no {path}: `imagegen keys add NAME` makes it") from None
    except OSError as error:
        raise KeysFileError(f"{path} cannot be read: {error.strerror}") from None
    except ValidationError as error:
        fault = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in fault["loc"]) or "the file"
        raise KeysFileError(f"{path} is no list of keys: {place}: {fault['msg']}") from None


def changing(path: Path, change: Callable[[KeyRing], KeyRing]) -> None:
    """Replace the file by a changed one, whole or not at all, readable by its owner only.

    The draft keeps a second change from beginning before the first one is done.

    Raises:
        KeysFileError: the file is broken, cannot be written, or is being changed.
    """
    draft = path.with_name(f"{path.name}.draft")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise KeysFileError(f"{path} is being changed: try again, or remove {draft} if nobody does") from None
    except OSError as error:
        raise KeysFileError(f"{draft} cannot be written: {error.strerror}") from None
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as out:
            ring = change(read_keys(path) if path.exists() else KeyRing())
            out.write(ring.model_dump_json(indent=2, by_alias=True) + "\n")
            out.flush()
            os.fsync(out.fileno())
        draft.replace(path)
    except OSError as error:
        raise KeysFileError(f"{path} cannot be written: {error.strerror}") from None
    finally:
        draft.unlink(missing_ok=True)


def _stamp(path: Path) -> _Stamp:
    """What changes with the file; zeros if there is none. A file that cannot be looked at counts as there."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return _NO_STAMP
    except OSError as error:
        return (error.errno or 1, 0, 0)
    return (found.st_mtime_ns, found.st_size, found.st_ino)
