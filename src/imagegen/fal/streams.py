"""How many status streams a process may hold open at once."""

from collections.abc import Generator
from contextlib import contextmanager
from typing import Final

# Files, log, NATS, MongoDB, S3 and the listening sockets, with room to spare.
_RESERVED: Final = 128
# A job in flight may hold four: its stream, the caller who waits for it, a picture's download and its upload.
_PER_JOB: Final = 4
_MOST: Final = 4096


def files_for(jobs: int) -> int:
    """How many files and connections may be open at once with so many jobs in flight."""
    return _RESERVED + _PER_JOB * jobs


def streams_within(open_files: int) -> int:
    """How many streams a limit of so many open files leaves room for; 0 if none."""
    return min(max(0, open_files - _RESERVED) // _PER_JOB, _MOST)


class StreamSlots:
    """Counts the streams that are open; who finds none free polls instead of waiting for one."""

    def __init__(self, most: int) -> None:
        self._most, self._taken = most, 0

    @contextmanager
    def one(self) -> Generator[bool]:
        """Take a slot for the length of the block; False if none is free."""
        is_free = self._taken < self._most
        self._taken += is_free
        try:
            yield is_free
        finally:
            self._taken -= is_free
