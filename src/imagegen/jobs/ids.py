"""Job ids. They are ULIDs, which sort by time, so a range of time is a range of ids."""

import re
from datetime import datetime

from ulid import ULID

JOB_ID_PATTERN = "[0-7][0-9A-HJKMNP-TV-Z]{25}"
_JOB_ID = re.compile(JOB_ID_PATTERN)


def new_job_id(now: datetime) -> str:
    """Make a ULID: 26 characters that sort by time."""
    return str(ULID.from_datetime(now))


def first_job_id_at(moment: datetime) -> str:
    """The smallest possible id of a job created at `moment`, to the millisecond: a bound for a range of ids.

    ULIDs start in 1970; every earlier moment has the smallest ULID.
    """
    milliseconds = max(0, int(moment.timestamp() * 1000))
    return str(ULID.from_bytes(milliseconds.to_bytes(6, "big") + bytes(10)))


def is_job_id(text: str) -> bool:
    """Whether the text has the form of a job id."""
    return _JOB_ID.fullmatch(text) is not None
