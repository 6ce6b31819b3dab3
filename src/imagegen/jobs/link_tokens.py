"""Links to images that need no API key: pure.

A token is 52 characters of base64url, which encode 39 bytes: the version (1), the job's id (16), the number of the
image (2), when the link ends in seconds since 1970, or 0 for never (4), and the first half of an HMAC-SHA256 over all
of these (16).
"""

import base64
import hashlib
import hmac
import re
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from ulid import ULID

LONGEST_LIFE: Final = timedelta(days=3650)
_VERSION: Final = 1
_CONTENT: Final = struct.Struct(">B16sHI")
_MAC_BYTES: Final = 16
_TOKEN: Final = re.compile("[A-Za-z0-9_-]{52}")
_PURPOSE: Final = b"imagegen image link\0"  # a signature of anything else by the same secret is no token
_STEPS: Final = 8
_SECRET: Final = re.compile(r"[!-+\-.-~]{32,128}")  # printable ASCII without a space or a comma
_MOST_SECRETS: Final = 4
_EXPECTED: Final = (
    "expected one secret, or up to four while you change it, separated by commas; each has 32 to 128 letters, digits "
    "or signs"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageLink:
    """What a token says.

    Attributes:
        job_id: the job's.
        number: the image's position in the job's images, from 0.
        ends_at: when the link ends; None for never.
    """

    job_id: str
    number: int
    ends_at: datetime | None

    def has_ended(self, now: datetime) -> bool:
        """Whether its time is over."""
        return self.ends_at is not None and now >= self.ends_at


def end_of_link(now: datetime, life: timedelta | None) -> datetime | None:
    """When a link that is made now ends: after `life`, or up to an eighth of it later; None for never.

    Links that are made soon after each other end at the same moment, so they are equal: a browser that has the image of
    one does not fetch it again for the other.
    """
    if life is None:
        return None
    step = max(1, int(life.total_seconds()) // _STEPS)
    seconds = int((now + life).timestamp())
    return datetime.fromtimestamp(-(-seconds // step) * step, UTC)


def make_token(link: ImageLink, secret: bytes) -> str:
    """The token of a link."""
    seconds = int(link.ends_at.timestamp()) if link.ends_at else 0
    content = _CONTENT.pack(_VERSION, ULID.from_str(link.job_id).bytes, link.number, seconds)
    return base64.urlsafe_b64encode(content + _mac(content, secret)).decode()


def read_token(token: str, secrets: Iterable[bytes]) -> ImageLink | None:
    """The link of a token, ended or not; None if none of the secrets signed it."""
    if _TOKEN.fullmatch(token) is None:
        return None
    signed = base64.urlsafe_b64decode(token)
    content, mac = signed[: _CONTENT.size], signed[_CONTENT.size :]
    if not any(hmac.compare_digest(_mac(content, secret), mac) for secret in secrets):
        return None
    version, job_id, number, seconds = _CONTENT.unpack(content)
    if version != _VERSION:
        return None
    ends_at = datetime.fromtimestamp(seconds, UTC) if seconds else None
    return ImageLink(job_id=str(ULID.from_bytes(job_id)), number=number, ends_at=ends_at)


def read_link_secrets(text: str) -> Sequence[bytes]:
    """The secrets in a list of them: the one that signs, then those that are accepted too.

    Raises:
        ValueError: the text says what is expected and does not repeat the secrets.
    """
    secrets = [part.strip() for part in text.split(",")]
    if len(secrets) > _MOST_SECRETS or len(set(secrets)) < len(secrets) or not all(map(_SECRET.fullmatch, secrets)):
        raise ValueError(_EXPECTED)
    return [secret.encode() for secret in secrets]


def _mac(content: bytes, secret: bytes) -> bytes:
    return hmac.digest(secret, _PURPOSE + content, hashlib.sha256)[:_MAC_BYTES]
