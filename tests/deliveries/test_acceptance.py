"""Webhooks that could not be delivered are refused before anything is stored."""

import base64
from collections.abc import AsyncGenerator

import pytest
from dirty_equals import IsPartialDict
from pydantic import JsonValue, SecretStr

from imagegen.operations.webhook_policy import webhook_fault
from imagegen.settings import Environment, Settings, WebhookSettings
from tests.support.service import FLUX, ITEM, Json, Service, running

SECRET = "whsec_" + base64.b64encode(bytes(32)).decode()


@pytest.fixture(scope="module")
async def signing_service(stack: Settings) -> AsyncGenerator[Service]:
    """A service with a webhook secret, which calls public addresses only."""
    settings = stack.model_copy(update={"webhooks": WebhookSettings(secrets=SecretStr(SECRET))})
    async with running(settings, with_runner=False) as service:
        yield service


async def refusal(service: Service, url: JsonValue) -> Json:
    answer = await service.generate({**FLUX, "webhookUrl": url})
    assert answer.status_code == 400
    (fault,) = answer.json()["errors"]
    return fault


async def test_refusal_without_a_secret_names_the_setting(stack: Settings) -> None:
    async with running(stack, with_runner=False) as unsigned:
        fault = await refusal(unsigned, "https://example.com/")

    assert fault == {
        "pointer": "/webhookUrl",
        "code": "unsupported",
        "message": "webhookUrl is not available: WEBHOOK_SECRETS is not set, so nothing can be signed.",
    }


@pytest.mark.parametrize("url", ["http://127.0.0.1/", "https://localhost:8443/", "https://[::1]/"])
async def test_private_address_is_refused(signing_service: Service, url: str) -> None:
    assert await refusal(signing_service, url) == {
        "pointer": "/webhookUrl",
        "code": "not_allowed",
        "message": "webhookUrl must not lead to a private address (WEBHOOK_ALLOW_PRIVATE).",
    }


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("https://user:secret@example.com/", "wrong_format"),
        ("ftp://example.com/", "wrong_format"),
        *(
            (url, "wrong_format")
            for url in ("http://256.256.256.256/x", "https://999.1.1.1", "http://1.2.3.04", "http://xn--a/")
        ),
        *(
            (url, "wrong_format")
            for url in ("https://2130706433/", "https://a:0/", "https://a:99999/", "https://[fe80::1%25x]/")
        ),
        (f"https://example.com/{'x' * 2048}", "too_long"),
        (7, "wrong_type"),
    ],
)
async def test_invalid_url_is_refused_and_not_quoted(signing_service: Service, url: JsonValue, code: str) -> None:
    fault = await refusal(signing_service, url)

    assert fault == IsPartialDict(pointer="/webhookUrl", code=code)
    assert "secret" not in fault["message"]


def test_plain_http_is_refused_in_production(stack: Settings) -> None:
    service = stack.service.model_copy(update={"env": Environment.PRODUCTION})
    settings = stack.model_copy(
        update={"service": service, "webhooks": WebhookSettings(secrets=SecretStr(SECRET), allow_private=True)}
    )
    fault = webhook_fault("http://example.com/", settings)

    assert fault is not None
    assert (fault.pointer, fault.message) == ("/webhookUrl", "webhookUrl must begin with https://.")
    assert webhook_fault("https://example.com/", settings) is None


async def test_batch_refusal_names_the_item_with_the_webhook(signing_service: Service) -> None:
    answer = await signing_service.batch(ITEM, {**ITEM, "webhookUrl": "https://127.0.0.1/"})

    (fault,) = answer.json()["errors"]
    assert (answer.status_code, fault["pointer"], fault["code"]) == (400, "/requests/1/webhookUrl", "not_allowed")
