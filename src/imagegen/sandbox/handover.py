"""Gives what one key owns to another key: for a local key that is replaced."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Final

from imagegen.sandbox.answers import owner_of

REQUESTS_FILE: Final = "requests.sqlite3"


def hand_over(data: Path, before: str, after: str) -> None:
    """Give all requests of one key to another; no sandbox may run on the data meanwhile.

    Args:
        data: the sandbox's folder; nothing happens where it has no requests yet.
        before: the key that owned them.
        after: the key that owns them from now on.
    """
    if not (file := data / REQUESTS_FILE).exists():
        return
    owners = (owner_of(after), owner_of(before))
    with closing(sqlite3.connect(file, isolation_level=None)) as database:
        database.execute("UPDATE requests SET owner = ? WHERE owner = ?", owners)
        database.execute("UPDATE refusals SET owner = ? WHERE owner = ?", owners)
