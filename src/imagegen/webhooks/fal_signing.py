"""Signs deliveries as fal does, with keys of this service: Ed25519 over four lines, and the public keys as a JWKS.

The private keys are derived from WEBHOOK_SECRETS, so that every process has them and rotating the secrets rotates them.
Source: fal's documentation of webhooks.
"""

import base64
import hashlib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

_PURPOSE: Final = b"imagegen: webhooks in fal's form"
_SEED: Final = 32  # bytes


def fal_headers(secrets: Sequence[bytes], request_id: str, user: str, now: datetime, body: str) -> dict[str, str]:
    """The four headers of fal's webhooks, signed with the key of the newest secret.

    Args:
        secrets: the newest first.
        request_id: of the request that ended.
        user: whose request it is; any text without line ends.
        now: when it is sent.
        body: exactly as it is sent.
    """
    moment = str(int(now.astimezone(UTC).timestamp()))
    digest = hashlib.sha256(body.encode()).hexdigest()
    signed = f"{request_id}\n{user}\n{moment}\n{digest}".encode()
    return {
        "x-fal-webhook-request-id": request_id,
        "x-fal-webhook-user-id": user,
        "x-fal-webhook-timestamp": moment,
        "x-fal-webhook-signature": _private_key(secrets[0]).sign(signed).hex(),
    }


def jwks(secrets: Sequence[bytes]) -> Mapping[str, Sequence[Mapping[str, str]]]:
    """The public keys of all secrets, as a JSON Web Key Set (RFC 7517, RFC 8037)."""
    return {"keys": [_public_key(secret) for secret in secrets]}


def _public_key(secret: bytes) -> Mapping[str, str]:
    public = _private_key(secret).public_key().public_bytes_raw()
    named = hashlib.sha256(public).hexdigest()[:16]
    x = base64.urlsafe_b64encode(public).rstrip(b"=").decode()
    return {"kty": "OKP", "crv": "Ed25519", "use": "sig", "alg": "EdDSA", "kid": named, "x": x}


@lru_cache(maxsize=8)
def _private_key(secret: bytes) -> Ed25519PrivateKey:
    seed = HKDF(algorithm=SHA256(), length=_SEED, salt=None, info=_PURPOSE).derive(secret)
    return Ed25519PrivateKey.from_private_bytes(seed)
