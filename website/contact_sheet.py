"""docs/demo.jpg, the demo's images on one sheet: `python -m website.contact_sheet` runs the demo and draws it."""

import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from PIL import Image, ImageDraw, ImageFont, ImageOps

SHEET: Final = Path(__file__).parent.parent / "docs/demo.jpg"
_COLUMNS: Final = 3
_TILE: Final = (320, 240)
_CAPTION: Final = 28
_GAP: Final = 12


def draw(images: list[Path]) -> Image.Image:
    """The images in rows of three, each above the name of its model."""
    across, down = _TILE[0] + _GAP, _TILE[1] + _CAPTION + _GAP
    rows = -(-len(images) // _COLUMNS)
    sheet = Image.new("RGB", (_COLUMNS * across + _GAP, rows * down + _GAP), "white")
    pen = ImageDraw.Draw(sheet)
    for number, file in enumerate(images):
        left, top = _GAP + number % _COLUMNS * across, _GAP + number // _COLUMNS * down
        with Image.open(file) as image:
            sheet.paste(ImageOps.pad(image.convert("RGB"), _TILE, color="#f0f0f0"), (left, top))
        pen.text((left, top + _TILE[1] + 6), file.stem, fill="#333333", font=ImageFont.load_default(16))
    return sheet


def main() -> None:
    """Run the demo in a folder of its own, and save the sheet."""
    with TemporaryDirectory() as folder:
        subprocess.run([sys.executable, "-m", "imagegen", "demo", "--once", "--port", "0"], cwd=folder, check=True)
        images = sorted((Path(folder) / "demo-output").iterdir())
        draw(images).save(SHEET, quality=82, optimize=True)


if __name__ == "__main__":
    main()
