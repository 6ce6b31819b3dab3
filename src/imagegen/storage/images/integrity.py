"""Checking that an input image has all of its pixels, so that no model is paid to look at half an image.

The check is lenient: a file without its end marker, or with anything behind it, is complete.
"""

import hashlib
import io
import struct
from typing import IO, Final, cast

from PIL import Image

from imagegen.storage.images.end_detection import PngEndDetector, detect_end
from imagegen.storage.images.sniffing import quiet_pillow

_EXTENSION: Final = 0x21
_IMAGE: Final = 0x2C
_HAS_TABLE: Final = 0x80
_END_OF_IMAGE: Final = b"\xff\xd9"
# Decoding a JPEG at an eighth of its size takes little memory, except for a progressive one: all its coefficients.
_MAX_PIXELS: Final = 2**26
_MAX_PIXELS_IN_MEMORY: Final = 2**22
_FILLER: Final = bytes(range(1, 200)) * 8


def is_truncated(file: IO[bytes], content_type: str, pixels_at: int) -> bool:
    """Whether pixels are missing at the end of an image that a decoder opens. Blocks."""
    match content_type:
        case "image/gif":
            seems_truncated = not _has_frame(file)
        case "image/jpeg":
            return not detect_end(file, content_type, pixels_at).has_ended and _lacks_pixels(file)
        case _:
            end = detect_end(file, content_type, pixels_at)
            seems_truncated = not (end.has_every_pixel if isinstance(end, PngEndDetector) else end.has_ended)
    return seems_truncated and not _decodes(file)


def _decodes(file: IO[bytes]) -> bool:
    """Whether a small image can be decoded completely; False for a large one."""
    file.seek(0)
    try:
        with quiet_pillow(), Image.open(file) as image:
            if image.width * image.height > _MAX_PIXELS_IN_MEMORY:
                return False
            image.load()
    except (OSError, ValueError, SyntaxError, struct.error):
        return False
    return True


def _has_frame(file: IO[bytes]) -> bool:
    """Whether a GIF has at least one complete frame; the block that ends its data may be missing."""
    file.seek(0)
    content = file.read()
    try:
        at = 13 + _color_table_size(content[10])
        while content[at] == _EXTENSION:
            at = _end_of_blocks(content, at + 2) + 1
        # The data follow the descriptor, the color table and the code size.
        data_at = at + 11 + _color_table_size(content[at + 9])
        return content[at] != _IMAGE or _end_of_blocks(content, data_at) <= len(content)
    except IndexError:
        return False


def _color_table_size(flags: int) -> int:
    return 3 << ((flags & 7) + 1) if flags & _HAS_TABLE else 0


def _end_of_blocks(content: bytes, at: int) -> int:
    """The offset of the empty block that ends a series of blocks, or at which it is missing."""
    if at >= len(content):
        raise IndexError
    while at < len(content) and content[at]:
        at += 1 + content[at]
    return at


def _lacks_pixels(file: IO[bytes]) -> bool:
    """Whether a JPEG without an end marker lacks pixels: then appending other bytes changes the decoded image."""
    file.seek(0)
    with quiet_pillow(), Image.open(file, formats=("JPEG",)) as image:
        pixels = image.width * image.height
        progressive = "progressive" in image.info
    if pixels > (_MAX_PIXELS_IN_MEMORY if progressive else _MAX_PIXELS):
        return False
    return _small_digest(file, _END_OF_IMAGE) != _small_digest(file, _FILLER + _END_OF_IMAGE)


def _small_digest(file: IO[bytes], tail: bytes) -> bytes | None:
    """A digest of the image at an eighth of its size, with `tail` appended; None if it cannot be decoded."""
    try:
        with quiet_pillow(), Image.open(cast("IO[bytes]", _WithTail(file, tail)), formats=("JPEG",)) as image:
            if "progressive" not in image.info:  # at an eighth, Pillow would skip its finest details
                image.draft(None, (1, 1))
            return hashlib.sha256(image.tobytes()).digest()
    except (OSError, ValueError, SyntaxError):
        return None


class _WithTail:
    """A file with a tail appended, with the methods that a decoder calls."""

    def __init__(self, file: IO[bytes], tail: bytes) -> None:
        self._file, self._tail = file, tail
        self._size, self._at = file.seek(0, io.SEEK_END), 0

    def read(self, size: int) -> bytes:
        """Read the next `size` bytes."""
        self._file.seek(min(self._at, self._size))
        content = self._file.read(size)
        begin = max(0, self._at - self._size)
        content += self._tail[begin : begin + size - len(content)]
        self._at += len(content)
        return content

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to an offset from the beginning, or from the current position."""
        self._at = offset + (self._at if whence == io.SEEK_CUR else 0)
        return self._at

    def tell(self) -> int:
        """The current position."""
        return self._at
