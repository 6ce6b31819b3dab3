"""Pictures of any size in bytes."""

import random
import struct
import zlib
from typing import Final

_SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"
_WIDTH, _HEIGHT = 1024, 768
_CHUNK_FRAME: Final = 12  # bytes of length, name and checksum


def png(size: int) -> bytes:
    """A valid PNG of 1024 x 768 pixels and exactly `size` bytes, the same at each call.

    The bytes that the black pixels do not need are noise in a chunk that readers pass over.

    Raises:
        ValueError: no such picture is that small.
    """
    header = _chunk(b"IHDR", struct.pack(">IIBBBBB", _WIDTH, _HEIGHT, 8, 0, 0, 0, 0))
    pixels = _chunk(b"IDAT", zlib.compress(bytes((1 + _WIDTH) * _HEIGHT), 9))
    end = _chunk(b"IEND", b"")
    filling = size - len(_SIGNATURE + header + pixels + end) - _CHUNK_FRAME
    if filling < 0:
        raise ValueError(f"a picture has at least {size - filling} bytes")
    noise = random.Random(size).randbytes(filling)  # noqa: S311 - only has to be incompressible
    return _SIGNATURE + header + _chunk(b"fiLl", noise) + pixels + end


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
