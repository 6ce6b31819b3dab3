"""The size of an image, as far as its request tells: by width and height, by an object, or by the name of a preset."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Final, TypeAlias, cast

from pydantic import BeforeValidator, JsonValue

from imagegen.jobs.size_tariff import MEGAPIXEL
from imagegen.json_object import JsonObject
from imagegen.registry.conflicts import IMAGE_SIZE, WIDTH_AND_HEIGHT

Size: TypeAlias = tuple[int, int]
PRESETS: Final[Mapping[str, Size]] = {
    "square_hd": (1024, 1024),
    "square": (512, 512),
    "portrait_4_3": (768, 1024),
    "portrait_16_9": (576, 1024),
    "landscape_4_3": (1024, 768),
    "landscape_16_9": (1024, 576),
}
"""fal's names of sizes, in pixels."""
_LONGEST_SIDE: Final = 100_000
_PIXELS: Final = re.compile(r"([1-9][0-9]{0,5})x([1-9][0-9]{0,5})")


def parse_size(text: object) -> Size | None:
    """Width and height in pixels of a text such as `1024x768`; None if it is none."""
    found = _PIXELS.fullmatch(text) if isinstance(text, str) else None
    return (int(found[1]), int(found[2])) if found else None


def size_text(size: Size) -> str:
    """A size as `1024x768`."""
    return f"{size[0]}x{size[1]}"


def _pixel_size(value: object) -> Size:
    size = parse_size(value)
    if size is None or max(size) > _LONGEST_SIDE:
        raise ValueError("expected pixels such as 2048x2048")
    return size


def _step_size(value: object) -> int:
    """The pixels of a size, or of a number of megapixels."""
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 < value <= _LONGEST_SIDE:
        return int(value * MEGAPIXEL)
    if parse_size(value) is None:
        raise ValueError("expected pixels such as 1536x1536, or a number of megapixels such as 24")
    width, height = _pixel_size(value)
    return width * height


PixelSize = Annotated[Size, BeforeValidator(_pixel_size)]
StepSize = Annotated[int, BeforeValidator(_step_size)]


@dataclass(frozen=True, slots=True)
class ImageSizes:
    """Reads the size of a request's images.

    Attributes:
        default: what is as if it was given for a request without a size; empty if that is not known.
        named: sizes by the name of a preset.
    """

    default: JsonObject = field(default_factory=dict[str, JsonValue])
    named: Mapping[str, Size] = field(default_factory=lambda: PRESETS)

    def counting(self, values: JsonObject) -> JsonObject:
        """The values that have the size: the request's, or the default ones."""
        return values if any(name in values for name in _NAMES) else self.default

    def of(self, values: JsonObject) -> Size | None:
        """Width and height in pixels; None if the request does not tell."""
        counting = self.counting(values)
        if all(name in counting for name in WIDTH_AND_HEIGHT):
            return _sides(counting)
        match counting.get(IMAGE_SIZE):
            case str() as name:
                return self.named.get(name) or parse_size(name)
            case dict() as sides:
                return _sides(sides)
            case _:
                return None

    def text(self, values: JsonObject) -> str | None:
        """The size as the name of a preset or as `1024x768`; None if the request does not tell."""
        name = self.counting(values).get(IMAGE_SIZE)
        if isinstance(name, str):
            return name
        size = self.of(values)
        return size_text(size) if size else None


_NAMES: Final = (IMAGE_SIZE, *WIDTH_AND_HEIGHT)


def _sides(values: JsonObject) -> Size | None:
    sides = [values.get(name) for name in WIDTH_AND_HEIGHT]
    if all(isinstance(side, int | float) and not isinstance(side, bool) and 0 < side < float("inf") for side in sides):
        width, height = (int(cast("float", side)) for side in sides)
        return width, height
    return None
