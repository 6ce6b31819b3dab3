"""Unusual image files that decoders can open: every kind, order, length and orientation. They are built by code."""

import base64
import functools
import io
import struct
import warnings
import zlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from PIL import Image, ImageOps

SIZE: Final = (48, 32)
PNG_SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"
IEND: Final = b"\0\0\0\0IEND\xaeB`\x82"


def drawn(mode: str = "RGB", size: tuple[int, int] = SIZE) -> Image.Image:
    """An image whose corners all differ; always the same."""
    across, down = Image.linear_gradient("L").resize(size).rotate(180), Image.radial_gradient("L").resize(size)
    image = Image.merge("RGB", (across, down, Image.linear_gradient("L").resize(size)))
    return (
        image
        if mode == "RGB"
        else image.convert("L").convert(mode)
        if mode.startswith(("I", "F"))
        else image.convert(mode)
    )


def saved(kind: str, mode: str = "RGB", size: tuple[int, int] = SIZE, **options: Any) -> bytes:
    file = io.BytesIO()
    drawn(mode, size).save(file, kind, **options)
    return file.getvalue()


def frames(count: int = 3) -> list[Image.Image]:
    return [drawn(size=SIZE).rotate(30 * number) for number in range(1, count)]


def exif(orientation: int, **more: bytes) -> Image.Exif:
    tags = Image.Exif()
    tags[0x0112] = orientation
    if "note" in more:
        tags[0x927C] = more["note"]
    return tags


