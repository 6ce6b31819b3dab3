"""Tokens of uploads. Pure."""

from datetime import UTC, datetime, timedelta

import pytest

from imagegen.doors.fal.upload_tokens import UploadGrant, UploadTokens, is_upload_token, token_in

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
GRANT = UploadGrant(user_id="Änne", key="inputs/x/abc.png", until=NOW + timedelta(minutes=10))
TOKENS = UploadTokens(b"secret")


@pytest.mark.parametrize("key", [None, "inputs/x/abc.png"])
def test_token_holds_its_grant(key: str | None) -> None:
    grant = UploadGrant(user_id="Änne", key=key, until=GRANT.until)
    token = TOKENS.make(grant)

    assert is_upload_token(token)
    assert UploadTokens(b"secret").read(token, NOW) == grant


def test_token_ends() -> None:
    assert TOKENS.read(TOKENS.make(GRANT), GRANT.until) is None


@pytest.mark.parametrize("token", ["", "igup_", "igup_a.b", "igup_a", "igup_a.b.c", "igup_ä.b", "ig_x_y"])
def test_other_text_is_no_token(token: str) -> None:
    assert TOKENS.read(token, NOW) is None


def test_changed_token_is_none() -> None:
    content, signature = TOKENS.make(GRANT).split(".")
    other = TOKENS.make(UploadGrant(user_id="bob", key=None, until=GRANT.until)).split(".")[0]

    assert TOKENS.read(f"{other}.{signature}", NOW) is None
    assert TOKENS.read(f"{content}.{signature[:-2]}AA", NOW) is None


def test_token_of_another_service_is_none() -> None:
    assert UploadTokens(b"other").read(TOKENS.make(GRANT), NOW) is None


@pytest.mark.parametrize(
    ("header", "token"), [("Bearer abc", "abc"), ("bearer  abc", "abc"), ("Key abc", ""), ("", "")]
)
def test_token_is_read_as_a_bearer_token(header: str, token: str) -> None:
    assert token_in({"authorization": header}) == token
