"""The data directory: whether the local servers can write there, and have room for it."""

import secrets
import shutil
from pathlib import Path
from typing import Final

from imagegen.errors import LocalServerError

_ENOUGH_SPACE: Final = 2**30


def make(directory: Path) -> None:
    """Make the directory, and write and remove a file there. Blocks: call it in a thread.

    Raises:
        LocalServerError: it cannot be made or written.
    """
    probe = directory / f".probe-{secrets.token_hex(4)}"
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        probe.touch()
        probe.unlink()
    except OSError as error:
        reason = "it is a file" if isinstance(error, FileExistsError) else error.strerror
        advice = "set IMAGEGEN_DATA_DIR to a directory that can"
        raise LocalServerError(f"{directory} cannot be written ({reason}): {advice}") from error


def shortage(directory: Path) -> str | None:
    """What is wrong if the disk is nearly full; None if there is room."""
    free = shutil.disk_usage(directory).free
    if free >= _ENOUGH_SPACE:
        return None
    return f"{directory} has {free >> 20} MiB left, and the local servers need {_ENOUGH_SPACE >> 20}: make room"
