"""The limit on open files and connections of a process, raised as far as its user may raise it."""

import logging
import sys
from typing import Final

_UNLIMITED: Final = 65_536  # what counts as no limit
_WINDOWS: Final = 1_152
_log = logging.getLogger("imagegen")


def raise_file_limit(wanted: int) -> int:
    """Raise the process's soft limit (`ulimit -n`) to its hard limit, and warn if that is below `wanted`.

    A shell's usual limit of 1,024 is too low for a thousand jobs in flight.

    Returns:
        How many files and connections may be open from now on.
    """
    if sys.platform == "win32":
        return _WINDOWS
    allowed = _raise_soft_limit()
    if allowed < wanted:
        _log.warning(
            "IMAGEGEN_CONCURRENCY needs %d open files and connections, and this process may have %d: raise the hard "
            "limit (`ulimit -Hn`, or LimitNOFILE of its service)",
            wanted,
            allowed,
        )
    return allowed


def _raise_soft_limit() -> int:
    import resource  # noqa: PLC0415 - Windows has no such module, and no such limit

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return _UNLIMITED
    most = _UNLIMITED if hard == resource.RLIM_INFINITY else min(hard, _UNLIMITED)
    if soft >= most:
        return soft
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
    except (OSError, ValueError):  # macOS reports no limit, and has one
        return soft
    return most
