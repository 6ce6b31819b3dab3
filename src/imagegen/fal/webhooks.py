"""fal's webhooks: verifying their signature, and reading which request ended.

fal signs with ED25519 over the request id, the user id, the time and the SHA-256 of the raw body, joined by newlines;
its public keys are a JSON Web Key Set (https://fal.ai/docs/documentation/model-apis/inference/webhooks).
"""

import asyncio
import base64
import binascii
import hashlib
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from http import HTTPStatus
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from pydantic import BaseModel, TypeAdapter, ValidationError
from yarl import URL

from imagegen.errors import WebhookRefused
from imagegen.fal.responses import Lenient, RequestId, read_json
from imagegen.fal.sender import NETWORK_FAILURES
from imagegen.net.http import MAX_ERROR_BYTES, Request, Sender, client_timeout, fetch
from imagegen.settings import FalSettings

_PREFIX: Final = "x-fal-webhook-"
_SIGNED: Final = ("request-id", "user-id", "timestamp")
_WINDOW_SECONDS: Final = 300  # as fal advises
_LONGEST_KEPT: Final = timedelta(hours=24)  # as fal advises
_FETCH_LIMIT: Final = timedelta(seconds=10)
_REQUEST_ID: Final[TypeAdapter[str]] = TypeAdapter(RequestId)


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookHint:
    """A verified webhook: this request ended. Any customer of fal can cause one, so it does not count as a result.

    Attributes:
        request_id: as signed.
        gateway_request_id: the id of fal's first attempt if it made several; else the same.
        ok: whether fal reports a success.
    """

    request_id: str
    gateway_request_id: str
    ok: bool


class _Key(BaseModel):
    kty: str
    crv: str
    x: str


class _KeySet(BaseModel):
    keys: list[Lenient[_Key]]


class _Body(BaseModel):
    request_id: str
    gateway_request_id: Lenient[str] = None
    status: Lenient[str] = None


class WebhookVerifier:
    """Verifies webhooks with fal's public keys, which are fetched when the first webhook arrives.

    Args:
        settings: `FAL_JWKS_URL` is the address of the keys; `FAL_KEY` is not sent there.
        sender: sends the requests for the keys.
        kept: the age at which the keys are fetched again.
        fetch_pause: the shortest time between two fetches, so that forged webhooks do not become requests to fal.
    """

    def __init__(
        self,
        settings: FalSettings,
        sender: Sender,
        *,
        kept: timedelta = _LONGEST_KEPT,
        fetch_pause: timedelta = timedelta(seconds=30),
    ) -> None:
        self._url, self._sender = URL(settings.jwks_url), sender
        self._kept, self._fetch_pause = kept.total_seconds(), fetch_pause.total_seconds()
        self._keys: tuple[Ed25519PublicKey, ...] = ()
        self._fetched_at = self._tried_at = float("-inf")
        self._fetching = asyncio.Lock()

    def check_headers(self, headers: Mapping[str, str]) -> None:
        """Check what can be checked before the body is read; `verify` repeats these checks.

        Raises:
            WebhookRefused: one of fal's headers is missing or malformed, or the timestamp is too far from now.
        """
        given = _webhook_headers(headers)
        _check_time(given["timestamp"])
        _unhex(given["signature"])

    async def verify(self, headers: Mapping[str, str], body: bytes) -> WebhookHint:
        """Verify that fal sent this webhook within the last minutes, about the request that it names.

        Args:
            headers: of the webhook, in any case.
            body: as it arrived, byte for byte.

        Raises:
            WebhookRefused: it is not provably fal's, or fal's keys cannot be read now.
        """
        given = _webhook_headers(headers)
        _check_time(given["timestamp"])
        signature = _unhex(given["signature"])
        signed = [*(given[name] for name in _SIGNED), hashlib.sha256(body).hexdigest()]
        await self._check_signature(signature, "\n".join(signed).encode())
        return _hint(given["request-id"], body)

    async def _check_signature(self, signature: bytes, signed: bytes) -> None:
        """Try every key; if none verifies the signature, fal may have new ones."""
        used = await self._current_keys()
        if _any_verifies(used, signature, signed):
            return
        fresh = await self._keys_after(used)
        if fresh is used or not _any_verifies(fresh, signature, signed):
            raise WebhookRefused("signature", "its signature is not by one of fal.ai's keys")

    async def _current_keys(self) -> tuple[Ed25519PublicKey, ...]:
        if time.monotonic() - self._fetched_at < self._kept:
            return self._keys
        async with self._fetching:
            if time.monotonic() - self._fetched_at >= self._kept:
                await self._fetch()
        return self._keys

    async def _keys_after(self, used: tuple[Ed25519PublicKey, ...]) -> tuple[Ed25519PublicKey, ...]:
        """Newer keys than these if the last fetch is long enough ago; else the same."""
        async with self._fetching:
            if self._keys is used and time.monotonic() - self._tried_at >= self._fetch_pause:
                await self._fetch()
        return self._keys

    async def _fetch(self) -> None:
        if time.monotonic() - self._tried_at < self._fetch_pause:
            raise WebhookRefused("keys", "fal.ai's keys could not be read a moment ago")
        self._tried_at = time.monotonic()
        keys = _read_keys(await self._get())
        if not keys:
            raise WebhookRefused("keys", "FAL_JWKS_URL returned no usable key")
        self._keys, self._fetched_at = keys, time.monotonic()

    async def _get(self) -> bytes:
        request = Request(method="GET", url=self._url, timeout=client_timeout(_FETCH_LIMIT))
        try:
            response = await fetch(self._sender, request, _FETCH_LIMIT, MAX_ERROR_BYTES)
        except NETWORK_FAILURES as error:
            raise WebhookRefused("keys", f"fal.ai's keys cannot be read ({type(error).__name__})") from error
        if response.status_code != HTTPStatus.OK:
            raise WebhookRefused("keys", f"fal.ai's keys cannot be read (HTTP status {response.status_code})")
        return response.content


