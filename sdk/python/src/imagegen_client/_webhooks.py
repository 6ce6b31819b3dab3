"""Verification of webhooks: https://www.standardwebhooks.com."""

import base64
import binascii
import hashlib
import hmac
import json
import time
from collections.abc import Mapping, Sequence

from imagegen_client._errors import InvalidWebhook
from imagegen_client._types import WebhookEvent


def verify_webhook(
    body: bytes | str, headers: Mapping[str, str], secret: str | Sequence[str], *, tolerance: float = 300.0
) -> WebhookEvent:
    """The event of a webhook that is signed with the secret.

    Args:
        body: the raw body, before anything parses it.
        headers: of the request, in any case.
        secret: `whsec_…`; several while one replaces another.
        tolerance: how many seconds the timestamp may differ from this machine's clock.

    Raises:
        InvalidWebhook: it is not signed with the secret, or not within the tolerance.
    """
    raw = body.encode() if isinstance(body, str) else body
    named = {name.lower(): value for name, value in headers.items()}
    try:
        sent_id, sent_at, signatures = (named[f"webhook-{name}"] for name in ("id", "timestamp", "signature"))
    except KeyError as error:
        raise InvalidWebhook(f"The header {error.args[0]} is missing.") from None
    if not sent_at.isdecimal() or abs(time.time() - int(sent_at)) > tolerance:
        raise InvalidWebhook("The timestamp is too far from this machine's clock.")
    signed = f"{sent_id}.{sent_at}.".encode() + raw
    given = [value for version, _, value in (each.partition(",") for each in signatures.split()) if version == "v1"]
    expected = [_sign(each, signed) for each in ([secret] if isinstance(secret, str) else secret)]
    if not any(hmac.compare_digest(one.encode(), other.encode()) for one in expected for other in given):
        raise InvalidWebhook("No signature is made with this secret.")
    try:
        return WebhookEvent.from_wire(json.loads(raw))
    except (ValueError, KeyError, TypeError) as error:
        raise InvalidWebhook("The body is not a webhook of imagegen.") from error


def _sign(secret: str, signed: bytes) -> str:
    try:
        key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    except (binascii.Error, ValueError):
        raise InvalidWebhook("The secret is not whsec_ and base64.") from None
    if not key:
        raise InvalidWebhook("The secret is empty.")
    return base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
