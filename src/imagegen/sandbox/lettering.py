"""Text on images: a caption card that fits its text, and the card that stands for a missing image."""

import unicodedata
from dataclasses import dataclass
from functools import lru_cache

from PIL import Image, ImageDraw, ImageFont

from imagegen.sandbox.backgrounds import Color, Size, mix

_WHITE = (255, 255, 255)
_LONGEST = 1200
"""How many characters of a prompt are drawn; a prompt may have 50,000."""


_PUNCTUATION = "“”‘’…·"  # noqa: RUF001  # the font has these signs
_SPELLED = str.maketrans(
    {"ß": "ss", "æ": "ae", "Æ": "AE", "ø": "o", "Ø": "O", "ł": "l", "Ł": "L", "\u2013": "-", "—": "-", "\u00d7": "x"}
)


@dataclass(frozen=True, slots=True)
class _Fitted:
    lines: tuple[str, ...]
    font: ImageFont.FreeTypeFont
    leading: int


@dataclass(frozen=True, slots=True)
class Card:
    """The look of a caption card: its tint, its largest share of the height (0 to 1), its opacity (0 to 255)."""

    tint: Color
    share: float
    opacity: int


def add_caption(image: Image.Image, prompt: str, small_print: str, card: Card) -> None:
    """Draw the prompt and the small print on a translucent card at the bottom of the image.

    The letters are as large as fits the card's share of the height, but never too small to read.
    """
    width, height = image.size
    short = min(width, height)
    margin, padding = short // 24, short // 22
    inside = width - 2 * (margin + padding)
    note = _fitted_note(small_print, inside, max(9, short // 40))
    room = round(height * card.share - 2 * padding - 2 * note.size)
    text = _fit(_in_font(prompt), inside, room, short)
    block = len(text.lines) * text.leading
    top = height - margin - 2 * padding - block - round(note.size * (2.1 if text.lines else 1.0))
    _card(image, (margin, max(margin, top), width - margin, height - margin), card)
    draw = ImageDraw.Draw(image)
    y = max(margin, top) + padding
    for line in text.lines:
        draw.text((margin + padding, y), line, _WHITE, font=text.font)
        y += text.leading
    draw.text((margin + padding, height - margin - padding), small_print, _pale(card.tint), font=note, anchor="ls")


def placeholder(size: Size, title: str, detail: str, at: float = 0.5) -> Image.Image:
    """A gray striped card for an input image that could not be used; `at` is the height of its text, from 0 to 1."""
    width, height = size
    card = Image.new("RGB", size, (225, 228, 233))
    draw = ImageDraw.Draw(card)
    step = max(12, min(size) // 10)
    for x in range(-height, width, step * 2):
        draw.polygon([(x, height), (x + step, height), (x + step + height, 0), (x + height, 0)], (214, 218, 225))
    short = min(size)
    inside = width - short // 6
    heading = _fit(title, inside, height // 3, short)
    detail = _in_font(detail)
    small = _fitted_note(detail, inside, max(9, short // 22))
    y = max(short // 20, round(height * at) - len(heading.lines) * heading.leading)
    for line in heading.lines:
        draw.text((width // 2, y), line, (92, 99, 112), font=heading.font, anchor="ma")
        y += heading.leading
    draw.text((width // 2, y + small.size), detail, (120, 127, 140), font=small, anchor="ma")
    draw.rectangle((0, 0, width - 1, height - 1), outline=(160, 167, 180), width=max(2, short // 90))
    return card


def _in_font(text: str) -> str:
    """The text in the letters of Pillow's own font: without accents, and with a question mark for other scripts."""
    plain = unicodedata.normalize("NFKD", text.translate(_SPELLED))
    kept = (letter for letter in plain if not unicodedata.combining(letter))
    return "".join(letter if letter.isascii() or letter in _PUNCTUATION else "?" for letter in kept)


@lru_cache(maxsize=64)
def _font(size: int) -> ImageFont.FreeTypeFont:
    font = ImageFont.load_default(size)
    assert isinstance(font, ImageFont.FreeTypeFont), "Pillow is built without FreeType"
    return font


def _fitted_note(text: str, width: int, size: int) -> ImageFont.FreeTypeFont:
    while size > 7 and _font(size).getlength(text) > width:  # noqa: PLR2004  # text below seven pixels is not legible
        size -= 1
    return _font(size)


def _fit(text: str, width: int, height: int, short: int) -> _Fitted:
    words = text if len(text) <= _LONGEST else text[:_LONGEST] + "…"
    largest, smallest = max(12, short // 13), max(10, short // 44)
    for size in range(largest, smallest, -max(1, short // 200)):
        fitted = _wrapped(words, size, width)
        if len(fitted.lines) * fitted.leading <= height:
            return fitted
    fitted = _wrapped(words, smallest, width)
    kept = max(1, height // fitted.leading)
    if len(fitted.lines) <= kept:
        return fitted
    lines = (*fitted.lines[: kept - 1], fitted.lines[kept - 1][:-1] + "…")
    return _Fitted(lines, fitted.font, fitted.leading)


def _wrapped(text: str, size: int, width: int) -> _Fitted:
    font = _font(size)
    lines = [line for paragraph in text.splitlines() for line in _broken(paragraph, font, width)]
    return _Fitted(tuple(lines), font, round(size * 1.28))


def _broken(paragraph: str, font: ImageFont.FreeTypeFont, width: int) -> list[str]:
    lines = [""]
    for word in paragraph.split():
        longer = f"{lines[-1]} {word}".lstrip()
        if font.getlength(longer) <= width:
            lines[-1] = longer
            continue
        pieces = _pieces(word, font, width)
        lines = [*(lines if lines[-1] else []), *pieces]
    return lines


def _pieces(word: str, font: ImageFont.FreeTypeFont, width: int) -> list[str]:
    pieces = [""]
    for letter in word:
        if pieces[-1] and font.getlength(pieces[-1] + letter) > width:
            pieces.append("")
        pieces[-1] += letter
    return pieces


def _card(image: Image.Image, box: tuple[int, int, int, int], card: Card) -> None:
    corner = min(image.size) // 40
    mask = Image.new("L", image.size)
    ImageDraw.Draw(mask).rounded_rectangle(box, corner, fill=card.opacity)
    image.paste(mix(card.tint, (0, 0, 0), 0.67), (0, 0, *image.size), mask)


def _pale(tint: Color) -> Color:
    return (200 + tint[0] // 6, 200 + tint[1] // 6, 200 + tint[2] // 6)
