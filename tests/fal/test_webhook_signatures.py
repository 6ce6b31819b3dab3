"""Verifying webhooks, with keys that the tests generate and serve as fal does."""

import base64
import hashlib
import json
import time
from collections.abc import AsyncGenerator
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pydantic import SecretStr

from imagegen.errors import WebhookRefused
from imagegen.fal import WebhookHint, WebhookVerifier
from imagegen.net.http import Sender
from imagegen.settings import FalSettings
from tests.fal.workbench import Received, http, one_after_another, serving

KEY, NEWER, FORGERS = (Ed25519PrivateKey.from_private_bytes(bytes([n]) * 32) for n in (1, 2, 3))
BODY = b'{"request_id": "r-1", "gateway_request_id": "r-0", "status": "OK", "payload": {"images": []}}'
AT_ONCE = timedelta(0)


def jwk(key: Ed25519PrivateKey) -> dict[str, str]:
    x = base64.urlsafe_b64encode(key.public_key().public_bytes_raw()).rstrip(b"=").decode()
    return {"kty": "OKP", "crv": "Ed25519", "x": x}


def key_set(*keys: object) -> bytes:
    return http("200 OK", json.dumps({"keys": keys}))


def signed(
    body: bytes = BODY, key: Ed25519PrivateKey = KEY, request_id: str = "r-1", age: int = 0, user: str = "user-1"
) -> dict[str, str]:
    values = [request_id, user, str(int(time.time()) - age), hashlib.sha256(body).hexdigest()]
    names = ["Request-Id", "User-Id", "Timestamp"]
    headers = {f"X-Fal-Webhook-{name}": value for name, value in zip(names, values, strict=False)}
    return headers | {"X-Fal-Webhook-Signature": key.sign("\n".join(values).encode()).hex()}


def verifier_at(
    server: Received,
    pool: Sender,
    kept: timedelta = timedelta(hours=1),
    pause: timedelta = AT_ONCE,
) -> WebhookVerifier:
    settings = FalSettings(key=SecretStr("id:a-very-secret-key"), jwks_url=f"{server.url}/jwks.json")
    return WebhookVerifier(settings, pool, kept=kept, fetch_pause=pause)


@pytest.fixture
async def keys() -> AsyncGenerator[Received]:
    async with serving(one_after_another(key_set(jwk(NEWER), jwk(KEY)))) as server:
        yield server


async def refused(verifier: WebhookVerifier, headers: dict[str, str], body: bytes = BODY) -> str:
    with pytest.raises(WebhookRefused) as caught:
        await verifier.verify(headers, body)
    assert "a-very-secret-key" not in f"{caught.value!r}"
    return caught.value.check


async def test_valid_webhook_gives_a_hint_and_keys_are_fetched_once(keys: Received, pool: Sender) -> None:
    verifier = verifier_at(keys, pool)
    lower = {name.lower(): value for name, value in signed().items()}

    hints = [await verifier.verify(headers, BODY) for headers in (signed(), lower)]

    assert hints == [WebhookHint(request_id="r-1", gateway_request_id="r-0", ok=True)] * 2
    assert (keys.lines, [name for name in keys.headers[0] if name.lower() == "authorization"]) == (
        ["GET /jwks.json HTTP/1.1"],
        [],
    )


@pytest.mark.parametrize(
    ("body", "hint"),
    [
        (b'{"request_id": "r-1", "status": "ERROR"}', ("r-1", False)),
        (b'{"request_id": "r-1", "gateway_request_id": 7}', ("r-1", False)),
        (b'{ "status" : "OK","request_id":"r-1","payload":null,"payload_error":"NaN","x":NaN}\n', ("r-1", True)),
    ],
)
async def test_missing_members_of_the_body_get_defaults(
    keys: Received, pool: Sender, body: bytes, hint: tuple[str, bool]
) -> None:
    received = await verifier_at(keys, pool).verify(signed(body), body)

    assert (received.gateway_request_id, received.ok) == hint


@pytest.mark.parametrize("name", ["Request-Id", "User-Id", "Timestamp", "Signature"])
async def test_webhook_without_a_header_is_refused(keys: Received, pool: Sender, name: str) -> None:
    headers = {key: value for key, value in signed().items() if not key.endswith(name)}

    assert await refused(verifier_at(keys, pool), headers) == "headers"


@pytest.mark.parametrize("age", [302, -302])
async def test_webhook_from_another_time_is_refused(keys: Received, pool: Sender, age: int) -> None:
    assert await refused(verifier_at(keys, pool), signed(age=age)) == "timestamp"


@pytest.mark.parametrize("age", [298, -298])
async def test_clocks_may_differ_by_five_minutes(keys: Received, pool: Sender, age: int) -> None:
    assert (await verifier_at(keys, pool).verify(signed(age=age), BODY)).ok


