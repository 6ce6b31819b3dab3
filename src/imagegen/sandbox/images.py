"""The image files under the data directory, and their paths in URLs."""

from dataclasses import dataclass
from pathlib import Path

from imagegen.sandbox.drawing import DrawnImage

PREFIX = "/files/"


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedImage:
    """An image that can be fetched at `path` of the sandbox's host; `size` is in bytes, width and height in pixels."""

    path: str
    name: str
    width: int
    height: int
    content_type: str
    size: int


class ImageFiles:
    """One directory for each request. The methods access the disk: call them in a worker thread."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def save(self, request_id: str, number: int, image: DrawnImage) -> SavedImage:
        """Write the image atomically."""
        name = f"{number}.{image.extension}"
        folder = self._folder / request_id
        folder.mkdir(parents=True, exist_ok=True)
        unfinished = folder / f".{name}"
        unfinished.write_bytes(image.data)
        unfinished.replace(folder / name)
        return SavedImage(
            path=f"{PREFIX}{request_id}/{name}",
            name=name,
            width=image.width,
            height=image.height,
            content_type=image.content_type,
            size=len(image.data),
        )

    def read(self, request_id: str, name: str) -> bytes | None:
        """The image's bytes; None if there is no such image. Both names must be plain file names."""
        try:
            return (self._folder / request_id / name).read_bytes()
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            return None
