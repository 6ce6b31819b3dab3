"""fal's signature on webhooks: Ed25519, with a key pair created at each start."""

import base64
import hashlib
import time

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from imagegen.sandbox.endpoint_schemas import JsonObject

_PREFIX = "X-Fal-Webhook-"


class WebhookSigner:
    """Signs webhooks. A forger's key of the same kind, in no key set, is available for faults."""

    def __init__(self) -> None:
        self._key, self._forgers_key = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()

    def key_set(self) -> JsonObject:
        """The JSON Web Key Set with the public key; `x` is base64url without padding."""
        x = base64.urlsafe_b64encode(self._key.public_key().public_bytes_raw()).rstrip(b"=").decode()
        return {"keys": [{"kty": "OKP", "crv": "Ed25519", "use": "sig", "alg": "EdDSA", "x": x}]}

    def headers(self, request_id: str, user_id: str, body: bytes, *, forged: bool) -> dict[str, str]:
        """The four headers of a webhook sent now."""
        signed = (request_id, user_id, str(int(time.time())), hashlib.sha256(body).hexdigest())
        key = self._forgers_key if forged else self._key
        names = ("Request-Id", "User-Id", "Timestamp")
        return {
            **{f"{_PREFIX}{name}": value for name, value in zip(names, signed, strict=False)},
            f"{_PREFIX}Signature": key.sign("\n".join(signed).encode()).hex(),
        }
