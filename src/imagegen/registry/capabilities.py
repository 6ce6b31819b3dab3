"""What a model can do, as its parameters tell."""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from imagegen.registry.conflicts import IMAGE_SIZE, NUM_IMAGES, WIDTH_AND_HEIGHT
from imagegen.registry.image_sizes import PRESETS, parse_size
from imagegen.registry.input_schemas import ParameterSchema
from imagegen.registry.model_parameters import ModelParameters, most_of

_RATIO: Final = re.compile(r"[0-9]{1,3}(\.[0-9]+)?:[0-9]{1,3}(\.[0-9]+)?")
_RATIO_NAMES: Final = frozenset({"aspect_ratio", "ratio"})
_SIZE_NAMES: Final = frozenset({IMAGE_SIZE, "size"})
_IMAGE_WORDS: Final = frozenset({"image", "images", "mask", "masks", "photo", "picture"})
_MASK_WORDS: Final = frozenset({"mask", "masks"})
_LORA_WORDS: Final = frozenset({"lora", "loras"})
# Words in the names of URLs that lead to something else than an image.
_OTHER_WORDS: Final = frozenset({"archive", "audio", "config", "embedding", "font", "model", "path", "video"})
_COUNTED: Final = frozenset({"boolean", "integer", "number"})
_DEEPEST: Final = 8


class SizeForm(StrEnum):
    """How a request says the size of its images."""

    PIXELS = "pixels"
    RATIOS = "ratios"
    NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What a model can do.

    Attributes:
        takes_images: whether a request may have images.
        takes_mask: whether a parameter of its own takes a mask.
        takes_loras: whether a request may have LoRA weights.
        sizes: how a request says the size of its images.
        max_images: how many images one request can make; None if nothing bounds it.
    """

    takes_images: bool
    takes_mask: bool
    takes_loras: bool
    sizes: SizeForm
    max_images: int | None


def read_capabilities(parameters: ModelParameters, multiplied_by: str | None) -> Capabilities:
    """What a model with these parameters can do; `multiplied_by` is the one that multiplies the number of images."""
    schemas = parameters.schemas
    of_images = [name for name, schema in schemas.items() if _takes_images(name, schema, parameters)]
    return Capabilities(
        takes_images=bool(of_images),
        takes_mask=any(_is_image(name, schemas[name], parameters) and _words(name) & _MASK_WORDS for name in of_images),
        takes_loras=any(_takes_loras(name, schema, parameters) for name, schema in schemas.items()),
        sizes=_size_form(parameters),
        max_images=_max_images(parameters, multiplied_by),
    )


def _words(name: str) -> frozenset[str]:
    return frozenset(name.casefold().split("_"))


def _takes_images(name: str, schema: ParameterSchema, parameters: ModelParameters, depth: int = 0) -> bool:
    """Whether a value is an image, or has one in it."""
    if _is_image(name, schema, parameters):
        return True
    members = [
        member for form in _items(schema, parameters) for member in (form.properties or {}).items() if depth < _DEEPEST
    ]
    return any(_takes_images(below, part, parameters, depth + 1) for below, part in members)


def _is_image(name: str, schema: ParameterSchema, parameters: ModelParameters) -> bool:
    """Whether a value is an image or a list of images: a URL, or an object or any JSON with the name of an image."""
    words = _words(name)
    for form in _items(schema, parameters):
        if form.enum or form.type in _COUNTED:
            continue
        if form.format == "uri" and (words & _IMAGE_WORDS or not words & (_OTHER_WORDS | _LORA_WORDS)):
            return True
        if _ends_as_image(name):
            return True
    return False


def _ends_as_image(name: str) -> bool:
    """Whether a name is that of an image, such as `mask_url`, `image` or `reference_images`; not `max_images`."""
    last = name.casefold().removesuffix("_urls").removesuffix("_url").rpartition("_")
    return last[2] in _IMAGE_WORDS and last[0] not in {"num", "max", "number_of"}


def _takes_loras(name: str, schema: ParameterSchema, parameters: ModelParameters) -> bool:
    words = _words(name)
    if not words & _LORA_WORDS or words & _IMAGE_WORDS:
        return False
    return any(not form.enum and form.type not in _COUNTED for form in parameters.forms(schema))


def _items(schema: ParameterSchema, parameters: ModelParameters) -> Iterator[ParameterSchema]:
    """The forms of a value, or of the items of a list."""
    for form in parameters.forms(schema):
        if form.type == "array" and form.items:
            yield from _items(form.items, parameters)
        else:
            yield form


def _size_form(parameters: ModelParameters) -> SizeForm:
    schemas = parameters.schemas
    if all(name in schemas for name in WIDTH_AND_HEIGHT):
        return SizeForm.PIXELS
    found = {_form_of(name, schema, parameters) for name, schema in schemas.items()}
    return next((form for form in (SizeForm.PIXELS, SizeForm.RATIOS) if form in found), SizeForm.NONE)


def _form_of(name: str, schema: ParameterSchema, parameters: ModelParameters) -> SizeForm:
    """How a parameter says the size of the images, if it does."""
    forms = [*parameters.forms(schema)]
    listed = [str(value) for form in forms for value in form.enum or ()]
    if name in _SIZE_NAMES:
        is_open = name == IMAGE_SIZE and any(not form.enum for form in forms)
        has_sides = any(set(WIDTH_AND_HEIGHT) <= (form.properties or {}).keys() for form in forms)
        if is_open or has_sides or any(value in PRESETS or parse_size(value) for value in listed):
            return SizeForm.PIXELS
    if name in _RATIO_NAMES or (name in _SIZE_NAMES and any(map(_RATIO.fullmatch, listed))):
        return SizeForm.RATIOS
    return SizeForm.NONE


def _max_images(parameters: ModelParameters, multiplied_by: str | None) -> int | None:
    counts = [schema for name, schema in parameters.schemas.items() if name in (NUM_IMAGES, multiplied_by)]
    bounds = [most_of(schema) for schema in counts]
    known = [max(1, bound) for bound in bounds if bound is not None]
    return math.prod(known) if len(known) == len(counts) else None
