"""Backgrounds of the drawn images: a palette and a motif, both chosen by a seed.

Everything is drawn with at most `DETAIL` pixels on the long side, or twice that while drawing, for smooth edges. It is
enlarged afterwards, so a 4K image costs little more than a 1K one.
"""

import colorsys
import math
from dataclasses import dataclass
from random import Random
from typing import TypeAlias

from PIL import Image, ImageDraw, ImageFilter

Color: TypeAlias = tuple[int, int, int]
Size: TypeAlias = tuple[int, int]

DETAIL = 1024


@dataclass(frozen=True, slots=True)
class Palette:
    """Four colors that go together, from the lightest to the darkest."""

    glow: Color
    light: Color
    middle: Color
    deep: Color

    @classmethod
    def pick(cls, dice: Random) -> "Palette":
        """Neighboring hues around one warm or cold center, so that no pick is ugly."""
        hue = 0.5 + 0.56 * dice.random()  # from teal over blue and violet to orange: no bare greens
        turn = dice.choice((-1, 1)) * dice.uniform(0.04, 0.09)
        return cls(
            glow=_color(hue + 1.7 * turn, 0.35, 1.0),
            light=_color(hue + turn, 0.55, 0.95),
            middle=_color(hue, 0.68, 0.68),
            deep=_color(hue - turn, 0.75, 0.24),
        )


def paint(size: Size, palette: Palette, dice: Random, detail: int = DETAIL) -> Image.Image:
    """A background of exactly this size, RGB."""
    shrink = min(1.0, detail / max(size))
    small = (max(1, round(size[0] * shrink)), max(1, round(size[1] * shrink)))
    motif = dice.choice((_dunes, _lights, _facets, _ribbons))
    drawn = resized(motif((small[0] * 2, small[1] * 2), palette, dice), small, Image.Resampling.BOX)
    return drawn if small == size else resized(drawn, size)


def resized(
    image: Image.Image,
    size: Size,
    how: Image.Resampling = Image.Resampling.BICUBIC,
    box: tuple[float, float, float, float] | None = None,
) -> Image.Image:
    """The image, or this box of it, at another size."""
    return image.resize(size, how, box)  # pyright: ignore[reportUnknownMemberType]  # Pillow names numpy, not installed


def mix(first: Color, second: Color, share: float) -> Color:
    """`first` at share 0, `second` at share 1."""
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(first, second, strict=True))
    return red, green, blue


def _color(hue: float, saturation: float, value: float) -> Color:
    red, green, blue = (round(255 * part) for part in colorsys.hsv_to_rgb(hue % 1.0, saturation, value))
    return red, green, blue


def _gradient(size: Size, top: tuple[Color, Color], bottom: tuple[Color, Color]) -> Image.Image:
    corners = Image.new("RGB", (2, 2))
    for x in (0, 1):
        corners.putpixel((x, 0), top[x])
        corners.putpixel((x, 1), bottom[x])
    # Half a corner pixel lies outside the box, so that the colors run from edge to edge.
    return resized(corners, size, Image.Resampling.BILINEAR, (0.5, 0.5, 1.5, 1.5))


def _dunes(size: Size, palette: Palette, dice: Random) -> Image.Image:
    """A low sun over rows of hills."""
    width, height = size
    scene = _gradient(size, (palette.middle, mix(palette.middle, palette.light, 0.6)), (palette.glow, palette.light))
    radius = min(size) * dice.uniform(0.09, 0.15)
    sun = (width * dice.uniform(0.2, 0.8), height * dice.uniform(0.2, 0.38))
    _halo(scene, sun, radius, palette.glow)
    draw = ImageDraw.Draw(scene)
    rows = 5
    for row in range(rows):
        share = (row + 1) / rows
        line = height * (0.42 + 0.5 * share * share)
        _fill_below(draw, size, _wave(dice, size, line, height * 0.05), mix(palette.light, palette.deep, share))
    return scene


