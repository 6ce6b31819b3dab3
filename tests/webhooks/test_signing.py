"""The library of Standard Webhooks verifies the signatures."""

import base64
import subprocess
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from dotenv import dotenv_values
from standardwebhooks import Webhook, WebhookVerificationError

from imagegen.webhooks import headers, read_secrets
from tests.support.pages import ROOT, Page

KEY, OTHER = bytes(range(32)), bytes(range(32, 64))


def secret(key: bytes) -> str:
    return "whsec_" + base64.b64encode(key).decode()


def test_only_current_secrets_verify() -> None:
    signed = headers((KEY, OTHER), "msg_1", datetime.now(UTC), '{"ü":1}')

    assert [Webhook(secret(key)).verify('{"ü":1}', signed) for key in (KEY, OTHER)] == [{"ü": 1}] * 2
    with pytest.raises(WebhookVerificationError):
        Webhook(secret(bytes(32))).verify('{"ü":1}', signed)


@pytest.mark.parametrize("changed", ["body", "webhook-id", "webhook-timestamp"])
def test_changed_messages_do_not_verify(changed: str) -> None:
    at = datetime.now(UTC)
    signed = headers((KEY,), "msg_1", at, "{}") | {
        "webhook-id": {"webhook-id": "msg_2", "webhook-timestamp": str(int(at.timestamp()) - 1)}.get(changed, "msg_1")
    }

    with pytest.raises(WebhookVerificationError):
        Webhook(secret(KEY)).verify("{ }" if changed == "body" else "{}", signed)


def test_example_of_the_specification_is_reproduced() -> None:
    published = read_secrets("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    at = datetime(2021, 2, 25, 17, 2, 10, tzinfo=timezone(timedelta(hours=2)))

    assert headers(published, "msg_p5jXN8AQM9LWM0D4loKWxJek", at, '{"test": 2432232314}') == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


def test_secrets_are_read_with_and_without_padding() -> None:
    assert read_secrets(f"{secret(KEY)} , {secret(OTHER).rstrip('=')}") == (KEY, OTHER)


def test_documented_command_creates_a_secret(tmp_path: Path) -> None:
    (command,) = [block.text for block in Page(ROOT / "docs/webhooks.md").blocks if block.language == "sh"]
    subprocess.run(["/bin/sh", "-c", command], cwd=tmp_path, check=True)  # noqa: S603 - the page's own

    assert len(read_secrets(dotenv_values(tmp_path / ".env")["WEBHOOK_SECRETS"] or "")) == 1


@pytest.mark.parametrize(
    "text",
    [
        *("", "whsec_", "whsec_!!!!", secret(bytes(23)), secret(bytes(65)), base64.b64encode(KEY).decode()),
        *(f"{secret(KEY)},", f"{secret(KEY)},{secret(KEY)}", ",".join(secret(bytes([n]) * 32) for n in range(3))),
    ],
)
def test_invalid_secrets_are_refused_and_not_quoted(text: str) -> None:
    with pytest.raises(ValueError, match=r"^expected one secret, or two") as refused:
        read_secrets(text)

    assert len(text) < 10 or text not in str(refused.value)
