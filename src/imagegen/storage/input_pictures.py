"""A caller's own picture: looked at whole before it is kept."""

import hashlib
from dataclasses import dataclass
from typing import IO, Final

import filetype  # pyright: ignore[reportMissingTypeStubs] - it has none; `guess_mime` is all that is used

from imagegen.errors import NotAPicture
from imagegen.storage.picture_wholeness import is_cut_off
from imagegen.storage.pictures import HEAD_BYTES, SVG, recognise

_PIECE: Final = 256 * 1024


class CutOffPicture(ValueError):
    """The bytes begin like a picture, and the rest is missing or damaged."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InputPicture:
    """A whole picture: what its own bytes say.

    `width` and `height` in pixels as displayed, `sha256` in lower-case hex.
    """

    content_type: str
    extension: str
    width: int
    height: int
    size_bytes: int
    sha256: str


def examine(file: IO[bytes]) -> InputPicture:
    """Read a file from its beginning to its end. Blocks: call it in a thread.

    Raises:
        NotAPicture: no decoder opens it, or it is an SVG, which no model takes.
        CutOffPicture: it begins like a picture that a decoder opens, and is cut off or damaged.
    """
    picture = recognise(file)
    if picture.width is None or picture.height is None:
        raise _refusal(file, is_svg=picture is SVG)
    if is_cut_off(file, picture.content_type, picture.pixels_at):
        raise CutOffPicture("the picture is cut off")
    size, digest = _digest(file)
    return InputPicture(
        content_type=picture.content_type,
        extension=picture.extension,
        width=picture.width,
        height=picture.height,
        size_bytes=size,
        sha256=digest,
    )


def _refusal(file: IO[bytes], *, is_svg: bool) -> NotAPicture | CutOffPicture:
    if is_svg:
        return NotAPicture("an SVG has no pixels; send it as PNG, JPEG, WebP, GIF or AVIF")
    file.seek(0)
    kind = filetype.guess_mime(file.read(HEAD_BYTES)) or ""  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType] - no stubs
    if str(kind).startswith("image/"):  # pyright: ignore[reportUnknownArgumentType] - no stubs
        return CutOffPicture(f"the picture begins like {kind}, and is cut off or damaged")
    return NotAPicture("no decoder opens the bytes; send a PNG, JPEG, WebP, GIF or AVIF picture")


def _digest(file: IO[bytes]) -> tuple[int, str]:
    file.seek(0)
    size, digest = 0, hashlib.sha256()
    while piece := file.read(_PIECE):
        size += len(piece)
        digest.update(piece)
    return size, digest.hexdigest()
