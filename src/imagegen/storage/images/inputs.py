"""Input images of callers: examined as a whole before they are stored."""

import hashlib
from dataclasses import dataclass
from typing import IO, Final

import filetype  # pyright: ignore[reportMissingTypeStubs] - it has none; `guess_mime` is all that is used

from imagegen.errors import NotAnImage
from imagegen.storage.images.integrity import is_truncated
from imagegen.storage.images.sniffing import HEAD_BYTES, SVG, identify

_PIECE: Final = 256 * 1024


class TruncatedImage(ValueError):
    """The bytes begin like an image, but the rest is missing or damaged."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InputImage:
    """A complete input image, as its own bytes describe it.

    Attributes:
        content_type: its media type.
        extension: of its file name, without the dot.
        width: in pixels, as displayed.
        height: in pixels, as displayed.
        size_bytes: the size of the file.
        sha256: the digest of the file, in lower-case hex.
    """

    content_type: str
    extension: str
    width: int
    height: int
    size_bytes: int
    sha256: str


def examine(file: IO[bytes]) -> InputImage:
    """Examine a whole file. Blocks: call it in a thread.

    Raises:
        NotAnImage: no decoder opens it, or it is an SVG, which no model accepts.
        TruncatedImage: it begins like an image that a decoder opens, but is truncated or damaged.
    """
    info = identify(file)
    if info.width is None or info.height is None:
        raise _rejection(file, is_svg=info is SVG)
    if is_truncated(file, info.content_type, info.pixels_at):
        raise TruncatedImage("the image is truncated")
    size, digest = _digest(file)
    return InputImage(
        content_type=info.content_type,
        extension=info.extension,
        width=info.width,
        height=info.height,
        size_bytes=size,
        sha256=digest,
    )


def _rejection(file: IO[bytes], *, is_svg: bool) -> NotAnImage | TruncatedImage:
    if is_svg:
        return NotAnImage("an SVG has no pixels; send it as PNG, JPEG, WebP, GIF or AVIF")
    file.seek(0)
    kind = filetype.guess_mime(file.read(HEAD_BYTES)) or ""  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType] - no stubs
    if str(kind).startswith("image/"):  # pyright: ignore[reportUnknownArgumentType] - no stubs
        return TruncatedImage(f"the image begins like {kind}, but is truncated or damaged")
    return NotAnImage("its bytes are not an image; send a PNG, JPEG, WebP, GIF or AVIF image")


def _digest(file: IO[bytes]) -> tuple[int, str]:
    file.seek(0)
    size, digest = 0, hashlib.sha256()
    while piece := file.read(_PIECE):
        size += len(piece)
        digest.update(piece)
    return size, digest.hexdigest()
