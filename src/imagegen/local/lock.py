"""One stack per data directory: who holds it, and whether the servers of an earlier stack are gone.

Two locked files. `lock` belongs to the process that runs the stack, so whether it is locked says whether a stack runs.
`servers.lock` is inherited by every server too: after a `kill -9` of the stack it stays locked until the last of them
is gone, for a few seconds, and only then are their ports and data free.
"""

import contextlib
import fcntl
import os
import time
from collections.abc import Generator
from pathlib import Path

from imagegen.errors import LocalServerError

_OWNER, _SERVERS = "lock", "servers.lock"
_OWNER_PATIENCE = 0.3  # seconds; a worker that asks `is_held` has the lock for a moment
_SERVERS_PATIENCE = 15.0  # seconds; the watchers take three


@contextlib.contextmanager
def held(directory: Path) -> Generator[int, None, None]:
    """Hold the data directory; the value is the descriptor that every server is to inherit. Blocks: not for the loop.

    Raises:
        LocalServerError: another stack holds it, or servers of an earlier one do not end.
    """
    with _opened(directory / _OWNER) as owner, _opened(directory / _SERVERS) as servers:
        if not _locked(owner, _OWNER_PATIENCE):
            holder = os.pread(owner, 20, 0).decode().strip() or "unknown"
            raise LocalServerError(
                f"Another imagegen (process {holder}) already runs its local servers in {directory}. "
                "Stop it, or give this one another directory in IMAGEGEN_DATA_DIR."
            )
        if not _locked(servers, _SERVERS_PATIENCE):
            raise LocalServerError(
                f"Servers of an imagegen that is gone still run in {directory}: end these processes first."
            )
        os.ftruncate(owner, 0)
        os.pwrite(owner, f"{os.getpid()}\n".encode(), 0)
        yield servers


def is_held(directory: Path) -> bool:
    """Say whether a stack runs in the data directory."""
    if not (directory / _OWNER).exists():
        return False
    with _opened(directory / _OWNER) as owner:
        return not _locked(owner, 0, fcntl.LOCK_SH)


@contextlib.contextmanager
def _opened(path: Path) -> Generator[int, None, None]:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _locked(descriptor: int, patience: float, kind: int = fcntl.LOCK_EX) -> bool:
    """Try to lock for `patience` seconds; the lock goes when the last copy of the descriptor is closed."""
    deadline = time.monotonic() + patience
    while True:
        with contextlib.suppress(BlockingIOError):
            fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
            return True
        if time.monotonic() >= deadline:
            return False
        time.sleep(0.05)
