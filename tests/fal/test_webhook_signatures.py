"""What a webhook must have to count as fal's. The keys here are the tests' own, made and served as fal does."""

import base64
import hashlib
import json
import time
from collections.abc import AsyncGenerator
from datetime import timedelta

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pydantic import SecretStr
from workbench import Received, http, one_after_another, serving

from imagegen.errors import WebhookRefused
from imagegen.fal import WebhookHint, WebhookVerifier
from imagegen.settings import FalSettings

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
    transport: httpx.AsyncBaseTransport,
    kept: timedelta = timedelta(hours=1),
    pause: timedelta = AT_ONCE,
) -> WebhookVerifier:
    settings = FalSettings(key=SecretStr("id:a-very-secret-key"), jwks_url=f"{server.url}/jwks.json")
    return WebhookVerifier(settings, transport, kept=kept, fetch_pause=pause)


@pytest.fixture
async def keys() -> AsyncGenerator[Received]:
    async with serving(one_after_another(key_set(jwk(NEWER), jwk(KEY)))) as server:
        yield server


async def refused(verifier: WebhookVerifier, headers: dict[str, str], body: bytes = BODY) -> str:
    with pytest.raises(WebhookRefused) as caught:
        await verifier.verify(headers, body)
    assert "a-very-secret-key" not in f"{caught.value!r}"
    return caught.value.check


async def test_a_webhook_of_fals_is_a_hint_and_the_keys_are_fetched_once_without_our_own(
    keys: Received, transport: httpx.AsyncBaseTransport
) -> None:
    verifier = verifier_at(keys, transport)
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
async def test_what_a_body_lacks_is_filled_in(
    keys: Received, transport: httpx.AsyncBaseTransport, body: bytes, hint: tuple[str, bool]
) -> None:
    told = await verifier_at(keys, transport).verify(signed(body), body)

    assert (told.gateway_request_id, told.ok) == hint


@pytest.mark.parametrize("name", ["Request-Id", "User-Id", "Timestamp", "Signature"])
async def test_a_webhook_without_one_of_its_headers_is_refused(
    keys: Received, transport: httpx.AsyncBaseTransport, name: str
) -> None:
    headers = {key: value for key, value in signed().items() if not key.endswith(name)}

    assert await refused(verifier_at(keys, transport), headers) == "headers"


@pytest.mark.parametrize("age", [302, -302])
async def test_a_webhook_from_another_time_is_refused(
    keys: Received, transport: httpx.AsyncBaseTransport, age: int
) -> None:
    assert await refused(verifier_at(keys, transport), signed(age=age)) == "timestamp"


@pytest.mark.parametrize("age", [298, -298])
async def test_clocks_may_differ_by_five_minutes(keys: Received, transport: httpx.AsyncBaseTransport, age: int) -> None:
    assert (await verifier_at(keys, transport).verify(signed(age=age), BODY)).ok


@pytest.mark.parametrize("timestamp", ["soon", "-1", "1.5", "9" * 5000, "\u0661"])
async def test_a_time_that_is_no_number_is_refused(
    keys: Received, transport: httpx.AsyncBaseTransport, timestamp: str
) -> None:
    headers = signed() | {"X-Fal-Webhook-Timestamp": timestamp}

    assert await refused(verifier_at(keys, transport), headers) == "timestamp"


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
async def test_a_header_that_was_changed_is_refused(
    keys: Received, transport: httpx.AsyncBaseTransport, change: dict[str, str]
) -> None:
    assert await refused(verifier_at(keys, transport), signed() | change) == "signature"


@pytest.mark.parametrize(
    "body", [BODY + b" ", BODY.replace(b"OK", b"KO"), json.dumps(json.loads(BODY)).encode() + b"\n", b""]
)
async def test_the_body_is_verified_byte_for_byte(
    keys: Received, transport: httpx.AsyncBaseTransport, body: bytes
) -> None:
    assert await refused(verifier_at(keys, transport), signed(), body) == "signature"


async def test_a_body_about_another_request_than_the_signed_one_is_refused(
    keys: Received, transport: httpx.AsyncBaseTransport
) -> None:
    assert await refused(verifier_at(keys, transport), signed(request_id="r-2")) == "request_id"


@pytest.mark.parametrize("body", [b"", b"[]", b"hello", b'{"status": "OK"}', b'{"request_id": 1}', b"[" * 100_000])
async def test_a_signed_body_of_another_form_is_refused(
    keys: Received, transport: httpx.AsyncBaseTransport, body: bytes
) -> None:
    assert await refused(verifier_at(keys, transport), signed(body), body) == "body"


async def test_a_signed_request_id_that_would_lead_elsewhere_is_refused(
    keys: Received, transport: httpx.AsyncBaseTransport
) -> None:
    body = b'{"request_id": "../../x"}'

    assert await refused(verifier_at(keys, transport), signed(body, request_id="../../x"), body) == "body"


async def test_a_new_key_of_fals_is_fetched_when_no_known_one_fits(transport: httpx.AsyncBaseTransport) -> None:
    async with serving(one_after_another(key_set(jwk(KEY)), key_set(jwk(NEWER)))) as server:
        verifier = verifier_at(server, transport)
        hints = [await verifier.verify(signed(key=key), BODY) for key in (KEY, NEWER)]

    assert ([hint.ok for hint in hints], len(server.lines)) == ([True, True], 2)


async def test_forged_webhooks_do_not_become_requests_for_keys(transport: httpx.AsyncBaseTransport) -> None:
    async with serving(one_after_another(key_set(jwk(KEY)))) as server:
        verifier = verifier_at(server, transport, pause=timedelta(minutes=1))
        checks = {await refused(verifier, signed(key=FORGERS)) for _ in range(5)}
        still = await verifier.verify(signed(), BODY)

    assert (checks, still.ok, len(server.lines)) == ({"signature"}, True, 1)


async def test_the_keys_are_fetched_anew_when_they_are_old(transport: httpx.AsyncBaseTransport) -> None:
    async with serving(one_after_another(key_set(jwk(KEY)), key_set(jwk(NEWER)))) as server:
        verifier = verifier_at(server, transport, kept=AT_ONCE)
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
async def test_without_fals_keys_nothing_is_believed_and_later_it_is_tried_again(
    transport: httpx.AsyncBaseTransport, answer: bytes
) -> None:
    async with serving(one_after_another(answer, key_set(jwk(KEY)))) as server:
        verifier = verifier_at(server, transport)
        first = await refused(verifier, signed())
        later = await verifier.verify(signed(), BODY)

    assert (first, later.ok) == ("keys", True)


async def test_after_keys_that_could_not_be_read_there_is_a_pause(transport: httpx.AsyncBaseTransport) -> None:
    async with serving(one_after_another(http("503 Service Unavailable"))) as server:
        verifier = verifier_at(server, transport, pause=timedelta(minutes=1))
        checks = [await refused(verifier, signed()) for _ in range(3)]

    assert (checks, len(server.lines)) == (["keys"] * 3, 1)
