"""The file of API keys: reloaded when it changes, replaced atomically, readable by its owner only."""

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

_CHECK_INTERVAL: Final = 1.0  # seconds
_log = logging.getLogger("imagegen.keys")
_Stamp = tuple[int, int, int]
_NO_STAMP: Final = (0, 0, 0)


class KeysFile:
    """The keys in the file, at most a second old.

    If the file cannot be read, the keys stay as they were and an error is logged. If it is deleted, no key is valid.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._ring = KeyRing()
        self._stamp: _Stamp = _NO_STAMP
        self._checked_at = float("-inf")
        self._check_lock = asyncio.Lock()

    async def ring(self) -> KeyRing:
        """The current keys. The file is checked in a thread, at most once a second."""
        if monotonic() - self._checked_at > _CHECK_INTERVAL:
            async with self._check_lock:
                if monotonic() - self._checked_at > _CHECK_INTERVAL:
                    await asyncio.to_thread(self._reload)
                    self._checked_at = monotonic()
        return self._ring

    def _reload(self) -> None:
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
        KeysFileError: it does not exist, or was not written by `imagegen keys`.
    """
    try:
        return KeyRing.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        raise KeysFileError(f"{path} does not exist: `imagegen keys add NAME` creates it") from None
    except OSError as error:
        raise KeysFileError(f"{path} cannot be read: {error.strerror}") from None
    except ValidationError as error:
        fault = error.errors(include_url=False, include_input=False)[0]
        location = ".".join(str(part) for part in fault["loc"]) or "the file"
        raise KeysFileError(f"{path} is not a list of keys: {location}: {fault['msg']}") from None


def change_keys(path: Path, change: Callable[[KeyRing], KeyRing]) -> None:
    """Change the file atomically; it is readable by its owner only.

    While the draft exists, no other change can begin.

    Raises:
        KeysFileError: the file is broken, cannot be written, or is being changed.
    """
    draft = path.with_name(f"{path.name}.draft")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise KeysFileError(
            f"{path} is being changed: try again, or remove {draft} if no other command is running"
        ) from None
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
    """What changes with the file: modification time, size, inode. Zeros: no file. Another error gives its number."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return _NO_STAMP
    except OSError as error:
        return (error.errno or 1, 0, 0)
    return (found.st_mtime_ns, found.st_size, found.st_ino)
