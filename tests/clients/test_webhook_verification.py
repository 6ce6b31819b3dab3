"""The Python client's verification of webhooks, against the library that the service signs with."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from standardwebhooks import Webhook

from imagegen_client import InvalidWebhook, verify_webhook
from tests.clients.conftest import JOB

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
OTHER = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"
BODY = json.dumps({"type": "job.completed", "timestamp": "2026-11-22T16:57:50.483000Z", "data": JOB})


def headers(secret: str = SECRET, at: datetime | None = None) -> dict[str, str]:
    sent_at = at or datetime.now(UTC)
    signature = Webhook(secret).sign("msg_1", sent_at, BODY)
    return {
        "Webhook-Id": "msg_1",
        "Webhook-Timestamp": str(int(sent_at.timestamp())),
        "Webhook-Signature": f"v2,x {signature}",
    }


@pytest.mark.parametrize("body", [BODY, BODY.encode()])
def test_a_signed_webhook_is_an_event(body: str | bytes) -> None:
    event = verify_webhook(body, headers(), SECRET)

    assert (event.type, event.data.job_id, event.timestamp.year) == ("job.completed", JOB["jobId"], 2026)


def test_one_of_several_secrets_is_enough() -> None:
    assert verify_webhook(BODY, headers(OTHER), [SECRET, OTHER]).type == "job.completed"


@pytest.mark.parametrize("minutes", [-6, 6])
def test_an_old_or_early_webhook_is_refused(minutes: int) -> None:
    with pytest.raises(InvalidWebhook, match="clock"):
        verify_webhook(BODY, headers(at=datetime.now(UTC) + timedelta(minutes=minutes)), SECRET)


def test_another_body_or_secret_is_refused() -> None:
    for body, secret in ((BODY + " ", SECRET), (BODY, OTHER)):
        with pytest.raises(InvalidWebhook, match="signature"):
            verify_webhook(body, headers(), secret)


@pytest.mark.parametrize("name", ["Webhook-Id", "Webhook-Timestamp", "Webhook-Signature"])
def test_a_missing_header_is_refused(name: str) -> None:
    given = {other: value for other, value in headers().items() if other != name}

    with pytest.raises(InvalidWebhook, match=name.lower()):
        verify_webhook(BODY, given, SECRET)


@pytest.mark.parametrize("secret", ["", "whsec_", "whsec_???"])
def test_a_secret_that_is_none_is_refused(secret: str) -> None:
    with pytest.raises(InvalidWebhook, match="secret"):
        verify_webhook(BODY, headers(), secret)
