"""The credentials that the local servers require of every caller.

They are created at the first start in a data directory and kept there, readable by this user only.
"""

import os
from collections.abc import Callable
from pathlib import Path

USER = "imagegen"
_OWNER_ONLY = 0o600


def load_or_create(file: Path, make: Callable[[], str]) -> str:
    """The content of a file of secrets, which is created if it does not exist."""
    if not file.exists():
        write_secret(file, make().encode())
    file.chmod(_OWNER_ONLY)
    return file.read_text(encoding="utf-8")


def write_secret(file: Path, content: bytes) -> None:
    """Write a file atomically, readable by this user only."""
    draft = file.with_name(f"{file.name}.draft")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _OWNER_ONLY), "wb") as out:
        out.write(content)
    draft.replace(file)
