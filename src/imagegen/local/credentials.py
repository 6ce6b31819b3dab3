"""The credentials that the local servers ask of every caller.

They are made at the first start on a data directory and kept there, readable for this user only.
"""

import os
from collections.abc import Callable
from pathlib import Path

USER = "imagegen"
_FOR_THIS_USER_ONLY = 0o600


def kept(file: Path, make: Callable[[], str]) -> str:
    """Give what a file of secrets holds; make it where there is none yet."""
    if not file.exists():
        write_secret(file, make().encode())
    file.chmod(_FOR_THIS_USER_ONLY)
    return file.read_text(encoding="utf-8")


def write_secret(file: Path, content: bytes) -> None:
    """Write a file that only this user may read, whole or not at all."""
    draft = file.with_name(f"{file.name}.draft")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _FOR_THIS_USER_ONLY), "wb") as out:
        out.write(content)
    draft.replace(file)
