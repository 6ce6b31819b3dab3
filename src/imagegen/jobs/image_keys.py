"""The keys of images in the bucket: pure.

An image of a job: `images/{userId}/{yyyy}/{mm}/{jobId}/{epoch}-{n}.{ext}`.
An image of the user's own: `inputs/{userId}/{sha256}.{ext}`.
"""

import hashlib
import re
import string
from datetime import UTC, datetime
from typing import Final

_PLAIN: Final = frozenset((string.ascii_letters + string.digits + "-_.@").encode())
_LONGEST: Final = 80
_INPUT_NAME: Final = re.compile("[0-9a-f]{64}\\.[a-z0-9]{3,4}")
_INPUT_SIGNATURE: Final = re.compile(rf'(/inputs/[^"/?\\]+/{_INPUT_NAME.pattern})\?[^"\s\\]*')


def image_prefix(user_id: str, created_at: datetime, job_id: str) -> str:
    """The prefix of the keys of a job's images; it ends with a slash."""
    month = created_at.astimezone(UTC)
    return f"images/{_folder(user_id)}/{month:%Y}/{month:%m}/{job_id}/"


def input_key(user_id: str, sha256: str, extension: str) -> str:
    """The key of a user's own image; the same image of the same user has the same key."""
    return f"inputs/{_folder(user_id)}/{sha256}.{extension}"


def input_key_in(path: str, user_id: str) -> str | None:
    """The key of this user's own image at the end of a URL's decoded path; None if there is none."""
    head, _, name = path.rpartition("/")
    folder = f"inputs/{_folder(user_id)}"
    return f"{folder}/{name}" if _INPUT_NAME.fullmatch(name) and head.endswith(f"/{folder}") else None


def unsigned(text: str) -> str:
    """A JSON text in which links to images of users' own have no query, where their signature is."""
    return _INPUT_SIGNATURE.sub(r"\1", text)


def _folder(user_id: str) -> str:
    """The folder name of a user, for any id; two ids never share a name.

    Letters, digits and `-_.@` stay; every other byte, and a leading dot, becomes `=XX` as in quoted-printable. A name
    longer than 80 characters is cut and gets `==` and a digest, which cannot occur otherwise.
    """
    encoded = user_id.encode(errors="surrogatepass")
    name = "".join(
        chr(byte) if byte in _PLAIN and (index or byte != ord(".")) else f"={byte:02X}"
        for index, byte in enumerate(encoded)
    )
    if name and len(name) <= _LONGEST:
        return name
    digest = hashlib.sha256(encoded).hexdigest()[:32]
    return f"{name[: _LONGEST - 34]}=={digest}"
