"""Saving a job's images: their names, and their files."""

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from imagegen.cli.client.service import Json, Service
from imagegen.cli.errors import LocalFileError
from imagegen.cli.output import print_message

_SUFFIXES: Final = {"image/jpeg": ".jpg", "image/svg+xml": ".svg", "application/octet-stream": ".bin"}
_TYPES: Final = {".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".png": "image/png", ".webp": "image/webp"}


def prepare(output: Path | None) -> None:
    """Make the folder for the images, before anything is paid for.

    Raises:
        LocalFileError: it cannot be made or written to.
    """
    folder = Path() if output is None else output if _is_folder(output) else output.parent
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise LocalFileError(f"{folder}: {error.strerror}") from None
    if not os.access(folder, os.W_OK):
        raise LocalFileError(f"{folder}: it is not writable")


def save_images(service: Service, job: Json, output: Path | None) -> Sequence[Path]:
    """Download the images of a completed job.

    Raises:
        LocalFileError: a file cannot be written.
    """
    files = file_names(job, output)
    for number, (file, image) in enumerate(zip(files, job["images"], strict=True)):
        path = f"/api/images/{job['jobId']}/{number}"
        write_file(file, service.send("GET", path, follow_redirects=True).content)
        if _TYPES.get(file.suffix.lower(), image["contentType"]) != image["contentType"]:
            print_message(f"{file} holds {image['contentType']}: that is what the model made.")
    return files


def file_names(job: Json, output: Path | None) -> Sequence[Path]:
    """Where the images of a job go: the output, or numbered beside each other (out-1.png, out-2.png) if several.

    Without an output, or in a folder, they are named by the job. A missing suffix is that of the image.
    """
    if output is None or _is_folder(output):
        output = (output or Path()) / str(job["jobId"])
    images = job["images"]
    numbers = [f"-{number}" if len(images) > 1 else "" for number in range(1, len(images) + 1)]
    return [
        output.with_name(f"{output.stem}{number}{output.suffix or _suffix(image['contentType'])}")
        for number, image in zip(numbers, images, strict=True)
    ]


def _suffix(content_type: str) -> str:
    return _SUFFIXES.get(content_type) or f".{content_type.rpartition('/')[2]}"


def _is_folder(path: Path) -> bool:
    return path.is_dir()


def write_file(file: Path, content: bytes) -> None:
    """Write a file whole or not at all.

    Raises:
        LocalFileError: it cannot be written.
    """
    try:
        with tempfile.NamedTemporaryFile(dir=file.parent, prefix=f".{file.name}.", delete=False) as temporary:
            temporary.write(content)
        Path(temporary.name).chmod(0o666 & ~_umask())
        Path(temporary.name).replace(file)
    except OSError as error:
        raise LocalFileError(f"{file}: {error.strerror}") from None


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
