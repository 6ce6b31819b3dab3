"""fal's webhooks: proving that one is fal's, and what it hints at.

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

import httpx
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from pydantic import BaseModel, TypeAdapter, ValidationError

from imagegen.errors import WebhookRefused
from imagegen.fal.answers import Lenient, RequestId, read_json
from imagegen.fal.transport import NETWORK_FAILURES, timeouts
from imagegen.settings import FalSettings

_PREFIX: Final = "x-fal-webhook-"
_SIGNED: Final = ("request-id", "user-id", "timestamp")
_WINDOW_SECONDS: Final = 300  # as fal advises
_LONGEST_KEPT: Final = timedelta(hours=24)  # as fal advises
_FETCH_LIMIT: Final = timedelta(seconds=10)
_REQUEST_ID: Final[TypeAdapter[str]] = TypeAdapter(RequestId)


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookHint:
    """What a webhook of fal's says: this request ended. Any customer of fal can send one, so it is no result.

    Attributes:
        request_id: as signed.
        gateway_request_id: fal's id of the first try where it made several; else the same.
        ok: fal calls it a success.
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
    """Verifies webhooks with fal's public keys, which it fetches when the first one comes.

    Args:
        settings: `FAL_JWKS_URL` says where the keys are; fal's own key is not sent there.
        transport: shared, never closed from here.
        kept: the keys are fetched anew when they are this old.
        fetch_pause: between two fetches at least, so that forged webhooks do not become requests to fal.
    """

    def __init__(
        self,
        settings: FalSettings,
        transport: httpx.AsyncBaseTransport,
        *,
        kept: timedelta = _LONGEST_KEPT,
        fetch_pause: timedelta = timedelta(seconds=30),
    ) -> None:
        self._url = settings.jwks_url
        self._http = httpx.AsyncClient(transport=transport, follow_redirects=False, trust_env=False)
        self._kept, self._fetch_pause = kept.total_seconds(), fetch_pause.total_seconds()
        self._keys: tuple[Ed25519PublicKey, ...] = ()
        self._fetched_at = self._tried_at = float("-inf")
        self._fetching = asyncio.Lock()

    def check_headers(self, headers: Mapping[str, str]) -> None:
        """Check what can be checked before the body is read; `verify` does so again.

        Raises:
            WebhookRefused: one of fal's headers is missing, or it is not of this time.
        """
        given = _webhook_headers(headers)
        _check_time(given["timestamp"])
        _unhex(given["signature"])

    async def verify(self, headers: Mapping[str, str], body: bytes) -> WebhookHint:
        """Prove that fal sent this, lately, about the request that it names.

        Args:
            headers: of the webhook, in any case.
            body: as it arrived, byte for byte.

        Raises:
            WebhookRefused: it may be anybody's, or fal's keys cannot be read now.
        """
        given = _webhook_headers(headers)
        _check_time(given["timestamp"])
        signature = _unhex(given["signature"])
        signed = [*(given[name] for name in _SIGNED), hashlib.sha256(body).hexdigest()]
        await self._check_signature(signature, "\n".join(signed).encode())
        return _hint(given["request-id"], body)

    async def _check_signature(self, signature: bytes, signed: bytes) -> None:
        """Try every key; if none fits, fal may have new ones."""
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
        """Newer keys than these, if there was none for long; else the same."""
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
            raise WebhookRefused("keys", "FAL_JWKS_URL answers with no key that can be used")
        self._keys, self._fetched_at = keys, time.monotonic()

    async def _get(self) -> bytes:
        try:
            async with asyncio.timeout(_FETCH_LIMIT.total_seconds()):
                response = await self._http.get(self._url, timeout=timeouts(_FETCH_LIMIT))
        except NETWORK_FAILURES as error:
            raise WebhookRefused("keys", f"fal.ai's keys cannot be read ({type(error).__name__})") from error
        if response.status_code != HTTPStatus.OK:
            raise WebhookRefused("keys", f"fal.ai's keys cannot be read (HTTP status {response.status_code})")
        return response.content


def _webhook_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """The values of fal's four headers, under their names without the prefix."""
    lower = {name.lower(): value for name, value in headers.items()}
    names = (*_SIGNED, "signature")
    missing = [f"{_PREFIX}{name}" for name in names if not lower.get(f"{_PREFIX}{name}")]
    if missing:
        raise WebhookRefused("headers", f"it lacks {', '.join(missing)}")
    return {name: lower[f"{_PREFIX}{name}"] for name in names}


def _check_time(timestamp: str) -> None:
    if not (timestamp.isascii() and timestamp.isdigit()):
        raise WebhookRefused("timestamp", "its timestamp is no number of seconds")
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
    """The key, whose `x` is base64url without padding; None where it is of another kind."""
    if (key.kty, key.crv) != ("OKP", "Ed25519"):
        return None
    try:
        raw = base64.urlsafe_b64decode(key.x + "=" * (-len(key.x) % 4))
        return Ed25519PublicKey.from_public_bytes(raw)
    except (binascii.Error, ValueError):
        return None


def _hint(signed_id: str, body: bytes) -> WebhookHint:
    """What the body says, if it speaks of the request that was signed."""
    try:
        request_id = _REQUEST_ID.validate_python(signed_id)
        said = _Body.model_validate(read_json(body))
    except (ValueError, ValidationError):
        raise WebhookRefused("body", "its body or its request id is not of fal.ai's form") from None
    if said.request_id != request_id:
        raise WebhookRefused("request_id", "its body names another request than its signed header")
    return WebhookHint(
        request_id=request_id,
        gateway_request_id=said.gateway_request_id or request_id,
        ok=said.status == "OK",
    )
