"""Locks that allow one stack for each data directory, and wait until the servers of an earlier stack are gone.

There are two lock files. `lock` belongs to the process that runs the stack: it is locked while a stack runs.
`servers.lock` is also inherited by every server: after a `kill -9` of the stack it stays locked for a few seconds,
until the last server has ended. Only then are their ports and data free.
"""

import contextlib
import fcntl
import os
import time
from collections.abc import Generator
from pathlib import Path

from imagegen.errors import LocalServerError

_OWNER, _SERVERS = "lock", "servers.lock"
_OWNER_PATIENCE = 0.3  # seconds; a worker that calls `is_held` has the lock for a moment
_SERVERS_PATIENCE = 15.0  # seconds; the watchers need three


@contextlib.contextmanager
def hold(directory: Path) -> Generator[int, None, None]:
    """Hold the data directory. Yields the descriptor that every server inherits. Blocks: call it in a thread.

    Raises:
        LocalServerError: another stack holds it, or servers of an earlier one do not end.
    """
    with _open_lock(directory / _OWNER) as owner, _open_lock(directory / _SERVERS) as servers:
        if not _try_lock(owner, _OWNER_PATIENCE):
            holder = os.pread(owner, 20, 0).decode().strip() or "unknown"
            raise LocalServerError(
                f"Another imagegen (process {holder}) already runs its local servers in {directory}. "
                "Stop it, or give this one another directory in IMAGEGEN_DATA_DIR."
            )
        if not _try_lock(servers, _SERVERS_PATIENCE):
            raise LocalServerError(
                f"Servers of an earlier imagegen still run in {directory}: end these processes first."
            )
        os.ftruncate(owner, 0)
        os.pwrite(owner, f"{os.getpid()}\n".encode(), 0)
        yield servers


def is_held(directory: Path) -> bool:
    """Whether a stack runs in the data directory."""
    if not (directory / _OWNER).exists():
        return False
    with _open_lock(directory / _OWNER) as owner:
        return not _try_lock(owner, 0, fcntl.LOCK_SH)


@contextlib.contextmanager
def _open_lock(path: Path) -> Generator[int, None, None]:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _try_lock(descriptor: int, patience: float, kind: int = fcntl.LOCK_EX) -> bool:
    """Try to lock for `patience` seconds. The lock ends when the last copy of the descriptor is closed."""
    deadline = time.monotonic() + patience
    while True:
        with contextlib.suppress(BlockingIOError):
            fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
            return True
        if time.monotonic() >= deadline:
            return False
        time.sleep(0.05)
