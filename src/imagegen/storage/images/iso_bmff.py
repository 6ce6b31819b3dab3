"""The boxes of AVIF, HEIC, JPEG 2000 and JPEG XL files: ISO base media file format (ISO/IEC 14496-12, 4.2)."""

import struct
from collections.abc import Iterator
from typing import IO, Final

_MOST_BOXES: Final = 1000
_HEADER: Final = 8
# A box with another name is garbage behind the file, and its size is meaningless.
_KNOWN_NAMES: Final = frozenset(
    {b"ftyp", b"meta", b"mdat", b"moov", b"moof", b"mfra", b"sidx", b"free", b"skip", b"uuid", b"idat", b"pdin"}
    | {b"jP  ", b"jp2h", b"jp2c", b"uinf", b"xml ", b"JXL ", b"jxlc", b"jxlp", b"jxll", b"jxli", b"jbrd", b"Exif"}
    | {b"brob"}
)


def iter_boxes(file: IO[bytes]) -> Iterator[tuple[bytes, int]]:
    """Name and content length of each box of a file, which is positioned at the box's content.

    Raises:
        struct.error: a header is truncated.
    """
    offset = 0
    for name, begin, end in _extents(file):
        if begin < offset:
            return
        file.seek(begin)
        yield name, end - begin
        offset = end


def box_extent(file: IO[bytes]) -> int:
    """The offset at which the last box of a file ends; beyond the file's own end if the file is truncated."""
    last = 0
    try:
        for name, begin, end in _extents(file):
            if end < begin or name not in _KNOWN_NAMES:
                break
            last = end
    except struct.error:
        pass
    return last


def iter_inner_boxes(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Name and content of each box inside another box's content."""
    at = 0
    while at + _HEADER <= len(content):
        size, name = struct.unpack_from(">I4s", content, at)
        end = at + size if size else len(content)
        if end < at + _HEADER:
            return
        yield name, content[at + _HEADER : end]
        at = end


def _extents(file: IO[bytes]) -> Iterator[tuple[bytes, int, int]]:
    """Name, begin and end of each box's content."""
    offset = 0
    for _ in range(_MOST_BOXES):
        file.seek(offset)
        header = file.read(_HEADER)
        if not header:
            return
        size, name = struct.unpack(">I4s", header)
        begin = offset + _HEADER
        if size == 1:  # the size follows the name, in 64 bits
            size, begin = struct.unpack(">Q", file.read(8))[0], offset + 16
        end = offset + size if size else file.seek(0, 2)
        yield name, begin, end
        if end < begin:
            return
        offset = end
