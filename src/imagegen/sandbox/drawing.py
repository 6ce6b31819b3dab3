"""Draws the image that a model would have generated. The same endpoint, input and seed give the same image.

Pillow takes tens to hundreds of milliseconds: call `draw_image` in a worker thread.
"""

import hashlib
import io
from dataclasses import dataclass
from enum import StrEnum
from random import Random

from PIL import Image, ImageDraw, ImageFilter, ImageOps, UnidentifiedImageError

from imagegen.sandbox.backgrounds import DETAIL, Palette, Size, paint, resized
from imagegen.sandbox.lettering import Card, add_caption, placeholder

_FORMATS = {"jpeg": ("image/jpeg", "jpg"), "png": ("image/png", "png"), "webp": ("image/webp", "webp")}


class DrawingMode(StrEnum):
    """How the input images are used."""

    FRESH = "from the prompt alone"
    EDIT = "edit"
    BLEND = "image to image"
    SWAP = "swap"


@dataclass(frozen=True, slots=True, kw_only=True)
class InputImage:
    """The bytes of an input image; None with the reason if there are none."""

    label: str
    data: bytes | None
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageSpec:
    """An image to draw. `identity` is a text of everything that the image depends on."""

    endpoint: str
    identity: str
    prompt: str
    seed: int
    size: Size
    mode: DrawingMode
    inputs: tuple[InputImage, ...] = ()
    strength: float = 1.0
    file_type: str = "jpeg"
    detail: int = DETAIL


@dataclass(frozen=True, slots=True)
class DrawnImage:
    """A finished image, encoded; sizes in pixels."""

    data: bytes
    width: int
    height: int
    content_type: str
    extension: str


def draw_image(spec: ImageSpec) -> DrawnImage:
    """Draw and encode one image."""
    digest = hashlib.sha256(f"{spec.endpoint}\n{spec.identity}\n{spec.seed}".encode()).digest()
    dice = Random(int.from_bytes(digest[:8]))  # noqa: S311  # reproducible on purpose, not cryptographic
    palette = Palette.pick(dice)
    canvas = _compose(spec, palette, dice)
    card = Card(palette.deep, share=0.62, opacity=178)
    if spec.mode is not DrawingMode.FRESH:
        card = Card(palette.deep, share=0.4, opacity=246)  # an input may have a caption underneath
    add_caption(canvas, spec.prompt, _small_print(spec), card)
    return _encoded(canvas, spec.file_type)


def image_size_of(image: InputImage) -> Size | None:
    """Width and height in pixels; None if the bytes are missing or not an image."""
    opened = _opened(image)
    return None if opened is None else opened.size


def _compose(spec: ImageSpec, palette: Palette, dice: Random) -> Image.Image:
    size, inputs = spec.size, spec.inputs
    match spec.mode:
        case DrawingMode.FRESH:
            return paint(size, palette, dice, spec.detail)
        case DrawingMode.EDIT:
            return _edited(size, inputs, palette, dice)
        case DrawingMode.BLEND:
            scene = paint(size, palette, dice, spec.detail)
            # A fifth of the source stays visible even at full strength, so that people see where it came from.
            return Image.blend(_covering(inputs[0], size), scene, 0.8 * spec.strength)
        case DrawingMode.SWAP:
            return _swapped(size, inputs[0], inputs[1])


def _edited(size: Size, inputs: tuple[InputImage, ...], palette: Palette, dice: Random) -> Image.Image:
    base = _covering(inputs[0], size)
    graded = ImageOps.colorize(base.convert("L"), palette.deep, palette.glow, palette.light)
    canvas = Image.blend(base, graded, 0.45)
    edge = min(size) // 4
    for position, image in enumerate(inputs[1:4]):
        print_ = _polaroid(image, edge, dice.uniform(-7, 7))
        left = size[0] - (position + 1) * round(edge * 1.2) - edge // 5
        canvas.paste(print_, (left, edge // 6), print_)
    return canvas


def _swapped(size: Size, base: InputImage, face: InputImage) -> Image.Image:
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


def _polaroid(image: InputImage, edge: int, angle: float) -> Image.Image:
    border = max(3, edge // 18)
    shadow = border
    side = edge + 2 * (border + shadow)
    sheet = Image.new("RGBA", (side, side))
    draw = ImageDraw.Draw(sheet)
    draw.rectangle((shadow, shadow, side - 1 - shadow, side - 1 - shadow), (0, 0, 0, 110))
    sheet = sheet.filter(ImageFilter.BoxBlur(shadow / 2))
    ImageDraw.Draw(sheet).rectangle((0, 0, edge + 2 * border, edge + 2 * border), (250, 250, 248, 255))
    sheet.paste(_covering(image, (edge, edge)), (border, border))
    return sheet.rotate(angle, Image.Resampling.BICUBIC, expand=True)


def _covering(image: InputImage, size: Size, at: float = 0.4) -> Image.Image:
    opened = _opened(image, size)
    if opened is None:
        return placeholder(size, image.reason or "not an image", image.label, at)
    try:
        return ImageOps.fit(ImageOps.exif_transpose(opened).convert("RGB"), size, Image.Resampling.BICUBIC)
    except (OSError, SyntaxError, ValueError):  # what Pillow raises if the data is truncated or wrong
        return placeholder(size, "broken image", image.label, at)


def _opened(image: InputImage, wanted: Size | None = None) -> Image.Image | None:
    if image.data is None:
        return None
    try:
        opened = Image.open(io.BytesIO(image.data))
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError, Image.DecompressionBombError):
        return None
    if wanted is not None:
        opened.draft("RGB", wanted)
    return opened


def _small_print(spec: ImageSpec) -> str:
    width, height = spec.size
    seed = f"seed {spec.seed}"
    return f"{spec.endpoint}  ·  {seed}  ·  {width} x {height}  ·  drawn by the sandbox"


def _encoded(canvas: Image.Image, file_type: str) -> DrawnImage:
    buffer = io.BytesIO()
    match file_type:
        case "png":
            canvas.save(buffer, "PNG", compress_level=1)
        case "webp":
            canvas.save(buffer, "WEBP", quality=85, method=0)
        case _:
            canvas.save(buffer, "JPEG", quality=88)
    content_type, extension = _FORMATS.get(file_type, _FORMATS["jpeg"])
    return DrawnImage(buffer.getvalue(), canvas.width, canvas.height, content_type, extension)