@pytest.mark.parametrize("timestamp", ["soon", "-1", "1.5", "9" * 5000, "\u0661"])
async def test_timestamp_that_is_not_a_number_is_refused(keys: Received, pool: Sender, timestamp: str) -> None:
    headers = signed() | {"X-Fal-Webhook-Timestamp": timestamp}

    assert await refused(verifier_at(keys, pool), headers) == "timestamp"


@pytest.mark.parametrize(
    "change",
    [
        {"X-Fal-Webhook-Request-Id": "r-2"},
        {"X-Fal-Webhook-User-Id": "user-2"},
        {"X-Fal-Webhook-Signature": "00" * 64},
        {"X-Fal-Webhook-Signature": "00"},
        {"X-Fal-Webhook-Signature": "no hex"},
    ],
)
async def test_changed_header_is_refused(keys: Received, pool: Sender, change: dict[str, str]) -> None:
    assert await refused(verifier_at(keys, pool), signed() | change) == "signature"


@pytest.mark.parametrize(
    "body", [BODY + b" ", BODY.replace(b"OK", b"KO"), json.dumps(json.loads(BODY)).encode() + b"\n", b""]
)
async def test_body_is_verified_byte_for_byte(keys: Received, pool: Sender, body: bytes) -> None:
    assert await refused(verifier_at(keys, pool), signed(), body) == "signature"


async def test_body_with_another_request_id_is_refused(keys: Received, pool: Sender) -> None:
    assert await refused(verifier_at(keys, pool), signed(request_id="r-2")) == "request_id"


@pytest.mark.parametrize("body", [b"", b"[]", b"hello", b'{"status": "OK"}', b'{"request_id": 1}', b"[" * 100_000])
async def test_malformed_signed_body_is_refused(keys: Received, pool: Sender, body: bytes) -> None:
    assert await refused(verifier_at(keys, pool), signed(body), body) == "body"


async def test_signed_request_id_with_a_path_is_refused(keys: Received, pool: Sender) -> None:
    body = b'{"request_id": "../../x"}'

    assert await refused(verifier_at(keys, pool), signed(body, request_id="../../x"), body) == "body"


async def test_keys_are_fetched_again_if_none_verifies(pool: Sender) -> None:
    async with serving(one_after_another(key_set(jwk(KEY)), key_set(jwk(NEWER)))) as server:
        verifier = verifier_at(server, pool)
        hints = [await verifier.verify(signed(key=key), BODY) for key in (KEY, NEWER)]

    assert ([hint.ok for hint in hints], len(server.lines)) == ([True, True], 2)


async def test_forged_webhooks_do_not_cause_key_fetches(pool: Sender) -> None:
    async with serving(one_after_another(key_set(jwk(KEY)))) as server:
        verifier = verifier_at(server, pool, pause=timedelta(minutes=1))
        checks = {await refused(verifier, signed(key=FORGERS)) for _ in range(5)}
        still = await verifier.verify(signed(), BODY)

    assert (checks, still.ok, len(server.lines)) == ({"signature"}, True, 1)


async def test_old_keys_are_fetched_again(pool: Sender) -> None:
    async with serving(one_after_another(key_set(jwk(KEY)), key_set(jwk(NEWER)))) as server:
        verifier = verifier_at(server, pool, kept=AT_ONCE)
        await verifier.verify(signed(), BODY)
        withdrawn = await refused(verifier, signed())

    assert (withdrawn, len(server.lines) >= 2) == ("signature", True)


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{",
        http("503 Service Unavailable"),
        http("302 Found"),
        http("200 OK", "<html>"),
        http("200 OK", "[]"),
        key_set(),
        key_set(
            {"kty": "RSA", "n": "x"},
            "x",
            {"kty": "OKP", "crv": "Ed448", "x": "AA"},
            {"kty": "OKP", "crv": "Ed25519", "x": "A"},
        ),
    ],
)
async def test_webhook_is_refused_without_keys_until_they_are_read(pool: Sender, answer: bytes) -> None:
    async with serving(one_after_another(answer, key_set(jwk(KEY)))) as server:
        verifier = verifier_at(server, pool)
        first = await refused(verifier, signed())
        later = await verifier.verify(signed(), BODY)

    assert (first, later.ok) == ("keys", True)


async def test_failed_key_fetch_is_followed_by_a_pause(pool: Sender) -> None:
    async with serving(one_after_another(http("503 Service Unavailable"))) as server:
        verifier = verifier_at(server, pool, pause=timedelta(minutes=1))
        checks = [await refused(verifier, signed()) for _ in range(3)]

    assert (checks, len(server.lines)) == (["keys"] * 3, 1)
