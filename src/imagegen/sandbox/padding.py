"""Pads images to any size while they are sent. They stay valid and are never held in memory."""

import struct
import zlib
from collections.abc import Iterator

_MEBIBYTE = 1024 * 1024


def padded(image: bytes, mebibytes: int) -> Iterator[bytes]:
    """The image's bytes with exactly this many MiB of padding where its format allows it.

    PNG: private ancillary chunks before the end. JPEG: comment segments. WebP: unknown RIFF chunks.
    """
    if image.startswith(b"\x89PNG"):
        head, padding, tail = image[:-12], _png_chunk(), image[-12:]
    elif image.startswith(b"RIFF"):
        head, padding, tail = _enlarged_riff(image, mebibytes), _riff_chunk(), b""
    else:
        head, padding, tail = image[:-2], _jpeg_comments(), image[-2:]
    yield head
    for _ in range(mebibytes):
        yield padding
    yield tail


def _png_chunk() -> bytes:
    data = bytes(_MEBIBYTE - 12)
    return struct.pack(">I", len(data)) + b"fiLl" + data + struct.pack(">I", zlib.crc32(b"fiLl" + data))


def _jpeg_comments() -> bytes:
    segment = b"\xff\xfe" + struct.pack(">H", 65534) + bytes(65532)
    return segment * (_MEBIBYTE // len(segment))


def _riff_chunk() -> bytes:
    return b"FILL" + struct.pack("<I", _MEBIBYTE - 8) + bytes(_MEBIBYTE - 8)


def _enlarged_riff(image: bytes, mebibytes: int) -> bytes:
    size = len(image) - 8 + mebibytes * _MEBIBYTE
    return image[:4] + struct.pack("<I", size) + image[8:]