def displayed_size(content: bytes) -> tuple[int, int]:
    """The size that a decoder shows after decoding and orienting the image."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with Image.open(io.BytesIO(content)) as image:
            image.load()
            return ImageOps.exif_transpose(image).size


def data_uri(content: bytes, content_type: str = "image/png") -> str:
    return f"data:{content_type};base64,{base64.b64encode(content).decode()}"


# PNG -----------------------------------------------------------------------------------------------------------------


def chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png_chunks(content: bytes) -> Iterator[bytes]:
    at = len(PNG_SIGNATURE)
    while at < len(content):
        end = at + 12 + int.from_bytes(content[at : at + 4], "big")
        yield content[at:end]
        at = end


def png_with(before: bytes = b"", behind: bytes = b"", **options: Any) -> bytes:
    """A PNG with other chunks before and after its pixels."""
    made = saved("png", **options)
    begin, end = made.index(b"IDAT") - 4, made.index(b"IEND") - 4
    return made[:begin] + before + made[begin:end] + behind + made[end:]


def png_in_pieces() -> bytes:
    """A chunk for every seven bytes of pixels, with empty ones between."""
    parts = list(png_chunks(saved("png")))
    pixels = b"".join(part[8:-4] for part in parts if part[4:8] == b"IDAT")
    pieces = b"".join(chunk(b"IDAT", pixels[at : at + 7]) + chunk(b"IDAT", b"") for at in range(0, len(pixels), 7))
    return PNG_SIGNATURE + parts[0] + pieces + IEND


def png_interlaced() -> bytes:
    """Adam7 in one color: seven passes, each with the filter byte before its rows."""
    width, height = SIZE
    rows = b""
    for left, top, step_x, step_y in (
        (0, 0, 8, 8),
        (4, 0, 8, 8),
        (0, 4, 4, 8),
        (2, 0, 4, 4),
        (0, 2, 2, 4),
        (1, 0, 2, 2),
        (0, 1, 1, 2),
    ):
        across, down = -(-(width - left) // step_x), -(-(height - top) // step_y)
        rows += (b"\0" + b"\x40\x80\xc0" * across) * down
    header = struct.pack(">II5B", width, height, 8, 2, 0, 0, 1)
    return PNG_SIGNATURE + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + IEND


# JPEG ----------------------------------------------------------------------------------------------------------------


def segment(marker: int, data: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(data) + 2) + data


def jpeg_with(*segments: bytes, **options: Any) -> bytes:
    """A JPEG with these segments after its first marker."""
    made = saved("jpeg", **options)
    return made[:2] + b"".join(segments) + made[2:]


def jpeg_bare() -> bytes:
    """A JPEG without its JFIF segment: the tables come first."""
    made = saved("jpeg")
    return made[:2] + made[4 + int.from_bytes(made[4:6], "big") :]


def jpeg_with_fill_bytes() -> bytes:
    """Any number of 0xFF may stand before a marker."""
    made = saved("jpeg")
    return made[:2] + b"\xff" * 40 + made[2:]


# The others ----------------------------------------------------------------------------------------------------------


def riff_chunk(name: bytes, data: bytes) -> bytes:
    return name + struct.pack("<I", len(data)) + data + bytes(len(data) % 2)


def webp_with(*chunks: bytes) -> bytes:
    """A WebP with other chunks after its pixels, counted by its header."""
    made = saved("webp", exif=exif(1))
    body = made[12:] + b"".join(chunks)
    return b"RIFF" + struct.pack("<I", 4 + len(body)) + b"WEBP" + body


def gif_with_comment(size: int) -> bytes:
    made = saved("gif")
    at = 13 + (3 << ((made[10] & 7) + 1) if made[10] & 0x80 else 0)
    blocks = b"".join(bytes([255]) + b"c" * 255 for _ in range(size // 255))
    return b"GIF89a" + made[6:at] + b"\x21\xfe" + blocks + b"\0" + made[at:]


def box(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", 8 + len(data)) + name + data


def avif_with_meta_last() -> bytes:
    """The pixels first, then their position."""
    made, parts, at = saved("avif"), dict[bytes, bytes](), 0
    while at < len(made):
        size = int.from_bytes(made[at : at + 4], "big") or len(made) - at
        parts[made[at + 4 : at + 8]] = made[at : at + size]
        at += size
    offset = made.index(b"mdat") + 4
    moved = len(parts[b"ftyp"]) + 8
    meta = parts[b"meta"].replace(struct.pack(">I", offset), struct.pack(">I", moved))
    return parts[b"ftyp"] + parts[b"mdat"] + meta


_NOISE: Final = bytes(range(256)) * 256
_PHOTOSHOP: Final = segment(0xED, b"Photoshop 3.0\0" + _NOISE[:65000])
_TURNED: Final = exif(6).tobytes().removeprefix(b"Exif\0\0")

_MAKERS: Final[Mapping[str, Callable[[], bytes]]] = {
    **{f"png {mode}": functools.partial(saved, "png", mode) for mode in ("1", "L", "LA", "P", "RGB", "RGBA", "I;16")},
    "png turned": lambda: saved("png", exif=exif(6)),
    "png turned behind its pixels": lambda: png_with(behind=chunk(b"eXIf", _TURNED)),
    "png of many pieces": png_in_pieces,
    "png interlaced": png_interlaced,
    "png animated": lambda: saved("png", save_all=True, append_images=frames()),
    "png without end": lambda: saved("png").removesuffix(IEND),
    "png with half an end": lambda: saved("png")[:-7],
    "png with garbage": lambda: saved("png") + b"trailing garbage" * 9,
    "png with a large text": lambda: png_with(chunk(b"tEXt", b"workflow\0" + b"{}" * 200_000)),
    "png with a large colour profile": lambda: saved("png", icc_profile=_NOISE * 6),
    "png with unknown chunks": lambda: png_with(chunk(b"juNk", b"?" * 999) * 50, chunk(b"juNk", b"!")),
    "png with zero bytes": lambda: saved("png") + bytes(5000),
    "png of one pixel": lambda: saved("png", size=(1, 1)),
    "png very wide": lambda: saved("png", "1", (20_000, 2)),
    **{f"jpeg turned to {number}": functools.partial(saved, "jpeg", exif=exif(number)) for number in range(1, 9)},
    "jpeg grey": lambda: saved("jpeg", "L"),
    "jpeg cmyk": lambda: saved("jpeg", "CMYK"),
    "jpeg progressive": lambda: saved("jpeg", progressive=True, size=(300, 200)),
    "jpeg of full colour": lambda: saved("jpeg", subsampling=0, quality=100),
    "jpeg with restarts": lambda: saved("jpeg", restart_marker_blocks=1),
    "jpeg without jfif": jpeg_bare,
    "jpeg with fill bytes": jpeg_with_fill_bytes,
    "jpeg with 325 kB of photoshop": lambda: jpeg_with(*[_PHOTOSHOP] * 5),
    "jpeg with 2 MB of segments": lambda: jpeg_with(*[_PHOTOSHOP] * 32),
    "jpeg with a large colour profile": lambda: saved("jpeg", icc_profile=_NOISE * 6),
    "jpeg with 3000 comments": lambda: jpeg_with(*[segment(0xFE, b"c")] * 3000),
    "jpeg with a thumbnail": lambda: saved("jpeg", exif=exif(8, note=saved("jpeg", size=(16, 16)))),
    "jpeg turned, behind photoshop": lambda: jpeg_with(*[_PHOTOSHOP] * 5, segment(0xE1, b"Exif\0\0" + _TURNED)),
    "jpeg with broken exif": lambda: jpeg_with(segment(0xE1, b"Exif\0\0II*\0\xff\xff\xff\x7f" + _NOISE[:99])),
    "jpeg without end": lambda: saved("jpeg", size=(300, 200)).removesuffix(b"\xff\xd9"),
    "jpeg with garbage": lambda: saved("jpeg") + b"SEFT" + _NOISE,
    "jpeg with a film behind it": lambda: saved("jpeg") + box(b"ftyp", b"mp42") + box(b"mdat", _NOISE),
    "jpeg of several": lambda: saved("mpo", save_all=True, append_images=frames()),
    "jpeg with a line end": lambda: saved("jpeg") + b"\r\n",
    "webp": lambda: saved("webp"),
    "webp lossless": lambda: saved("webp", lossless=True),
    "webp see-through": lambda: saved("webp", "RGBA"),
    "webp animated": lambda: saved("webp", save_all=True, append_images=frames()),
    "webp turned": lambda: saved("webp", exif=exif(6)),
    "webp animated and turned": lambda: saved("webp", save_all=True, append_images=frames(), exif=exif(5)),
    "webp with unknown chunks": lambda: webp_with(riff_chunk(b"JUNK", b"x" * 301), riff_chunk(b"XMP ", b"<x/>")),
    "webp with large metadata": lambda: saved("webp", icc_profile=_NOISE * 6, exif=exif(7)),
    "webp with garbage": lambda: saved("webp") + b"garbage",
    "gif": lambda: saved("gif"),
    "gif animated": lambda: saved("gif", save_all=True, append_images=frames(6), loop=0, duration=50),
    "gif with a line end": lambda: saved("gif") + b"\r\n",
    "gif without trailer": lambda: saved("gif")[:-1],
    "gif with zero bytes": lambda: saved("gif") + bytes(200),
    "gif with garbage": lambda: saved("gif") + b"garbage",
    "gif see-through": lambda: saved("gif", "RGBA"),
    "gif with a large comment": lambda: gif_with_comment(400_000),
    "avif": lambda: saved("avif"),
    "avif see-through": lambda: saved("avif", "RGBA"),
    "avif animated": lambda: saved("avif", save_all=True, append_images=frames()),
    **{f"avif turned to {number}": functools.partial(saved, "avif", exif=exif(number)) for number in (3, 6, 8)},
    "avif with metadata": lambda: saved("avif", icc_profile=_NOISE * 6),
    "avif with meta last": avif_with_meta_last,
    "avif with garbage": lambda: saved("avif") + b"trailing garbage",
    **{f"bmp {mode}": functools.partial(saved, "bmp", mode) for mode in ("1", "L", "P", "RGB", "RGBA")},
    "tiff": lambda: saved("tiff"),
    "tiff large": lambda: saved("tiff", size=(500, 300)),
    "tiff lzw": lambda: saved("tiff", compression="tiff_lzw", size=(500, 300)),
    "tiff jpeg": lambda: saved("tiff", compression="jpeg"),
    "tiff of pages": lambda: saved("tiff", save_all=True, append_images=frames()),
    "tiff big": lambda: saved("tiff", big_tiff=True),
    "tiff of 16 bits": lambda: saved("tiff", "I;16"),
    "tiff of floats": lambda: saved("tiff", "F"),
    "tiff turned": lambda: saved("tiff", tiffinfo={0x0112: 6}),
    "ico": lambda: saved("ico"),
    "ico of bitmaps": lambda: saved("ico", bitmap_format="bmp"),
    "icns": lambda: saved("icns", size=(128, 128)),
    "jpeg 2000": lambda: saved("jpeg2000"),
    "jpeg 2000 stream": lambda: saved("jpeg2000", no_jp2=True),
    "ppm": lambda: saved("ppm"),
    "pgm": lambda: saved("ppm", "L"),
    "pbm": lambda: saved("ppm", "1"),
    "tga": lambda: saved("tga"),
    "tga packed": lambda: saved("tga", compression="tga_rle"),
    "pcx": lambda: saved("pcx"),
    "sgi": lambda: saved("sgi"),
    "dds": lambda: saved("dds"),
    "qoi": lambda: saved("qoi"),
    "dib": lambda: saved("dib"),
    "msp": lambda: saved("msp", "1"),
    "xbm": lambda: saved("xbm", "1"),
    "spider": lambda: saved("spider", "F"),
    "blp": lambda: saved("blp", "P"),
}
NAMES: Final = tuple(_MAKERS)


@functools.cache
def specimen(name: str) -> bytes:
    """The file of this name."""
    return _MAKERS[name]()
