"""The size in pixels of the images that a request asks for."""

import re
from math import log
from typing import Final

from pydantic import JsonValue

from imagegen.sandbox.backgrounds import Size
from imagegen.sandbox.endpoint_schemas import JsonObject

MOST_PIXELS = 64 * 1024 * 1024
"""The schemas allow 14142 x 14142. Drawing that needs gigabytes, so the sandbox refuses it as too large."""

_PRESETS = {
    "square_hd": (1024, 1024),
    "square": (512, 512),
    "portrait_4_3": (768, 1024),
    "portrait_16_9": (576, 1024),
    "landscape_4_3": (1024, 768),
    "landscape_16_9": (1024, 576),
    "auto_2K": (2048, 2048),
    "auto_3K": (3072, 3072),
    "auto_4K": (4096, 4096),
}
_PIXELS: Final = re.compile(r"(\d{2,4})x(\d{2,4})")
_ONE_K = {
    "21:9": (1584, 672),
    "16:9": (1376, 768),
    "3:2": (1264, 848),
    "4:3": (1200, 896),
    "5:4": (1152, 928),
    "1:1": (1024, 1024),
    "4:5": (928, 1152),
    "3:4": (896, 1200),
    "2:3": (848, 1264),
    "9:16": (768, 1376),
}
_SCALE = {"1K": 1, "2K": 2, "4K": 4}
_LONGEST_SOURCE = 4096


def output_size(body: JsonObject, source: Size | None) -> Size:
    """(width, height) for a body with its defaults filled in; `source` is the size of its first input image, if any."""
    if "image_size" in body:
        return _image_size(body["image_size"])
    if "width" in body or "height" in body:
        return _image_size({name: body[name] for name in ("width", "height") if name in body})
    if "aspect_ratio" in body or "resolution" in body:
        return _by_ratio(body.get("aspect_ratio"), body.get("resolution"), source)
    return _bounded(source) if source else _PRESETS["landscape_4_3"]


def _image_size(value: JsonValue) -> Size:
    if isinstance(value, dict):
        return _pixels(value.get("width")), _pixels(value.get("height"))
    if found := _PIXELS.fullmatch(str(value)):
        return int(found[1]), int(found[2])
    return _PRESETS.get(str(value), _PRESETS["landscape_4_3"])


def _pixels(value: JsonValue) -> int:
    return max(1, int(value)) if isinstance(value, int | float) else 512


def _by_ratio(ratio: JsonValue, resolution: JsonValue, source: Size | None) -> Size:
    width, height = _ONE_K.get(str(ratio)) or _nearest_ratio(source or (1, 1))
    scale = _SCALE.get(str(resolution), 1)
    return width * scale, height * scale


def _nearest_ratio(source: Size) -> Size:
    wanted = log(source[0] / source[1])
    return min(_ONE_K.values(), key=lambda size: abs(log(size[0] / size[1]) - wanted))


def _bounded(source: Size) -> Size:
    shrink = min(1.0, _LONGEST_SOURCE / max(source))
    return max(1, round(source[0] * shrink)), max(1, round(source[1] * shrink))
