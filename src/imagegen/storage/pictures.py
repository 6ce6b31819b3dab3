"""What a picture's own bytes say: its type, its size in pixels, and where it ends.

Only the head of a file is needed, so a picture is known before the rest of it has arrived.
"""

import io
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import filetype  # pyright: ignore[reportMissingTypeStubs] - it has none; `guess_mime` is all that is used
from PIL import JpegImagePlugin

from imagegen.errors import NotAPicture, TransferInterrupted

HEAD_BYTES: Final = 256 * 1024
_TAIL_BYTES: Final = 64
_AVIF_BOXES: Final = {b"ftyp", b"meta", b"mdat", b"moov", b"free", b"skip", b"uuid"}


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """How a whole file is told from one that was cut off.

    Attributes:
        size: the file has at least this many bytes.
        marker: bytes that stand at its end; what may follow them (metadata of phones, padding) is no fault.
        after: the marker counts only from this offset on (a thumbnail in the head has an end of its own).
        last: nothing but zero bytes may follow the marker, which is too short to be searched for.
    """

    size: int = 0
    marker: bytes = b""
    after: int = 0
    last: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """A picture as its head describes it; `width` and `height` in pixels."""

    content_type: str
    extension: str
    width: int
    height: int
    end: End


class EndWatch:
    """Looks at a file's bytes as they pass by and knows whether its end was among them."""

    def __init__(self, end: End) -> None:
        self._end = end
        self._seen = not end.marker
        self.size = 0
        self._tail = b""

    def feed(self, chunk: bytes) -> None:
        """Look at the next bytes of the file."""
        if not self._seen and not self._end.last:
            self._seen = self._has_marker(chunk)
        self.size += len(chunk)
        self._tail = chunk[-_TAIL_BYTES:] if len(chunk) >= _TAIL_BYTES else (self._tail + chunk)[-_TAIL_BYTES:]

    def _has_marker(self, chunk: bytes) -> bool:
        """Look at the seam to what came before, then at the chunk itself, which may be large and is not copied."""
        marker, after = self._end.marker, self._end.after
        most = len(marker) - 1
        before = self._tail[-most:]
        seam = before + chunk[:most]
        if seam.find(marker, max(0, after - self.size + len(before))) >= 0:
            return True
        return chunk.find(marker, max(0, after - self.size)) >= 0

    @property
    def reached(self) -> bool:
        """Whether the file may end here."""
        seen = self._tail.rstrip(b"\0").endswith(self._end.marker) if self._end.last else self._seen
        return seen and self.size >= self._end.size


def recognise(head: bytes, *, whole: bool) -> Picture:
    """Read type and dimensions from the first bytes of a file, at most 256 KiB of it.

    Args:
        head: the first bytes.
        whole: whether `head` is all that came.

    Raises:
        NotAPicture: the bytes are none of PNG, JPEG, WebP, GIF, AVIF.
        TransferInterrupted: they begin as one of these, and end before its header does.
    """
    read = _READERS.get(filetype.guess_mime(head) or "")  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType] - no stubs
    if read is None:
        raise NotAPicture("the bytes are not a picture (PNG, JPEG, WebP, GIF or AVIF)")
    try:
        picture = read(head)
    except (SyntaxError, ValueError, OSError, LookupError, struct.error) as error:
        if whole:
            raise TransferInterrupted("the picture is cut off in its header") from error
        raise NotAPicture("the bytes begin like a picture, but their header cannot be read") from error
    if picture.width < 1 or picture.height < 1:
        raise NotAPicture("the picture has no pixels")
    return picture


def _png(head: bytes) -> Picture:
    if head[12:16] != b"IHDR":
        raise ValueError("IHDR does not come first")
    width, height = struct.unpack(">II", head[16:24])
    end = End(marker=b"\0\0\0\0IEND\xaeB`\x82")
    return Picture(content_type="image/png", extension="png", width=width, height=height, end=end)


def _jpeg(head: bytes) -> Picture:
    file = io.BytesIO(head)
    # Not through `Image.open`: it refuses a large picture as a decompression bomb, and nothing is decompressed here.
    with JpegImagePlugin.JpegImageFile(file) as image:
        width, height = image.size
        scan_begins = file.tell()
    # Inside a scan, 0xFF is followed by 0x00 or a restart marker, so EOI there is the end and nothing else.
    end = End(marker=b"\xff\xd9", after=scan_begins)
    return Picture(content_type="image/jpeg", extension="jpg", width=width, height=height, end=end)


def _gif(head: bytes) -> Picture:
    width, height = struct.unpack("<HH", head[6:10])
    end = End(marker=b";", last=True)
    return Picture(content_type="image/gif", extension="gif", width=width, height=height, end=end)


def _webp(head: bytes) -> Picture:
    """Read WebP's three kinds of header (RFC 9649): Pillow's reader wants the whole file."""
    kind = head[12:16]
    if kind == b"VP8X":
        width = int.from_bytes(head[24:27], "little") + 1
        height = int.from_bytes(_present(head[27:30], 3), "little") + 1
    elif kind == b"VP8L":
        bits = int.from_bytes(_present(head[21:25], 4), "little")
        width, height = (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    else:
        width, height = (side & 0x3FFF for side in struct.unpack("<HH", head[26:30]))
    end = End(size=8 + int.from_bytes(head[4:8], "little"))
    return Picture(content_type="image/webp", extension="webp", width=width, height=height, end=end)


def _avif(head: bytes) -> Picture:
    """Read AVIF's largest `ispe` property (ISO/IEC 23008-12) and the extent of its boxes; Pillow wants the whole."""
    extents = head.split(b"ispe\0\0\0\0")[1:]
    width, height = max(struct.unpack(">II", extent[:8]) for extent in extents)
    offset = 0
    while head[offset + 4 : offset + 8] in _AVIF_BOXES:
        offset += max(8, int.from_bytes(head[offset : offset + 4], "big"))
    return Picture(content_type="image/avif", extension="avif", width=width, height=height, end=End(size=offset))


def _present(field: bytes, size: int) -> bytes:
    if len(field) < size:
        raise ValueError("the header is cut off")
    return field


_READERS: Final[dict[str, Callable[[bytes], Picture]]] = {
    "image/png": _png,
    "image/apng": _png,
    "image/jpeg": _jpeg,
    "image/webp": _webp,
    "image/gif": _gif,
    "image/avif": _avif,
}
