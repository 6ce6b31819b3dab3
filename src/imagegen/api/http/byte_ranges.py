"""Range requests for one range of bytes (RFC 9110, section 14)."""

import re
from dataclasses import dataclass
from typing import Final

# Everything else, such as several ranges, is ignored: the response is the whole.
_ONE_RANGE: Final = re.compile(r"bytes=[ \t]*([0-9]{0,18})-([0-9]{0,18})[ \t]*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class ByteRange:
    """The bytes `first` to `last` of `size`."""

    first: int
    last: int
    size: int

    @property
    def length(self) -> int:
        """How many bytes they are."""
        return self.last - self.first + 1

    @property
    def is_whole(self) -> bool:
        """Whether they are all bytes."""
        return self.length == self.size

    @property
    def content_range(self) -> str:
        """The header `Content-Range` for them."""
        return f"bytes {self.first}-{self.last}/{self.size}"


def requested_range(header: str, size: int) -> ByteRange | None:
    """The bytes that a Range header names; all of them if it is to be ignored.

    Returns:
        None if no byte of `size` is in the range.
    """
    whole = ByteRange(0, size - 1, size)
    found = _ONE_RANGE.fullmatch(header)
    if found is None or not (found[1] or found[2]):
        return whole
    if not found[1]:  # the last bytes
        count = min(int(found[2]), size)
        return ByteRange(size - count, size - 1, size) if count else None
    first, last = int(found[1]), int(found[2] or size - 1)
    if found[2] and last < first:
        return whole
    return ByteRange(first, min(last, size - 1), size) if first < size else None
