"""Identifying images by their own bytes: type, and size in pixels as displayed.

Pillow's decoders decide, on the file's header only: no pixel is decoded here, so that no image of a few kilobytes can
take gigabytes of memory. Formats without a decoder are read by `headers`.
"""

import io
import threading
import warnings
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache
from typing import IO, Final

from PIL import ExifTags, Image

from imagegen.storage.images.end_detection import EndDetector, detect_end
from imagegen.storage.images.headers import read_header
from imagegen.storage.images.svg import is_svg

HEAD_BYTES: Final = 256 * 1024

# Pillow refuses images of many pixels because it expects to decode them.
Image.MAX_IMAGE_PIXELS = None
# Suppressing warnings changes the interpreter's list of them, and Pillow reads some formats as a whole.
_ONE_AT_A_TIME: Final = threading.Lock()
_ROTATED: Final = frozenset({5, 6, 7, 8})  # EXIF's orientations that swap width and height
# By Pillow's name of the format. Left out: formats without pixels, those that run a program or have no magic number,
# and those that Pillow decodes when it opens them (ICO).
_TYPES: Final = {
    "PNG": ("image/png", "png"),
    "JPEG": ("image/jpeg", "jpg"),
    "MPO": ("image/jpeg", "jpg"),
    "WEBP": ("image/webp", "webp"),
    "GIF": ("image/gif", "gif"),
    "AVIF": ("image/avif", "avif"),
    "TIFF": ("image/tiff", "tiff"),
    "BMP": ("image/bmp", "bmp"),
    "DIB": ("image/bmp", "dib"),
    "CUR": ("image/vnd.microsoft.icon", "cur"),
    "ICNS": ("image/icns", "icns"),
    "JPEG2000": ("image/jp2", "jp2"),
    "PPM": ("image/x-portable-anymap", "pnm"),
    "PSD": ("image/vnd.adobe.photoshop", "psd"),
    "QOI": ("image/qoi", "qoi"),
    "DDS": ("image/vnd.ms-dds", "dds"),
    "SGI": ("image/sgi", "sgi"),
    "TGA": ("image/x-tga", "tga"),
    "PCX": ("image/x-pcx", "pcx"),
    "DCX": ("image/x-dcx", "dcx"),
    "SUN": ("image/x-sun-raster", "ras"),
    "BLP": ("image/x-blp", "blp"),
    "MSP": ("image/x-msp", "msp"),
    "XBM": ("image/x-xbitmap", "xbm"),
    "XPM": ("image/x-xpixmap", "xpm"),
    "SPIDER": ("image/x-spider", "spi"),
}
# Formats that the first bytes of a file identify.
_HEAD_FORMATS: Final = ("PNG", "JPEG", "GIF")


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageInfo:
    """An image file, as its bytes describe it.

    Attributes:
        content_type: its media type.
        extension: of its file name, without the dot.
        size: width and height in pixels, as stored; None if it has no pixels.
        orientation: EXIF's, from 1 to 8: how it is rotated and mirrored for display.
        pixels_at: the offset of a JPEG's first scan, in bytes.
    """

    content_type: str
    extension: str
    size: tuple[int, int] | None = None
    orientation: int = 1
    pixels_at: int = 0

    @property
    def width(self) -> int | None:
        """In pixels, as displayed."""
        return self.size and self.size[self.orientation in _ROTATED]

    @property
    def height(self) -> int | None:
        """In pixels, as displayed."""
        return self.size and self.size[self.orientation not in _ROTATED]


UNKNOWN: Final = ImageInfo(content_type="application/octet-stream", extension="bin")
SVG: Final = ImageInfo(content_type="image/svg+xml", extension="svg")


# What every browser displays, and nothing that is parsed as a document.
_SHARED_INLINE: Final = frozenset({"image/jpeg", "image/png", "image/webp", "image/gif", "image/avif"})


def is_shown_by_links(content_type: str) -> bool:
    """Whether a link that needs no key may show such a file. Every other type is an attachment there."""
    return content_type in _SHARED_INLINE


def is_safe_inline(content_type: str) -> bool:
    """Whether a browser can only display such a file. Every other type is served as an attachment."""
    return content_type.startswith("image/") and content_type != SVG.content_type


def identify_head(head: bytes) -> ImageInfo | None:
    """Identify a file by its first bytes; None if that takes the whole file, or it is not an image. Blocks."""
    return _opened(io.BytesIO(head), _HEAD_FORMATS)


def identify(file: IO[bytes]) -> ImageInfo:
    """Identify a whole file; `UNKNOWN` if it is not an image. Blocks: call it in a thread."""
    opened = _opened(file, _formats()) or _header_info(file)
    if opened is None:
        file.seek(0)
        return SVG if is_svg(file.read(HEAD_BYTES)) else UNKNOWN
    if opened.content_type != _TYPES["PNG"][0]:
        return opened
    return with_late_exif(opened, detect_end(file, opened.content_type, 0))


@cache
def _formats() -> tuple[str, ...]:
    """The formats that this build of Pillow opens. The first call loads all of its plugins, which takes 0.2 s."""
    Image.init()
    return tuple(name for name in _TYPES if name in Image.OPEN)


def with_late_exif(info: ImageInfo, end: EndDetector) -> ImageInfo:
    """The same image with the orientation of the EXIF data behind its pixels, if there are any."""
    return replace(info, orientation=_orientation_in(end.exif)) if end.exif else info


def _orientation_in(exif: bytes) -> int:
    try:
        with quiet_pillow():
            tags = Image.Exif()
            tags.load(exif)
            return _orientation(tags)
    except Exception:  # noqa: BLE001 - broken EXIF data can raise anything, and do not matter
        return 1


def _opened(file: IO[bytes], formats: tuple[str, ...]) -> ImageInfo | None:
    """The image as Pillow reads its header; None if no decoder opens it."""
    file.seek(0)
    try:
        with quiet_pillow(), Image.open(file, formats=formats) as image:
            content_type, extension = _TYPES[image.format or ""]
            info = ImageInfo(
                content_type=content_type,
                extension=extension,
                size=image.size,
                orientation=_orientation_of(image),
                pixels_at=file.tell(),
            )
            return info if min(image.size) > 0 else None
    except Exception:  # noqa: BLE001 - decoders raise many types for a file that they cannot open
        return None


def _header_info(file: IO[bytes]) -> ImageInfo | None:
    """The image as its own header describes it, for formats that Pillow has no decoder for or is too strict with."""
    header = read_header(file)
    return header and ImageInfo(content_type=header.content_type, extension=header.extension, size=header.size)


def _orientation_of(image: Image.Image) -> int:
    if image.format == "TIFF":  # Pillow has applied it to the size already
        return 1
    try:
        # Not the PNG plugin's own method: it decodes the whole image to find EXIF data behind the pixels.
        return _orientation(Image.Image.getexif(image))
    except Exception:  # noqa: BLE001 - as in _orientation_in
        return 1


def _orientation(tags: Image.Exif) -> int:
    value = tags.get(ExifTags.Base.Orientation)
    return value if isinstance(value, int) and 1 <= value <= 8 else 1  # noqa: PLR2004 - EXIF 2.32, 4.6.4.A


@contextmanager
def quiet_pillow() -> Generator[None]:
    """Use Pillow inside the block: one thread at a time, and without its warnings about malformed files."""
    with _ONE_AT_A_TIME, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
