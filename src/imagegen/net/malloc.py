"""Settings of glibc's allocator that keep the memory of a long-lived process low."""

import ctypes
import sys
from contextlib import suppress
from typing import Final

_M_MMAP_THRESHOLD: Final = -3
_M_ARENA_MAX: Final = -8
_LARGE: Final = 2**20


def return_freed_memory_to_system() -> None:
    """Make glibc map every block of a mebibyte or more on its own, and keep one heap for all threads.

    By default glibc raises this threshold to the size of each mapped block that is freed. Request bodies of twenty
    megabytes then come from its heaps, which stay a hundred megabytes larger. And each thread gets a heap of its own,
    although threads that run Python hardly ever allocate at the same time. Other C libraries are left unchanged.
    """
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):  # musl has no mallopt
            mallopt = ctypes.CDLL(None).mallopt
            mallopt(_M_MMAP_THRESHOLD, _LARGE)
            mallopt(_M_ARENA_MAX, 1)
