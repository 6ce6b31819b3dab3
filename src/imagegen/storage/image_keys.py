"""Where a job's pictures lie in the bucket: `images/{userId}/{yyyy}/{mm}/{jobId}/{epoch}-{n}.{ext}`."""

import hashlib
import string
from datetime import UTC, datetime
from typing import Final

_PLAIN: Final = frozenset((string.ascii_letters + string.digits + "-_.@").encode())
_LONGEST: Final = 80


def image_key_stem(user_id: str, created_at: datetime, job_id: str) -> str:
    """The folder of a job's pictures, without a slash at its end."""
    month = created_at.astimezone(UTC)
    return f"images/{_folder(user_id)}/{month:%Y}/{month:%m}/{job_id}"


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
