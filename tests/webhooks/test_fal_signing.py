"""Webhooks in fal's form, verified as fal's documentation says. Pure."""

import base64
import hashlib
from datetime import UTC, datetime

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from imagegen.webhooks import fal_headers, jwks

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
NEW, OLD = b"n" * 24, b"o" * 24
BODY = '{"request_id": "01A", "payload": "Prüfung"}'


def verify(headers: dict[str, str], body: str, secret: bytes) -> None:
    (key,) = jwks([secret])["keys"]
    public = base64.urlsafe_b64decode(key["x"] + "=")
    lines = [
        headers["x-fal-webhook-request-id"],
        headers["x-fal-webhook-user-id"],
        headers["x-fal-webhook-timestamp"],
        hashlib.sha256(body.encode()).hexdigest(),
    ]
    signature = bytes.fromhex(headers["x-fal-webhook-signature"])
    Ed25519PublicKey.from_public_bytes(public).verify(signature, "\n".join(lines).encode())


def test_signature_is_that_of_the_newest_secret() -> None:
    headers = fal_headers([NEW, OLD], "01A", "user123", NOW, BODY)

    verify(headers, BODY, NEW)
    assert headers["x-fal-webhook-timestamp"] == "1795867200"


def test_changed_body_or_other_secret_does_not_verify() -> None:
    headers = fal_headers([NEW], "01A", "user123", NOW, BODY)

    with pytest.raises(InvalidSignature):
        verify(headers, BODY + " ", NEW)
    with pytest.raises(InvalidSignature):
        verify(headers, BODY, OLD)


def test_key_set_has_a_public_key_of_each_secret() -> None:
    keys = jwks([NEW, OLD])["keys"]

    assert [(key["kty"], key["crv"]) for key in keys] == [("OKP", "Ed25519")] * 2
    assert len({key["kid"] for key in keys}) == 2
    assert jwks([]) == {"keys": []}