def _lights(size: Size, palette: Palette, dice: Random) -> Image.Image:
    """Lights out of focus at night."""
    scene = _gradient(size, (palette.deep, palette.middle), (mix(palette.deep, palette.middle, 0.5), palette.deep))
    for shrink, count, share in ((16, 9, 0.34), (6, 12, 0.22), (1, 14, 0.09)):
        layer = _discs((max(1, size[0] // shrink), max(1, size[1] // shrink)), palette, dice, count, share)
        if shrink > 1:  # drawn small, blurred and enlarged: out of focus, and cheap
            layer = resized(layer.filter(ImageFilter.GaussianBlur(2)), size)
        scene.paste(layer, (0, 0), layer)
    return scene


def _discs(size: Size, palette: Palette, dice: Random, count: int, share: float) -> Image.Image:
    # The empty parts have the color of the discs, so that blurring leaves no dark fringe.
    layer = Image.new("RGBA", size, (*palette.light, 0))
    draw = ImageDraw.Draw(layer)
    for _ in range(count):
        radius = min(size) * share * dice.uniform(0.35, 0.75)
        x, y = dice.uniform(0, size[0]), dice.uniform(0, size[1])
        tint = dice.choice((palette.glow, palette.light, mix(palette.light, palette.middle, 0.5)))
        draw.ellipse((x - radius, y - radius, x + radius, y + radius), (*tint, dice.randint(50, 110)))
    return layer


def _facets(size: Size, palette: Palette, dice: Random) -> Image.Image:
    """A folded sheet of triangles, lit from the top."""
    columns = 8
    rows = max(2, round(columns * size[1] / size[0]))
    across, down = size[0] / columns, size[1] / rows
    points = {
        (column, row): (
            (column + dice.uniform(-0.32, 0.32)) * across,
            (row + dice.uniform(-0.32, 0.32)) * down,
        )
        for column in range(-1, columns + 2)
        for row in range(-1, rows + 2)
    }
    scene = Image.new("RGB", size, palette.middle)
    draw = ImageDraw.Draw(scene)
    for column in range(-1, columns + 1):
        for row in range(-1, rows + 1):
            near, right = points[column, row], points[column + 1, row]
            below, far = points[column, row + 1], points[column + 1, row + 1]
            for corners in ((near, right, below), (right, far, below)):
                depth = (corners[0][1] / size[1] + corners[0][0] / size[0] * 0.6) / 1.6 + dice.uniform(-0.13, 0.13)
                draw.polygon(corners, _along(palette, min(1.0, max(0.0, depth))))
    return scene


def _ribbons(size: Size, palette: Palette, dice: Random) -> Image.Image:
    """Broad translucent waves, one over the other."""
    height = size[1]
    scene = _gradient(size, (palette.glow, palette.light), (palette.middle, palette.deep))
    for row in range(7):
        line = height * (0.1 + 0.13 * row)
        layer = Image.new("RGBA", size)
        crest = _wave(dice, size, line, height * 0.11)
        foot = list(reversed(_wave(dice, size, line + height * dice.uniform(0.16, 0.3), height * 0.08)))
        tint = _along(palette, min(1.0, 0.15 + row / 7))
        ImageDraw.Draw(layer).polygon([*crest, *foot], (*tint, 120))
        scene.paste(layer, (0, 0), layer)
    return scene


def _along(palette: Palette, share: float) -> Color:
    stops = (palette.glow, palette.light, palette.middle, palette.deep)
    position = share * (len(stops) - 1)
    first = min(int(position), len(stops) - 2)
    return mix(stops[first], stops[first + 1], position - first)


def _halo(scene: Image.Image, center: tuple[float, float], radius: float, color: Color) -> None:
    x, y = center
    mask = Image.new("L", scene.size)
    draw = ImageDraw.Draw(mask)
    for spread, strength in ((3.0, 26), (2.1, 50), (1.5, 84), (1.0, 255)):
        reach = radius * spread
        draw.ellipse((x - reach, y - reach, x + reach, y + reach), strength)
    scene.paste(mix(color, (255, 255, 255), 0.55), (0, 0, *scene.size), mask)


def _wave(dice: Random, size: Size, line: float, swing: float) -> list[tuple[float, float]]:
    waves = [(swing / (n + 1), dice.uniform(0.6, 1.3) * (n + 1), dice.uniform(0, math.tau)) for n in range(3)]
    step = max(1, size[0] // 160)
    return [
        (x, line + sum(high * math.sin(math.tau * often * x / size[0] + phase) for high, often, phase in waves))
        for x in range(0, size[0] + step, step)
    ]


def _fill_below(draw: ImageDraw.ImageDraw, size: Size, crest: list[tuple[float, float]], color: Color) -> None:
    draw.polygon([*crest, (size[0], size[1]), (0, size[1])], color)
