"""Tokens of links: what one secret signed, every process with that secret reads, and nothing else."""

import base64
import hashlib
import hmac
import string
import struct
from datetime import UTC, datetime, timedelta
from typing import Final

import pytest
from ulid import ULID

from imagegen.jobs.link_tokens import (
    LONGEST_LIFE,
    ImageLink,
    end_of_link,
    make_token,
    read_link_secrets,
    read_token,
)
from tests.support.properties import given, st

SECRET, OTHER = b"s" * 32, b"t" * 32
NOW: Final = datetime(2026, 11, 28, 9, 30, tzinfo=UTC)
LINK: Final = ImageLink(job_id="01M8232K259GS0AHXP5V3YPEE3", number=3, ends_at=NOW)
TOKEN: Final = make_token(LINK, SECRET)
ALPHABET: Final = string.ascii_letters + string.digits + "-_"
JOB_IDS: Final = st.binary(min_size=16, max_size=16).map(lambda content: str(ULID.from_bytes(content)))
MOMENTS: Final = st.integers(1, 2**32 - 1).map(lambda seconds: datetime.fromtimestamp(seconds, UTC))


@given(JOB_IDS, st.integers(0, 9999), st.none() | MOMENTS)
def test_every_link_is_read_as_it_was_made(job_id: str, number: int, ends_at: datetime | None) -> None:
    link = ImageLink(job_id=job_id, number=number, ends_at=ends_at)
    token = make_token(link, SECRET)

    assert read_token(token, [OTHER, SECRET]) == link
    assert read_token(token, [OTHER]) is None
    assert len(token) == 52


def test_token_is_short_and_needs_no_escapes() -> None:
    assert (len(TOKEN), set(TOKEN) <= set(ALPHABET)) == (52, True)


@pytest.mark.parametrize("place", range(52))
def test_token_with_one_other_character_is_of_no_link(place: int) -> None:
    kinds = (string.ascii_lowercase, string.ascii_uppercase, string.digits, "-_", "+/=", "ä٣", " \n\0%")
    others = [next(each for each in kind if each != TOKEN[place]) for kind in kinds]

    changed = [TOKEN[:place] + other + TOKEN[place + 1 :] for other in others]

    assert [each for each in changed if read_token(each, [SECRET]) is not None] == []


@given(st.binary(min_size=39, max_size=39) | st.integers(0, 311))
def test_no_other_39_bytes_are_a_token(content: bytes | int) -> None:
    signed = base64.urlsafe_b64decode(TOKEN)
    if isinstance(content, int):  # one bit turned
        content = (int.from_bytes(signed) ^ (1 << content)).to_bytes(39)

    assert read_token(base64.urlsafe_b64encode(content).decode(), [SECRET]) is None or content == signed


@pytest.mark.parametrize(
    "token",
    [
        "",
        "A" * 52,
        TOKEN[:-1],
        TOKEN + "A",
        TOKEN + "=",
        TOKEN + "\n",
        " " + TOKEN,
        TOKEN * 2,
        "A" * 10**6,
        "../" * 17 + "a",
    ],
    ids=["empty", "unsigned", "short", "long", "padded", "newline", "space", "twice", "huge", "path"],
)
def test_text_of_another_form_is_of_no_link(token: str) -> None:
    assert read_token(token, [SECRET]) is None


def test_number_beyond_two_bytes_or_below_zero_has_no_token() -> None:
    for number in (-1, 2**16):
        with pytest.raises(struct.error):
            make_token(ImageLink(job_id=LINK.job_id, number=number, ends_at=None), SECRET)


def test_no_secret_reads_nothing() -> None:
    assert read_token(TOKEN, []) is None


def test_secret_signs_no_token_of_another_version() -> None:
    content = b"\x02" + base64.urlsafe_b64decode(TOKEN)[1:23]
    mac = hmac.digest(SECRET, b"imagegen image link\0" + content, hashlib.sha256)[:16]

    assert read_token(base64.urlsafe_b64encode(content + mac).decode(), [SECRET]) is None


def test_link_ends_at_its_end() -> None:
    assert [LINK.has_ended(NOW + timedelta(seconds=shift)) for shift in (-1, 0, 1)] == [False, True, True]
    assert not ImageLink(job_id=LINK.job_id, number=0, ends_at=None).has_ended(datetime.max.replace(tzinfo=UTC))


@given(
    st.integers(0, 10**9).map(lambda seconds: NOW + timedelta(seconds=seconds / 7)),
    st.timedeltas(timedelta(seconds=1), LONGEST_LIFE),
)
def test_link_lives_as_long_as_wanted_and_an_eighth_longer_at_most(now: datetime, life: timedelta) -> None:
    ends_at = end_of_link(now, life)

    assert ends_at is not None
    assert timedelta(seconds=-1) <= ends_at - (now + life) <= max(timedelta(seconds=1), life / 8)


def test_links_that_are_made_after_each_other_are_equal() -> None:
    ends = {end_of_link(NOW + timedelta(hours=hour), timedelta(days=30)) for hour in range(48)}

    assert len(ends) <= 2
    assert end_of_link(NOW, None) is None


@pytest.mark.parametrize(
    "text", ["x" * 31, "x" * 129, "a" * 40 + "," + "a" * 40, "x" * 31 + " ", "ä" * 40, ",", "x" * 20 + " " + "y" * 20]
)
def test_secrets_that_are_short_equal_or_unreadable_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="32 to 128") as error:
        read_link_secrets(text)
    assert len(text) < 9 or text not in str(error.value)


def test_secrets_are_read_in_their_order() -> None:
    base64_like = base64.b64encode(bytes(range(32))).decode()

    assert read_link_secrets(f"{base64_like}, {'n' * 32}") == [base64_like.encode(), b"n" * 32]
    with pytest.raises(ValueError, match="up to four"):
        read_link_secrets(",".join(letter * 32 for letter in "abcde"))
