"""Detecting whether a file ends as its format prescribes. This is a hint only, because many good files do not."""

from typing import IO, Final

from typing_extensions import override

from imagegen.storage.images.iso_bmff import box_extent

_PIECE: Final = 256 * 1024
_TAIL_BYTES: Final = 64
_PNG_SIGNATURE: Final = 8
_CHECKSUM: Final = 4
_MOST_EXIF: Final = 64 * 1024
# Zeros are PNG chunks without name and data, of 12 bytes each: one by one, a file of them takes seconds per MiB.
_EMPTY_CHUNKS: Final = bytes(12 * 64)
_PADDING: Final = b"\0\r\n\t "
_END_OF_IMAGE: Final = b"\xff\xd9"


class EndDetector:
    """Inspects a file's bytes as they arrive.

    Attributes:
        size: how many bytes have arrived.
        exif: EXIF data behind the pixels, in formats that allow it there.
    """

    def __init__(self) -> None:
        self.size = 0
        self.exif = b""
        self._tail = b""

    def feed(self, chunk: bytes) -> None:
        """Inspect the next bytes of the file."""
        self._inspect(chunk)
        self.size += len(chunk)
        self._tail = (self._tail + chunk[-_TAIL_BYTES:])[-_TAIL_BYTES:]

    @property
    def has_ended(self) -> bool:
        """Whether the file may end here."""
        return True

    def _inspect(self, chunk: bytes) -> None:
        pass


class PngEndDetector(EndDetector):
    """Skips from PNG chunk to PNG chunk by their lengths, up to IEND."""

    def __init__(self) -> None:
        super().__init__()
        self._skip = _PNG_SIGNATURE
        self._collected = bytearray()
        self._wanted = 8
        self._reading_exif = False
        self._has_pixels = self._in_pixels = self._ended = False

    @property
    @override
    def has_ended(self) -> bool:
        """Whether IEND has arrived."""
        return self._ended

    @property
    def has_every_pixel(self) -> bool:
        """Whether all pixel data have arrived; the last checksum may be missing."""
        return self._ended or (self._has_pixels and not (self._in_pixels and self._skip > _CHECKSUM))

    @override
    def _inspect(self, chunk: bytes) -> None:
        at = 0
        while at < len(chunk) and not self._ended:
            if self._skip:
                passed = min(self._skip, len(chunk) - at)
                self._skip -= passed
                at += passed
                continue
            if not (self._collected or self._reading_exif) and chunk.startswith(_EMPTY_CHUNKS, at):
                at += len(_EMPTY_CHUNKS)
                self._in_pixels = False
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


class _Jpeg(EndDetector):
    """Looks for the end marker behind the start of the first scan, because one before it is a thumbnail's.

    Inside a scan, 0xFF is followed by 0x00 or a restart marker, so an end marker there is the image's.
    """

    def __init__(self, scan_begins: int) -> None:
        super().__init__()
        self._after, self._ended = scan_begins, False

    @property
    @override
    def has_ended(self) -> bool:
        return self._ended

    @override
    def _inspect(self, chunk: bytes) -> None:
        """Look for a marker across the boundary to the bytes before, then in the chunk, which may be large."""
        if not self._ended:
            boundary = self._tail[-1:] + chunk[:1]
            at_boundary = boundary == _END_OF_IMAGE and self.size > self._after
            self._ended = at_boundary or chunk.find(_END_OF_IMAGE, max(0, self._after - self.size)) >= 0


class _Gif(EndDetector):
    @property
    @override
    def has_ended(self) -> bool:
        return self._tail.rstrip(_PADDING).endswith(b";")


class _Sized(EndDetector):
    def __init__(self, size: int) -> None:
        super().__init__()
        self._declared = size

    @property
    @override
    def has_ended(self) -> bool:
        return self.size >= self._declared


def end_detector_for(content_type: str, pixels_at: int, declared: int = 0) -> EndDetector:
    """The detector for a file of this type.

    Args:
        content_type: its media type.
        pixels_at: the offset of a JPEG's first scan, in bytes.
        declared: the size that the file states, in bytes; 0 if its format states none.
    """
    match content_type:
        case "image/png":
            return PngEndDetector()
        case "image/jpeg":
            return _Jpeg(pixels_at)
        case "image/gif":
            return _Gif()
        case _:
            return _Sized(declared)


def detect_end(file: IO[bytes], content_type: str, pixels_at: int) -> EndDetector:
    """Feed a whole file to its detector. Blocks."""
    detector = end_detector_for(content_type, pixels_at, declared_size(file))
    file.seek(0)
    while piece := file.read(_PIECE):
        detector.feed(piece)
    return detector


def declared_size(file: IO[bytes]) -> int:
    """The size in bytes that a RIFF file (WebP) or one of boxes (AVIF, HEIC, JPEG 2000, JPEG XL) states; else 0."""
    file.seek(0)
    head = file.read(12)
    if head[:4] == b"RIFF":
        return 8 + int.from_bytes(head[4:8], "little")
    if head[4:8] in {b"ftyp", b"jP  ", b"JXL "}:
        return box_extent(file)
    return 0
