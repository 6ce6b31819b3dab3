"""What a picture's own bytes say: its type, and its size in pixels as it is displayed.

The decoders have the last word, on the file's header only: no pixel is ever decoded here, so that no picture of a few
kilobytes can take gigabytes. What they have no decoder for is read by `picture_headers`.
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

from imagegen.storage.picture_ends import EndWatch, watch_file
from imagegen.storage.picture_headers import read_header
from imagegen.storage.svg import is_svg

HEAD_BYTES: Final = 256 * 1024

# Pillow refuses pictures of many pixels because it expects to decode them.
Image.MAX_IMAGE_PIXELS = None
# Pillow changes the interpreter's list of warnings while it is quiet, and reads some kinds of files as a whole.
_ONE_AT_A_TIME: Final = threading.Lock()
_TURNED: Final = frozenset({5, 6, 7, 8})
# By Pillow's name of the format. Left out: what is no picture of pixels, runs a program, has no magic number, or is
# decoded as soon as it is opened (ICO).
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
# A file of these is known by its head, wherever the rest of it is.
_KNOWN_BY_THE_HEAD: Final = ("PNG", "JPEG", "GIF")


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """A file as its bytes describe it.

    Attributes:
        content_type: its media type.
        extension: of its name, without the dot.
        size: width and height in pixels as they are stored; None for what has no pixels.
        orientation: EXIF's, from 1 to 8: how it is turned when it is displayed.
        pixels_at: where a JPEG's pixels begin, in bytes from the file's beginning.
    """

    content_type: str
    extension: str
    size: tuple[int, int] | None = None
    orientation: int = 1
    pixels_at: int = 0

    @property
    def width(self) -> int | None:
        """In pixels, as displayed."""
        return self.size and self.size[self.orientation in _TURNED]

    @property
    def height(self) -> int | None:
        """In pixels, as displayed."""
        return self.size and self.size[self.orientation not in _TURNED]


UNKNOWN: Final = Picture(content_type="application/octet-stream", extension="bin")
SVG: Final = Picture(content_type="image/svg+xml", extension="svg")


def is_safe_inline(content_type: str) -> bool:
    """Whether a browser only ever paints such a file: everything else is served as an attachment."""
    return content_type.startswith("image/") and content_type != SVG.content_type


def recognise_head(head: bytes) -> Picture | None:
    """Recognise a file by its first bytes; None: it takes the whole file, or it is of another kind. Blocks."""
    return _opened(io.BytesIO(head), _KNOWN_BY_THE_HEAD)


def recognise(file: IO[bytes]) -> Picture:
    """Recognise a whole file, or say that it is `UNKNOWN`. Blocks: call it in a thread."""
    opened = _opened(file, _formats()) or _read(file)
    if opened is None:
        file.seek(0)
        return SVG if is_svg(file.read(HEAD_BYTES)) else UNKNOWN
    if opened.content_type != _TYPES["PNG"][0]:
        return opened
    return with_late_exif(opened, watch_file(file, opened.content_type, 0))


@cache
def _formats() -> tuple[str, ...]:
    """The formats that this build of Pillow opens; all of its plugins are loaded now, which takes 0.2 s."""
    Image.init()
    return tuple(name for name in _TYPES if name in Image.OPEN)


def with_late_exif(picture: Picture, watch: EndWatch) -> Picture:
    """The same picture, turned as the EXIF data say that came behind its pixels."""
    return replace(picture, orientation=_orientation_in(watch.exif)) if watch.exif else picture


def _orientation_in(exif: bytes) -> int:
    try:
        with quiet():
            tags = Image.Exif()
            tags.load(exif)
            return _orientation(tags)
    except Exception:  # noqa: BLE001 - broken EXIF data raise whatever they like, and the picture is none the worse
        return 1


def _opened(file: IO[bytes], formats: tuple[str, ...]) -> Picture | None:
    """What Pillow makes of the header; None where it makes nothing of it."""
    file.seek(0)
    try:
        with quiet(), Image.open(file, formats=formats) as image:
            content_type, extension = _TYPES[image.format or ""]
            picture = Picture(
                content_type=content_type,
                extension=extension,
                size=image.size,
                orientation=_orientation_of(image),
                pixels_at=file.tell(),
            )
            return picture if min(image.size) > 0 else None
    except Exception:  # noqa: BLE001 - no decoder opens it, whatever it calls that
        return None


def _read(file: IO[bytes]) -> Picture | None:
    """What the file's own header says where Pillow has no decoder, or is too strict."""
    found = read_header(file)
    return found and Picture(content_type=found.content_type, extension=found.extension, size=found.size)


def _orientation_of(image: Image.Image) -> int:
    if image.format == "TIFF":  # its size is the one of the turned picture already
        return 1
    try:
        # Not the PNG plugin's own method: it decodes the whole picture to find EXIF data behind the pixels.
        return _orientation(Image.Image.getexif(image))
    except Exception:  # noqa: BLE001 - as in _orientation_in
        return 1


def _orientation(tags: Image.Exif) -> int:
    value = tags.get(ExifTags.Base.Orientation)
    return value if isinstance(value, int) and 1 <= value <= 8 else 1  # noqa: PLR2004 - EXIF 2.32, 4.6.4.A


@contextmanager
def quiet() -> Generator[None]:
    """Ask Pillow, one thread at a time, and without its warnings about what is odd in a file."""
    with _ONE_AT_A_TIME, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
