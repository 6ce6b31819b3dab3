"""Signs by Standard Webhooks: HMAC-SHA256 over `id.timestamp.body`, with one signature for each secret."""

import base64
import binascii
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

from standardwebhooks import Webhook

_PREFIX: Final = "whsec_"
_SHORTEST, _LONGEST = 24, 64  # bytes, as the specification requires
_MOST: Final = 2
_EXPECTED: Final = (
    "expected one secret, or two while you change it, separated by a comma; "
    "each is whsec_ and 24 to 64 random bytes in base64"
)


def read_secrets(text: str) -> tuple[bytes, ...]:
    """The keys in a list of secrets: the newest, then the one that receivers may still verify with.

    Raises:
        ValueError: the text says what is expected and does not repeat the secrets.
    """
    keys = tuple(_key(part.strip()) for part in text.split(","))
    if len(keys) > _MOST or len(set(keys)) < len(keys):
        raise ValueError(_EXPECTED)
    return keys


def _key(secret: str) -> bytes:
    encoded = secret.removeprefix(_PREFIX)
    try:
        key = base64.b64decode(encoded + "=" * (-len(encoded) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise ValueError(_EXPECTED) from None
    if encoded == secret or not _SHORTEST <= len(key) <= _LONGEST:
        raise ValueError(_EXPECTED)
    return key


def headers(keys: Sequence[bytes], webhook_id: str, now: datetime, body: str) -> dict[str, str]:
    """The three headers that let a receiver verify the sender, identify the message and detect replays."""
    moment = now.astimezone(UTC)  # the library treats every time as UTC
    return {
        "webhook-id": webhook_id,
        "webhook-timestamp": str(int(moment.timestamp())),
        "webhook-signature": " ".join(Webhook(key).sign(webhook_id, moment, body) for key in keys),
    }