def _webhook_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """The values of fal's four headers, by their names without the prefix."""
    lower = {name.lower(): value for name, value in headers.items()}
    names = (*_SIGNED, "signature")
    missing = [f"{_PREFIX}{name}" for name in names if not lower.get(f"{_PREFIX}{name}")]
    if missing:
        raise WebhookRefused("headers", f"it lacks {', '.join(missing)}")
    return {name: lower[f"{_PREFIX}{name}"] for name in names}


def _check_time(timestamp: str) -> None:
    if not (timestamp.isascii() and timestamp.isdigit()):
        raise WebhookRefused("timestamp", "its timestamp is not a number of seconds")
    if abs(time.time() - int(timestamp[:15])) > _WINDOW_SECONDS:
        raise WebhookRefused("timestamp", f"its timestamp is more than {_WINDOW_SECONDS} s away from this clock")


def _unhex(signature: str) -> bytes:
    try:
        return bytes.fromhex(signature)
    except ValueError:
        raise WebhookRefused("signature", "its signature is not hexadecimal") from None


def _any_verifies(keys: tuple[Ed25519PublicKey, ...], signature: bytes, signed: bytes) -> bool:
    return any(_verifies(key, signature, signed) for key in keys)


def _verifies(key: Ed25519PublicKey, signature: bytes, signed: bytes) -> bool:
    try:
        key.verify(signature, signed)
    except InvalidSignature:
        return False
    return True


def _read_keys(content: bytes) -> tuple[Ed25519PublicKey, ...]:
    try:
        listed = _KeySet.model_validate(read_json(content)).keys
    except (ValueError, ValidationError):
        return ()
    keys = (_public_key(key) for key in listed if key is not None)
    return tuple(key for key in keys if key is not None)


def _public_key(key: _Key) -> Ed25519PublicKey | None:
    """The key, whose `x` is base64url without padding; None if it is of another kind."""
    if (key.kty, key.crv) != ("OKP", "Ed25519"):
        return None
    try:
        raw = base64.urlsafe_b64decode(key.x + "=" * (-len(key.x) % 4))
        return Ed25519PublicKey.from_public_bytes(raw)
    except (binascii.Error, ValueError):
        return None


def _hint(signed_id: str, body: bytes) -> WebhookHint:
    """The hint in the body, if it names the request that was signed."""
    try:
        request_id = _REQUEST_ID.validate_python(signed_id)
        event = _Body.model_validate(read_json(body))
    except (ValueError, ValidationError):
        raise WebhookRefused("body", "its body or its request id does not have fal.ai's form") from None
    if event.request_id != request_id:
        raise WebhookRefused("request_id", "its body names another request than its signed header")
    return WebhookHint(
        request_id=request_id,
        gateway_request_id=event.gateway_request_id or request_id,
        ok=event.status == "OK",
    )
