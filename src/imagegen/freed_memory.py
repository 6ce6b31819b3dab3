"""Large blocks of memory go back to the system as soon as they are freed."""

import ctypes
import sys
from contextlib import suppress
from typing import Final

_M_MMAP_THRESHOLD: Final = -3
_LARGE: Final = 2**20


def return_freed_memory() -> None:
    """Have glibc map each block of a mebibyte or more on its own, always.

    Once a mapped block is freed, glibc by itself raises the bound to that block's size. Request bodies of twenty
    megabytes then come from its heaps, which stay a hundred megabytes larger. Other C libraries are left as they are.
    """
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):  # musl has no mallopt
            ctypes.CDLL(None).mallopt(_M_MMAP_THRESHOLD, _LARGE)
