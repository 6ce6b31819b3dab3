"""Headers of images that Pillow does not open (HEIC, JPEG XL), decodes at once (ICO), or is too strict with (PNG).

Sources: ISO/IEC 23008-12 (HEIF), ISO/IEC 18181-1 annex D (JPEG XL), the PNG specification.
"""

import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import IO, Final

from imagegen.storage.images.iso_bmff import iter_boxes, iter_inner_boxes

_PNG: Final = b"\x89PNG\r\n\x1a\n"
_PNG_DEPTHS: Final = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}
_JXL_FILE: Final = b"\0\0\0\x0cJXL \r\n\x87\n"
_JXL_STREAM: Final = b"\xff\x0a"
_HEIC_BRANDS: Final = frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"})
_MOST_META: Final = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Header:
    """A file's header; `size` is width and height in pixels, as displayed."""

    content_type: str
    extension: str
    size: tuple[int, int]


def read_header(file: IO[bytes]) -> Header | None:
    """Read a file's header; None if its format is not one of these, or the header is damaged."""
    file.seek(0)
    head = file.read(4096)
    for read in _READERS:
        try:
            header = read(file, head)
        except (ValueError, LookupError, struct.error):
            continue
        if header is not None and min(header.size) > 0:
            return header
    return None


def _png(_: IO[bytes], head: bytes) -> Header | None:
    if not head.startswith(_PNG) or head[12:16] != b"IHDR":
        return None
    fields, crc = head[16:29], head[29:33]
    width, height, depth, color = struct.unpack(">IIBB", fields[:10])
    if zlib.crc32(b"IHDR" + fields) != int.from_bytes(crc, "big") or depth not in _PNG_DEPTHS[color]:
        return None
    return Header("image/png", "png", (width, height))


def _ico(file: IO[bytes], head: bytes) -> Header | None:
    """Read the size of the largest icon."""
    reserved, kind, count = struct.unpack("<HHH", head[:6])
    if reserved != 0 or kind != 1 or count == 0:
        return None
    slots = [head[at : at + 16] for at in range(6, min(6 + 16 * count, len(head)), 16)]
    entries = [struct.unpack("<BBBBHHII", entry) for entry in slots if len(entry) == 16]  # noqa: PLR2004 - as unpacked
    largest = max(entries, key=lambda entry: (entry[0] or 256) * (entry[1] or 256))
    file.seek(largest[-1])
    size = _icon_size(file, file.read(33))
    return size and Header("image/vnd.microsoft.icon", "ico", size)


def _icon_size(file: IO[bytes], begin: bytes) -> tuple[int, int] | None:
    """The size of one icon: a PNG, or a bitmap of twice its height, because its mask follows it."""
    png = _png(file, begin)
    if png is not None:
        return png.size
    header, width, height = struct.unpack("<Iii", begin[:12])
    return (width, abs(height) // 2) if 12 <= header <= 124 else None  # noqa: PLR2004 - of the bitmap formats there are


def _jxl(file: IO[bytes], head: bytes) -> Header | None:
    if head.startswith(_JXL_STREAM):
        stream = head
    elif head.startswith(_JXL_FILE):
        stream = next(
            (_jxl_part(name, file.read(64)) for name, _ in iter_boxes(file) if name in {b"jxlc", b"jxlp"}), b""
        )
    else:
        return None
    bits = _Bits(stream.removeprefix(_JXL_STREAM)) if stream.startswith(_JXL_STREAM) else None
    return bits and Header("image/jxl", "jxl", _jxl_size(bits))


def _jxl_part(name: bytes, begin: bytes) -> bytes:
    return begin[4:] if name == b"jxlp" else begin


class _Bits:
    """Reads numbers from bytes, the lowest bit first."""

    def __init__(self, data: bytes) -> None:
        self._value, self._left = int.from_bytes(data[:32], "little"), 8 * len(data[:32])

    def take(self, count: int) -> int:
        if count > self._left:
            raise ValueError("the header is truncated")
        value = self._value & ((1 << count) - 1)
        self._value >>= count
        self._left -= count
        return value


_JXL_RATIOS: Final = {1: (1, 1), 2: (12, 10), 3: (4, 3), 4: (3, 2), 5: (16, 9), 6: (5, 4), 7: (2, 1)}


def _jxl_size(bits: _Bits) -> tuple[int, int]:
    small = bits.take(1)
    height = _jxl_side(bits, small)
    ratio = bits.take(3)
    if ratio == 0:
        width = _jxl_side(bits, small)
    else:
        of, by = _JXL_RATIOS[ratio]
        width = height * of // by
    all_default = bits.take(1)
    extra_fields = 0 if all_default else bits.take(1)
    rotated = bool(extra_fields) and bits.take(3) >= 4  # noqa: PLR2004 - EXIF's orientations 5 to 8, from 0
    return (height, width) if rotated else (width, height)


def _jxl_side(bits: _Bits, small: int) -> int:
    if small:
        return (bits.take(5) + 1) * 8
    return bits.take((9, 13, 18, 30)[bits.take(2)]) + 1


def _heic(file: IO[bytes], head: bytes) -> Header | None:
    """Read the size and rotation of the primary item from the box `meta`, wherever in the file it is."""
    if head[4:8] != b"ftyp" or head[8:12] not in _HEIC_BRANDS:
        return None
    for name, size in iter_boxes(file):
        if name == b"meta" and size <= _MOST_META:
            return Header("image/heic", "heic", _primary_size(file.read(size)))
    return None


def _primary_size(meta: bytes) -> tuple[int, int]:
    parts = dict(iter_inner_boxes(meta[4:]))
    wide = parts[b"pitm"][0] > 0
    primary = int.from_bytes(parts[b"pitm"][4 : 8 if wide else 6], "big")
    inner = dict(iter_inner_boxes(parts[b"iprp"]))
    properties = list(iter_inner_boxes(inner[b"ipco"]))
    own = [properties[index - 1] for index in _associated(inner[b"ipma"], primary) if 0 < index <= len(properties)]
    width, height = next(struct.unpack(">II", content[4:12]) for name, content in own if name == b"ispe")
    rotated = sum(content[0] & 3 for name, content in own if name == b"irot") % 2
    return (height, width) if rotated else (width, height)


def _associated(table: bytes, item: int) -> list[int]:
    """The indexes, from 1, of an item's properties."""
    wide_ids, wide_numbers = table[0] > 0, bool(table[3] & 1)
    count, at = int.from_bytes(table[4:8], "big"), 8
    for _ in range(count):
        found = int.from_bytes(table[at : at + (4 if wide_ids else 2)], "big")
        at += 4 if wide_ids else 2
        many, width = table[at], 2 if wide_numbers else 1
        numbers = table[at + 1 : at + 1 + many * width]
        if found == item:
            mask = 0x7FFF if wide_numbers else 0x7F
            return [int.from_bytes(numbers[n : n + width], "big") & mask for n in range(0, len(numbers), width)]
        at += 1 + many * width
    return []


_READERS: Final[tuple[Callable[[IO[bytes], bytes], Header | None], ...]] = (_png, _jxl, _heic, _ico)
