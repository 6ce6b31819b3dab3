"""Where pictures lie in the bucket.

A job's: `images/{userId}/{yyyy}/{mm}/{jobId}/{epoch}-{n}.{ext}`. A caller's own: `inputs/{userId}/{sha256}.{ext}`.
"""

import hashlib
import re
import string
from datetime import UTC, datetime
from typing import Final

_PLAIN: Final = frozenset((string.ascii_letters + string.digits + "-_.@").encode())
_LONGEST: Final = 80
_INPUT_NAME: Final = re.compile("[0-9a-f]{64}\\.[a-z0-9]{3,4}")


def image_key_stem(user_id: str, created_at: datetime, job_id: str) -> str:
    """The folder of a job's pictures, without a slash at its end."""
    month = created_at.astimezone(UTC)
    return f"images/{_folder(user_id)}/{month:%Y}/{month:%m}/{job_id}"


def input_key(user_id: str, sha256: str, extension: str) -> str:
    """The key of a user's own picture; the same picture of the same user has the same key."""
    return f"inputs/{_folder(user_id)}/{sha256}.{extension}"


def input_key_in(path: str, user_id: str) -> str | None:
    """The key of this user's own picture with which a URL's decoded path ends; None if it ends otherwise."""
    head, _, name = path.rpartition("/")
    folder = f"inputs/{_folder(user_id)}"
    return f"{folder}/{name}" if _INPUT_NAME.fullmatch(name) and head.endswith(f"/{folder}") else None


def _folder(user_id: str) -> str:
    """One folder name for one user, whatever the id holds; two ids never share a name.

    Letters, digits and `-_.@` stay; every other byte, and a leading dot, becomes `=XX` as in quoted-printable. A name
    longer than 80 characters is cut and gets `==` and a digest: `==` cannot occur otherwise.
    """
    encoded = user_id.encode(errors="surrogatepass")
    name = "".join(
        chr(byte) if byte in _PLAIN and (place or byte != ord(".")) else f"={byte:02X}"
        for place, byte in enumerate(encoded)
    )
    if name and len(name) <= _LONGEST:
        return name
    digest = hashlib.sha256(encoded).hexdigest()[:32]
    return f"{name[: _LONGEST - 34]}=={digest}"
