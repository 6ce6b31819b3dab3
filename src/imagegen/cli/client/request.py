"""A request for images, made from what the command line says."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Final

from imagegen.cli.client.parameters import Parameters, assign_images, read_settings_of
from imagegen.cli.client.service import Json, Service
from imagegen.cli.errors import InvalidArgument

# Stands for an image that is not uploaded, when only the price is asked.
PLACEHOLDER: Final = "https://example.com/image.png"
_URLS: Final = ("http://", "https://", "data:")
# File types by suffix, as models name them in `output_format`.
_FORMATS: Final = {".png": "png", ".jpg": "jpeg", ".jpeg": "jpeg", ".webp": "webp"}


def make_request(
    parameters: Parameters,
    *,
    prompt: str | None,
    images: Sequence[str],
    settings: Iterable[str],
    output: Path | None,
    link: Callable[[str], str],
) -> Json:
    """The body for `generate` and `estimate-cost`, without a user.

    Args:
        parameters: of the model.
        prompt: the prompt, if there is one.
        images: files and URLs, with or without the name of a parameter.
        settings: `name=value` for any other parameter.
        output: where the image goes. Its suffix decides the file type if the model makes several.
        link: turns an image into the URL to send.

    Raises:
        InvalidArgument: the model does not take one of them.
    """
    values = read_settings_of(parameters, settings)
    if prompt is not None:
        values[parameters["prompt"].name] = prompt
    for name, given in assign_images(parameters, images, values).items():
        urls = [link(image) for image in given]
        values[name] = urls if "array" in parameters[name].types else urls[0]
    wanted = _FORMATS.get(output.suffix.lower()) if output else None
    if "output_format" in parameters and wanted in parameters["output_format"].schema.get("enum", ()):
        values.setdefault("output_format", wanted)
    body: Json = {"model": parameters.model, "inputs": {}, "options": {}}
    for name, value in values.items():
        body[parameters[name].section][name] = value
    return body


def require_files(images: Iterable[str]) -> None:
    """Check that each image is a URL or a file, before anything is sent.

    Raises:
        InvalidArgument: one is neither.
    """
    for image in images:
        if not is_url(image) and not Path(image).is_file() and not Path(image.partition("=")[2]).is_file():
            if is_url(image.partition("=")[2]):
                continue
            raise InvalidArgument(f"--input {image}: there is no such file")


def is_url(image: str) -> bool:
    """Whether an image is given by its URL, and not as a file."""
    return image.startswith(_URLS)


class Uploader:
    """Uploads each file once; URLs stay as they are."""

    def __init__(self, service: Service, user: str) -> None:
        self._service, self._user = service, user
        self._uploaded: dict[str, str] = {}

    def __call__(self, image: str) -> str:
        """The URL to send for an image."""
        if is_url(image):
            return image
        if image not in self._uploaded:
            self._uploaded[image] = self._service.upload(Path(image), self._user)
        return self._uploaded[image]


def price_only(image: str) -> str:
    """The URL to send for an image if only the price is asked: nothing is uploaded."""
    return image if is_url(image) else PLACEHOLDER
