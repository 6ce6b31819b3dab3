"""How many status streams a process may hold open at once."""

from typing import Final

# Files, log, NATS, MongoDB, S3 and the listening sockets, with room to spare.
_RESERVED: Final = 128
# A job in flight may hold four: its stream, its waiting caller, an image's download and its upload.
_PER_JOB: Final = 4
_MAX_STREAMS: Final = 4096


def required_open_files(jobs: int) -> int:
    """How many files and connections must be allowed for this many jobs in flight."""
    return _RESERVED + _PER_JOB * jobs


def max_streams(open_files: int) -> int:
    """How many status streams fit within a limit on open files; 0 if none."""
    return min(max(0, open_files - _RESERVED) // _PER_JOB, _MAX_STREAMS)
