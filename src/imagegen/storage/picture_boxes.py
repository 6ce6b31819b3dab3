"""The boxes that AVIF, HEIC, JPEG 2000 and JPEG XL files are made of (ISO/IEC 14496-12, 4.2)."""

import struct
from collections.abc import Iterator
from typing import IO, Final

_MOST_BOXES: Final = 1000
_HEADER: Final = 8
# What is none of these is garbage behind the file, and its size says nothing.
_KNOWN: Final = frozenset(
    {b"ftyp", b"meta", b"mdat", b"moov", b"moof", b"mfra", b"sidx", b"free", b"skip", b"uuid", b"idat", b"pdin"}
    | {b"jP  ", b"jp2h", b"jp2c", b"uinf", b"xml ", b"JXL ", b"jxlc", b"jxlp", b"jxll", b"jxli", b"jbrd", b"Exif"}
    | {b"brob"}
)


def boxes(file: IO[bytes]) -> Iterator[tuple[bytes, int]]:
    """Name and content length of each box of a file, which stands at the content meanwhile.

    Raises:
        struct.error: a header is cut off.
    """
    offset = 0
    for name, begin, end in _extents(file):
        if begin < offset:
            return
        file.seek(begin)
        yield name, end - begin
        offset = end


def extent_of_boxes(file: IO[bytes]) -> int:
    """Where the last box of a file ends, which may be behind the file's own end."""
    extent = 0
    try:
        for name, begin, end in _extents(file):
            if end < begin or name not in _KNOWN:
                break
            extent = end
    except struct.error:
        pass
    return extent


def boxes_in(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Name and content of each box inside of another's content."""
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
        if size == 1:  # the size stands behind the name, in 64 bits
            size, begin = struct.unpack(">Q", file.read(8))[0], offset + 16
        end = offset + size if size else file.seek(0, 2)
        yield name, begin, end
        if end < begin:
            return
        offset = end
