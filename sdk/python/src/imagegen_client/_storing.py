"""Files of images."""

import os
import tempfile
from pathlib import Path

_SUFFIXES = {"image/jpeg": ".jpg", "image/svg+xml": ".svg", "application/octet-stream": ".bin"}


def file_name(path: str, content_type: str) -> str:
    """A name for an image: its job's id and its number."""
    job_id, _, number = path.removeprefix("/api/images/").partition("/")
    return f"{job_id}-{number}{_SUFFIXES.get(content_type, '.' + content_type.rpartition('/')[2])}"


def write(target: Path, data: bytes) -> None:
    """Write a file that is there as a whole or not at all."""
    try:
        handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}-")
    except OSError as error:  # about the file that was asked for
        raise OSError(error.errno, error.strerror, str(target)) from None
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        mask = os.umask(0)
        os.umask(mask)
        Path(name).chmod(0o666 & ~mask)
        Path(name).replace(target)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
