"""A caller's own picture on its way into the bucket: looked at whole, then sent from where it lies."""

import asyncio
import hashlib
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import IO, Final

from imagegen.storage.picture_uploads import Body
from imagegen.storage.pictures import HEAD_BYTES, EndWatch, recognise

_PIECE: Final = 256 * 1024


class CutOffPicture(ValueError):
    """The bytes begin like a picture, and its end is missing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InputPicture:
    """A whole picture: what its own bytes say. `width` and `height` in pixels, `sha256` in lower-case hex."""

    content_type: str
    extension: str
    width: int
    height: int
    size_bytes: int
    sha256: str


def examine(file: IO[bytes]) -> InputPicture:
    """Read a file from its beginning to its end. Blocks: call it in a thread.

    Raises:
        NotAPicture: none of PNG, JPEG, WebP, GIF, AVIF.
        TransferInterrupted: cut off in its header.
        CutOffPicture: cut off later.
    """
    file.seek(0)
    head = file.read(HEAD_BYTES)
    picture = recognise(head, whole=len(head) < HEAD_BYTES)
    end, digest = EndWatch(picture.end), hashlib.sha256()
    file.seek(0)
    while piece := file.read(_PIECE):
        end.feed(piece)
        digest.update(piece)
    if not end.reached:
        raise CutOffPicture("the picture is cut off")
    return InputPicture(
        content_type=picture.content_type,
        extension=picture.extension,
        width=picture.width,
        height=picture.height,
        size_bytes=end.size,
        sha256=digest.hexdigest(),
    )


class FileBody(Body):
    """A file as an upload's body: read piece by piece in a thread, as often as it has to be sent."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file

    def seek(self, _offset: int) -> None:
        """Go back to the beginning; every iteration begins there."""

    async def __aiter__(self) -> AsyncGenerator[bytes]:
        await asyncio.to_thread(self._file.seek, 0)
        while piece := await asyncio.to_thread(self._file.read, _PIECE):
            yield piece
