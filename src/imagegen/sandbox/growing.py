"""Pictures grown to any size while they are sent: still valid, and never held in memory."""

import struct
import zlib
from collections.abc import Iterator

_MEBIBYTE = 1024 * 1024


def grown(picture: bytes, mebibytes: int) -> Iterator[bytes]:
    """The picture's bytes with exactly this many MiB of filling in the place where its format allows it.

    PNG gets private ancillary chunks before its end, JPEG comment segments, WebP unknown RIFF chunks.
    """
    if picture.startswith(b"\x89PNG"):
        head, filling, tail = picture[:-12], _png_chunk(), picture[-12:]
    elif picture.startswith(b"RIFF"):
        head, filling, tail = _larger_riff(picture, mebibytes), _riff_chunk(), b""
    else:
        head, filling, tail = picture[:-2], _jpeg_comments(), picture[-2:]
    yield head
    for _ in range(mebibytes):
        yield filling
    yield tail


def _png_chunk() -> bytes:
    data = bytes(_MEBIBYTE - 12)
    return struct.pack(">I", len(data)) + b"fiLl" + data + struct.pack(">I", zlib.crc32(b"fiLl" + data))


def _jpeg_comments() -> bytes:
    segment = b"\xff\xfe" + struct.pack(">H", 65534) + bytes(65532)
    return segment * (_MEBIBYTE // len(segment))


def _riff_chunk() -> bytes:
    return b"FILL" + struct.pack("<I", _MEBIBYTE - 8) + bytes(_MEBIBYTE - 8)


def _larger_riff(picture: bytes, mebibytes: int) -> bytes:
    size = len(picture) - 8 + mebibytes * _MEBIBYTE
    return picture[:4] + struct.pack("<I", size) + picture[8:]
