"""Transfers the requests of one key to another, for a local key that is replaced."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Final

from imagegen.sandbox.responses import owner_of

REQUESTS_FILE: Final = "requests.sqlite3"


def transfer_ownership(data: Path, before: str, after: str) -> None:
    """Transfer all requests of one key to another. No sandbox may run on the data at the same time.

    Args:
        data: the sandbox's directory; nothing happens if it has no requests yet.
        before: the current owner's key.
        after: the new owner's key.
    """
    if not (file := data / REQUESTS_FILE).exists():
        return
    owners = (owner_of(after), owner_of(before))
    with closing(sqlite3.connect(file, isolation_level=None)) as database:
        database.execute("UPDATE requests SET owner = ? WHERE owner = ?", owners)
        database.execute("UPDATE refusals SET owner = ? WHERE owner = ?", owners)
