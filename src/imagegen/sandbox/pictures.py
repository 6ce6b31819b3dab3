"""The picture files under the data directory, and their paths in URLs."""

from dataclasses import dataclass
from pathlib import Path

from imagegen.sandbox.drawing import Picture

PREFIX = "/files/"


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedPicture:
    """A picture that can be fetched at `path` of whatever host serves the sandbox."""

    path: str
    name: str
    width: int
    height: int
    content_type: str
    size: int


class PictureFiles:
    """One folder per request. Its methods touch the disk: call them in a worker thread."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def save(self, request_id: str, number: int, picture: Picture) -> SavedPicture:
        """Write the picture so that it is there whole or not at all."""
        name = f"{number}.{picture.extension}"
        folder = self._folder / request_id
        folder.mkdir(parents=True, exist_ok=True)
        unfinished = folder / f".{name}"
        unfinished.write_bytes(picture.data)
        unfinished.replace(folder / name)
        return SavedPicture(
            path=f"{PREFIX}{request_id}/{name}",
            name=name,
            width=picture.width,
            height=picture.height,
            content_type=picture.content_type,
            size=len(picture.data),
        )

    def read(self, request_id: str, name: str) -> bytes | None:
        """The picture's bytes, or None if there is no such picture. Both names must be plain file names."""
        try:
            return (self._folder / request_id / name).read_bytes()
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            return None
