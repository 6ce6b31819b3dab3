"""Whether a caller's picture has all of its pixels: half a picture is refused before a model is paid to look at it.

Read leniently: a file without its end mark, or with anything behind it, is whole.
"""

import hashlib
import io
import struct
from typing import IO, Final, cast

from PIL import Image

from imagegen.storage.picture_ends import PngWatch, watch_file
from imagegen.storage.pictures import quiet

_EXTENSION: Final = 0x21
_IMAGE: Final = 0x2C
_HAS_TABLE: Final = 0x80
_END_OF_IMAGE: Final = b"\xff\xd9"
# A decoder that reads a JPEG at an eighth of its size holds little; of a progressive one, every coefficient.
_MOST_PIXELS: Final = 2**26
_MOST_PIXELS_IN_MEMORY: Final = 2**22
_FILLER: Final = bytes(range(1, 200)) * 8


def is_cut_off(file: IO[bytes], content_type: str, pixels_at: int) -> bool:
    """Whether pixels are missing at the end of a picture that a decoder opens. Blocks."""
    match content_type:
        case "image/gif":
            seems_so = not _has_an_image(file)
        case "image/jpeg":
            return not watch_file(file, content_type, pixels_at).reached and _lacks_pixels(file)
        case _:
            seen = watch_file(file, content_type, pixels_at)
            seems_so = not (seen.has_every_pixel if isinstance(seen, PngWatch) else seen.reached)
    return seems_so and not _decodes(file)


def _decodes(file: IO[bytes]) -> bool:
    """Whether a small picture has every pixel, which decoding it shows."""
    file.seek(0)
    try:
        with quiet(), Image.open(file) as image:
            if image.width * image.height > _MOST_PIXELS_IN_MEMORY:
                return False
            image.load()
    except (OSError, ValueError, SyntaxError, struct.error):
        return False
    return True


def _has_an_image(file: IO[bytes]) -> bool:
    """Whether a GIF has at least one image whose data are there; what ends them may lack."""
    file.seek(0)
    content = file.read()
    try:
        at = 13 + _table(content[10])
        while content[at] == _EXTENSION:
            at = _end_of_blocks(content, at + 2) + 1
        # Behind its descriptor, its colours and the size of its codes stand the data.
        return content[at] != _IMAGE or _end_of_blocks(content, at + 11 + _table(content[at + 9])) <= len(content)
    except IndexError:
        return False


def _table(flags: int) -> int:
    return 3 << ((flags & 7) + 1) if flags & _HAS_TABLE else 0


def _end_of_blocks(content: bytes, at: int) -> int:
    """Where the empty block stands that ends others, or should stand."""
    if at >= len(content):
        raise IndexError
    while at < len(content) and content[at]:
        at += 1 + content[at]
    return at


def _lacks_pixels(file: IO[bytes]) -> bool:
    """Whether a JPEG without an end lacks pixels: then other bytes in their place make another picture."""
    file.seek(0)
    with quiet(), Image.open(file, formats=("JPEG",)) as image:
        pixels = image.width * image.height
        progressive = "progressive" in image.info
    if pixels > (_MOST_PIXELS_IN_MEMORY if progressive else _MOST_PIXELS):
        return False
    return _small(file, _END_OF_IMAGE) != _small(file, _FILLER + _END_OF_IMAGE)


def _small(file: IO[bytes], tail: bytes) -> bytes | None:
    """A digest of the picture at an eighth of its size, with a tail put behind it; None if it cannot be decoded."""
    try:
        with quiet(), Image.open(cast("IO[bytes]", _Continued(file, tail)), formats=("JPEG",)) as image:
            if "progressive" not in image.info:  # at an eighth, its finest details are not looked at
                image.draft(None, (1, 1))
            return hashlib.sha256(image.tobytes()).digest()
    except (OSError, ValueError, SyntaxError):
        return None


class _Continued:
    """A file with a tail behind it, as far as a decoder uses it."""

    def __init__(self, file: IO[bytes], tail: bytes) -> None:
        self._file, self._tail = file, tail
        self._size, self._at = file.seek(0, io.SEEK_END), 0

    def read(self, size: int) -> bytes:
        """The next bytes."""
        self._file.seek(min(self._at, self._size))
        found = self._file.read(size)
        begin = max(0, self._at - self._size)
        found += self._tail[begin : begin + size - len(found)]
        self._at += len(found)
        return found

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to an offset from the beginning, or from here."""
        self._at = offset + (self._at if whence == io.SEEK_CUR else 0)
        return self._at

    def tell(self) -> int:
        """Where the next bytes come from."""
        return self._at
