"""Whether a file seems to end where its kind ends: only a hint, because many good files end otherwise."""

from typing import IO, Final

from imagegen.storage.picture_boxes import extent_of_boxes

_PIECE: Final = 256 * 1024
_TAIL_BYTES: Final = 64
_PNG_SIGNATURE: Final = 8
_CHECKSUM: Final = 4
_MOST_EXIF: Final = 64 * 1024
_PADDING: Final = b"\0\r\n\t "
_END_OF_IMAGE: Final = b"\xff\xd9"


class EndWatch:
    """Looks at a file's bytes as they pass by.

    Attributes:
        size: bytes seen so far.
        exif: EXIF data that were among them, where the kind may have some behind its pixels.
    """

    def __init__(self) -> None:
        self.size = 0
        self.exif = b""
        self._tail = b""

    def feed(self, chunk: bytes) -> None:
        """Look at the next bytes of the file."""
        self._look(chunk)
        self.size += len(chunk)
        self._tail = (self._tail + chunk[-_TAIL_BYTES:])[-_TAIL_BYTES:]

    @property
    def reached(self) -> bool:
        """Whether the file may end here."""
        return True

    def _look(self, chunk: bytes) -> None:
        pass


class PngWatch(EndWatch):
    """Goes from chunk to chunk by their lengths; it has ended with IEND, or whole behind its pixels."""

    def __init__(self) -> None:
        super().__init__()
        self._skip = _PNG_SIGNATURE
        self._collected = bytearray()
        self._wanted = 8
        self._reading_exif = False
        self._has_pixels = self._in_pixels = self._ended = False

    @property
    def reached(self) -> bool:
        """Whether IEND was seen."""
        return self._ended

    @property
    def has_every_pixel(self) -> bool:
        """Whether the file goes on behind its pixels, or ends there; the last checksum may lack."""
        return self._ended or (self._has_pixels and not (self._in_pixels and self._skip > _CHECKSUM))

    def _look(self, chunk: bytes) -> None:
        at = 0
        while at < len(chunk) and not self._ended:
            if self._skip:
                passed = min(self._skip, len(chunk) - at)
                self._skip -= passed
                at += passed
                continue
            missing = self._wanted - len(self._collected)
            self._collected += chunk[at : at + missing]
            at += missing
            if len(self._collected) >= self._wanted:
                self._take(bytes(self._collected))

    def _take(self, collected: bytes) -> None:
        self._collected.clear()
        if self._reading_exif:
            self.exif, self._reading_exif, self._wanted, self._skip = collected, False, 8, _CHECKSUM
            return
        length, name = int.from_bytes(collected[:4], "big"), collected[4:]
        self._ended = name == b"IEND"
        self._in_pixels = name == b"IDAT"
        self._has_pixels |= self._in_pixels
        if name == b"eXIf" and 0 < length <= _MOST_EXIF:
            self._reading_exif, self._wanted = True, length
        else:
            self._skip = length + _CHECKSUM


class _Jpeg(EndWatch):
    """Looks for the end of the image behind the start of its scan: an end before it is a thumbnail's.

    Inside a scan, 0xFF is followed by 0x00 or a restart marker, so that an end there is the end.
    """

    def __init__(self, scan_begins: int) -> None:
        super().__init__()
        self._after, self._ended = scan_begins, False

    @property
    def reached(self) -> bool:
        return self._ended

    def _look(self, chunk: bytes) -> None:
        """Look at the seam to what came before, then at the chunk itself, which may be large and is not copied."""
        if not self._ended:
            seam = self._tail[-1:] + chunk[:1]
            at_the_seam = seam == _END_OF_IMAGE and self.size > self._after
            self._ended = at_the_seam or chunk.find(_END_OF_IMAGE, max(0, self._after - self.size)) >= 0


class _Gif(EndWatch):
    @property
    def reached(self) -> bool:
        return self._tail.rstrip(_PADDING).endswith(b";")


class _Sized(EndWatch):
    def __init__(self, size: int) -> None:
        super().__init__()
        self._declared = size

    @property
    def reached(self) -> bool:
        return self.size >= self._declared


def watch(content_type: str, pixels_at: int, declared: int = 0) -> EndWatch:
    """Watch a file of this type.

    Args:
        content_type: what it is.
        pixels_at: offset of a JPEG's first scan.
        declared: bytes that the file says it has, where its kind says so.
    """
    match content_type:
        case "image/png":
            return PngWatch()
        case "image/jpeg":
            return _Jpeg(pixels_at)
        case "image/gif":
            return _Gif()
        case _:
            return _Sized(declared)


def watch_file(file: IO[bytes], content_type: str, pixels_at: int) -> EndWatch:
    """Let a watch see a whole file. Blocks."""
    seen = watch(content_type, pixels_at, declared_size(file))
    file.seek(0)
    while piece := file.read(_PIECE):
        seen.feed(piece)
    return seen


def declared_size(file: IO[bytes]) -> int:
    """How many bytes a file of RIFF (WebP) or of boxes (AVIF, HEIC, JPEG 2000, JPEG XL) says it has; else 0."""
    file.seek(0)
    head = file.read(12)
    if head[:4] == b"RIFF":
        return 8 + int.from_bytes(head[4:8], "little")
    if head[4:8] in {b"ftyp", b"jP  ", b"JXL "}:
        return extent_of_boxes(file)
    return 0
