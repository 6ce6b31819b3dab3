"""How many files and connections a process may have open at once: raised as far as its user may raise it."""

import logging
import sys
from typing import Final

_PLENTY: Final = 65_536
_WITHOUT_A_LIMIT: Final = 1_152
_log = logging.getLogger("imagegen")


def allow_open_files(wanted: int) -> int:
    """Raise the process's own limit (`ulimit -n`) up to that of its user, and warn if it is below what is wanted.

    A shell's usual limit of 1,024 is too low for a thousand jobs in flight.

    Returns:
        How many may be open from now on.
    """
    if sys.platform == "win32":
        return _WITHOUT_A_LIMIT
    allowed = _raised()
    if allowed < wanted:
        _log.warning(
            "IMAGEGEN_CONCURRENCY wants %d open files and connections, and this process may have %d: raise the hard "
            "limit (`ulimit -Hn`, or LimitNOFILE of its service)",
            wanted,
            allowed,
        )
    return allowed


def _raised() -> int:
    import resource  # noqa: PLC0415 - Windows has no such module, and no such limit to ask for

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return _PLENTY
    most = _PLENTY if hard == resource.RLIM_INFINITY else min(hard, _PLENTY)
    if soft >= most:
        return soft
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
    except (OSError, ValueError):  # macOS says that there is no limit, and has one
        return soft
    return most
