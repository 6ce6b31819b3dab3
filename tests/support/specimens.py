"""Images to transfer."""

import io
import struct
import zlib
from collections.abc import Callable, Iterator
from itertools import repeat
from uuid import uuid4

from PIL import Image

MIB = 2**20
METADATA = {"jobid": "01J", "model": "flux-pro"}


def picture(kind: str, size: tuple[int, int] = (320, 200), **options: object) -> bytes:
    file = io.BytesIO()
    Image.effect_noise(size, 90).convert("RGB").save(file, kind, **options)
    return file.getvalue()


PNG = picture("png")


def huge_png(size: int) -> Callable[[], Iterator[bytes]]:
    """A PNG of about this many bytes that is never held in memory as a whole."""
    header = struct.pack(">II5B", 9000, 7000, 8, 2, 0, 0, 0)

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    block = bytes(range(1, 255)) * 258
    blocks = size // len(block)

    def made() -> Iterator[bytes]:
        yield b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + struct.pack(">I4s", blocks * len(block), b"IDAT")
        yield from repeat(block, blocks)
        yield b"\0\0\0\0" + chunk(b"IEND", b"")

    return made


def stem() -> str:
    return f"images/user/2026/11/{uuid4().hex}/1-0"
