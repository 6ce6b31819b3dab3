"""One range of bytes is served; everything else is the whole (RFC 9110, section 14)."""

import pytest

from imagegen.api.http.byte_ranges import ByteRange, requested_range


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("bytes=0-0", (0, 0)),
        ("bytes=0-99", (0, 99)),
        ("bytes=10-19", (10, 19)),
        ("bytes=90-", (90, 99)),
        ("bytes=90-1000", (90, 99)),
        ("bytes=-1", (99, 99)),
        ("bytes=-1000", (0, 99)),
        ("BYTES= 1-2 ", (1, 2)),
        ("bytes=100-", None),
        ("bytes=100-200", None),
        ("bytes=-0", None),
        ("", (0, 99)),
        ("bytes=-", (0, 99)),
        ("bytes=2-1", (0, 99)),
        ("bytes=0-1,5-6", (0, 99)),
        ("bytes=0 - 1", (0, 99)),
        ("items=0-1", (0, 99)),
        ("bytes=٣-٤", (0, 99)),
        (f"bytes={'9' * 19}-", (0, 99)),
        ("bytes=--1", (0, 99)),
        ("bytes=0x0-0x1", (0, 99)),
    ],
)
def test_range_of_a_hundred_bytes(header: str, expected: tuple[int, int] | None) -> None:
    found = requested_range(header, 100)

    assert (found and (found.first, found.last)) == expected


def test_range_describes_itself() -> None:
    part, whole = ByteRange(10, 19, 100), ByteRange(0, 99, 100)

    assert (part.length, part.is_whole, part.content_range) == (10, False, "bytes 10-19/100")
    assert (whole.length, whole.is_whole) == (100, True)
