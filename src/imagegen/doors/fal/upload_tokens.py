"""Tokens of uploads: the bytes of an upload come without an API key, from browsers too. Pure.

A token is bound to its user and, from JavaScript, to one object; it is signed, and short-lived.
"""

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

_PREFIX: Final = "igup_"


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadGrant:
    """The right to store an image.

    Attributes:
        user_id: the user that the image will belong to.
        key: of the object in the bucket; None if it follows from the bytes.
        until: when it ends.
    """

    user_id: str
    key: str | None
    until: datetime


class UploadTokens:
    """Makes and reads tokens. `secret` is one that all processes of the service share."""

    def __init__(self, secret: bytes) -> None:
        self._key = secret

    def make(self, grant: UploadGrant) -> str:
        """The token of a grant."""
        content = json.dumps([grant.user_id, grant.key, int(grant.until.timestamp())]).encode()
        return f"{_PREFIX}{_encoded(content)}.{_encoded(self._signature(content))}"

    def read(self, token: str, now: datetime) -> UploadGrant | None:
        """The grant of a token; None if it is not one, or has ended."""
        try:
            content, signature = (_decoded(part) for part in token.removeprefix(_PREFIX).split("."))
        except ValueError:
            return None
        if not hmac.compare_digest(signature, self._signature(content)):
            return None
        user_id, key, until = json.loads(content)
        ends = datetime.fromtimestamp(until, now.tzinfo)
        return UploadGrant(user_id=user_id, key=key, until=ends) if now < ends else None

    def _signature(self, content: bytes) -> bytes:
        return hmac.digest(self._key, content, hashlib.sha256)


def token_in(headers: Mapping[str, str]) -> str:
    """The token in the header `Authorization`; empty if there is none."""
    scheme, _, token = headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def is_upload_token(token: str) -> bool:
    """Whether a text is meant to be a token of an upload."""
    return token.startswith(_PREFIX)


def _encoded(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def _decoded(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
