"""Draws what a model would have generated: deterministic for endpoint, input, seed and place in the batch.

Pillow work takes tens to hundreds of milliseconds: call `draw` in a worker thread.
"""

import hashlib
import io
from dataclasses import dataclass
from enum import StrEnum
from random import Random

from PIL import Image, ImageDraw, ImageFilter, ImageOps, UnidentifiedImageError

from imagegen.sandbox.lettering import Card, add_caption, placeholder
from imagegen.sandbox.scenery import Palette, Size, paint, resized

_FORMATS = {"jpeg": ("image/jpeg", "jpg"), "png": ("image/png", "png"), "webp": ("image/webp", "webp")}


class Kind(StrEnum):
    """What is done with the input pictures."""

    FRESH = "from the prompt alone"
    EDIT = "edit"
    BLEND = "image to image"
    SWAP = "swap"


@dataclass(frozen=True, slots=True, kw_only=True)
class InputPicture:
    """An input picture's bytes, or None with the reason why there are none."""

    label: str
    data: bytes | None
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Commission:
    """One picture to draw. `identity` is everything that the picture depends on, as text."""

    endpoint: str
    identity: str
    prompt: str
    seed: int
    size: Size
    kind: Kind
    inputs: tuple[InputPicture, ...] = ()
    strength: float = 1.0
    file_type: str = "jpeg"


@dataclass(frozen=True, slots=True)
class Picture:
    """A finished picture."""

    data: bytes
    width: int
    height: int
    content_type: str
    extension: str


def draw(commission: Commission) -> Picture:
    """Draw and encode one picture."""
    digest = hashlib.sha256(f"{commission.endpoint}\n{commission.identity}\n{commission.seed}".encode()).digest()
    dice = Random(int.from_bytes(digest[:8]))  # noqa: S311  # reproducible on purpose, nothing cryptographic
    palette = Palette.pick(dice)
    canvas = _compose(commission, palette, dice)
    card = Card(palette.deep, share=0.62, opacity=178)
    if commission.kind is not Kind.FRESH:
        card = Card(palette.deep, share=0.4, opacity=246)  # an input may have a caption of its own underneath
    add_caption(canvas, commission.prompt, _small_print(commission), card)
    return _encoded(canvas, commission.file_type)


def measured(picture: InputPicture) -> Size | None:
    """Width and height in pixels, None where the bytes are missing or no picture."""
    opened = _opened(picture)
    return None if opened is None else opened.size


def _compose(commission: Commission, palette: Palette, dice: Random) -> Image.Image:
    size, inputs = commission.size, commission.inputs
    match commission.kind:
        case Kind.FRESH:
            return paint(size, palette, dice)
        case Kind.EDIT:
            return _edited(size, inputs, palette, dice)
        case Kind.BLEND:
            scene = paint(size, palette, dice)
            # A fifth of the source stays visible even at full strength: a person should see where it came from.
            return Image.blend(_covering(inputs[0], size), scene, 0.8 * commission.strength)
        case Kind.SWAP:
            return _swapped(size, inputs[0], inputs[1])


def _edited(size: Size, inputs: tuple[InputPicture, ...], palette: Palette, dice: Random) -> Image.Image:
    base = _covering(inputs[0], size)
    graded = ImageOps.colorize(base.convert("L"), palette.deep, palette.glow, palette.light)
    canvas = Image.blend(base, graded, 0.45)
    edge = min(size) // 4
    for place, picture in enumerate(inputs[1:4]):
        print_ = _polaroid(picture, edge, dice.uniform(-7, 7))
        left = size[0] - (place + 1) * round(edge * 1.2) - edge // 5
        canvas.paste(print_, (left, edge // 6), print_)
    return canvas


def _swapped(size: Size, base: InputPicture, face: InputPicture) -> Image.Image:
    canvas = _covering(base, size, at=0.1)
    across = round(min(size) * 0.5)
    ring = max(3, across // 36)
    left, top = (size[0] - across) // 2, max(ring, round(size[1] * 0.46) - across // 2)
    draw = ImageDraw.Draw(canvas)
    draw.ellipse((left - ring, top - ring, left + across + ring, top + across + ring), (255, 255, 255))
    mask = Image.new("L", (across * 2, across * 2))
    ImageDraw.Draw(mask).ellipse((0, 0, across * 2 - 1, across * 2 - 1), 255)
    canvas.paste(_covering(face, (across, across)), (left, top), resized(mask, (across, across)))
    return canvas


def _polaroid(picture: InputPicture, edge: int, angle: float) -> Image.Image:
    border = max(3, edge // 18)
    shadow = border
    side = edge + 2 * (border + shadow)
    sheet = Image.new("RGBA", (side, side))
    draw = ImageDraw.Draw(sheet)
    draw.rectangle((shadow, shadow, side - 1 - shadow, side - 1 - shadow), (0, 0, 0, 110))
    sheet = sheet.filter(ImageFilter.BoxBlur(shadow / 2))
    ImageDraw.Draw(sheet).rectangle((0, 0, edge + 2 * border, edge + 2 * border), (250, 250, 248, 255))
    sheet.paste(_covering(picture, (edge, edge)), (border, border))
    return sheet.rotate(angle, Image.Resampling.BICUBIC, expand=True)


def _covering(picture: InputPicture, size: Size, at: float = 0.4) -> Image.Image:
    opened = _opened(picture, size)
    if opened is None:
        return placeholder(size, picture.reason or "not a picture", picture.label, at)
    try:
        return ImageOps.fit(ImageOps.exif_transpose(opened).convert("RGB"), size, Image.Resampling.BICUBIC)
    except (OSError, SyntaxError, ValueError):  # what Pillow raises where the data breaks off or lies
        return placeholder(size, "broken picture", picture.label, at)


def _opened(picture: InputPicture, wanted: Size | None = None) -> Image.Image | None:
    if picture.data is None:
        return None
    try:
        opened = Image.open(io.BytesIO(picture.data))
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError, Image.DecompressionBombError):
        return None
    if wanted is not None:
        opened.draft("RGB", wanted)
    return opened


def _small_print(commission: Commission) -> str:
    width, height = commission.size
    seed = f"seed {commission.seed}"
    return f"{commission.endpoint}  ·  {seed}  ·  {width} x {height}  ·  drawn by the sandbox"


def _encoded(canvas: Image.Image, file_type: str) -> Picture:
    buffer = io.BytesIO()
    match file_type:
        case "png":
            canvas.save(buffer, "PNG", compress_level=1)
        case "webp":
            canvas.save(buffer, "WEBP", quality=85, method=0)
        case _:
            canvas.save(buffer, "JPEG", quality=88)
    content_type, extension = _FORMATS.get(file_type, _FORMATS["jpeg"])
    return Picture(buffer.getvalue(), canvas.width, canvas.height, content_type, extension)
