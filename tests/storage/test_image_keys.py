"""The keys of images in the bucket."""

import re
from datetime import UTC, datetime, timedelta, timezone
from hashlib import sha256

import pytest

from imagegen.jobs.image_keys import image_prefix
from tests.support.properties import example, given, st

NOON = datetime(2026, 11, 5, 12, tzinfo=UTC)
any_id = st.text(min_size=1) | st.text(st.characters(categories=["Cs", "L", "P"])) | st.text("a=.0/", max_size=120)


def folder(user_id: str) -> str:
    return image_prefix(user_id, NOON, "J").removeprefix("images/").removesuffix("/2026/11/J/")


@pytest.mark.parametrize(
    ("user_id", "name"),
    [
        ("user123", "user123"),
        ("jo.e-b_1@example.com", "jo.e-b_1@example.com"),
        ("../../etc", "=2E.=2F..=2Fetc"),
        (".", "=2E"),
        ("a/b", "a=2Fb"),
        ("a=2Fb", "a=3D2Fb"),
        ("Zoë", "Zo=C3=AB"),
        ("a b%2F\n\0", "a=20b=252F=0A=00"),
        ("u" * 80, "u" * 80),
        ("u" * 81, "u" * 46 + "==" + sha256(b"u" * 81).hexdigest()[:32]),
    ],
)
def test_user_id_becomes_one_plain_folder(user_id: str, name: str) -> None:
    assert folder(user_id) == name


@given(any_id, any_id)
@example("a/b", "a=2Fb")
@example("x" * 81, "x" * 82)
def test_two_users_never_share_a_folder(one: str, other: str) -> None:
    assert (folder(one) == folder(other)) is (one == other)


@given(any_id)
def test_folder_is_short_and_safe_in_urls_and_on_disks(user_id: str) -> None:
    assert re.fullmatch(r"[A-Za-z0-9_@=-][A-Za-z0-9_.@=-]{0,79}", folder(user_id))


def test_month_is_in_utc() -> None:
    late = datetime(2026, 12, 31, 23, tzinfo=timezone(timedelta(hours=-5)))

    assert image_prefix("u", late, "J") == "images/u/2027/01/J/"
