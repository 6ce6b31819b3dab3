"""Images in the terminal, by the protocols of kitty and iTerm2. Other terminals and pipes get none."""

import base64
import io
import os
import sys
from collections.abc import Iterator, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Final

_LARGEST: Final = 800  # pixels, of the copy that is shown
_CHUNK: Final = 4096  # kitty's limit
_ROWS: Final = 20


class Protocol(StrEnum):
    """How a terminal takes images."""

    KITTY = "kitty"
    ITERM = "iterm2"


def protocol_of(environ: Mapping[str, str]) -> Protocol | None:
    """The protocol of the terminal that the variables describe. tmux and screen pass no images on."""
    if environ.get("TMUX") or environ.get("TERM", "").startswith(("screen", "tmux", "dumb")):
        return None
    program = environ.get("TERM_PROGRAM", "")
    if environ.get("KITTY_WINDOW_ID") or environ.get("TERM") == "xterm-kitty" or program == "ghostty":
        return Protocol.KITTY
    if program in {"iTerm.app", "WezTerm"} or environ.get("LC_TERMINAL") == "iTerm2":
        return Protocol.ITERM
    return None


def show_image(file: Path) -> None:
    """Show an image below the cursor if stdout is a terminal that can; an image that does not open is not shown."""
    protocol = protocol_of(os.environ) if sys.stdout.isatty() else None
    if protocol is not None and (content := _small_png(file)):
        sys.stdout.write("".join(escape_codes(content, protocol)) + "\n")
        sys.stdout.flush()


def escape_codes(png: bytes, protocol: Protocol) -> Iterator[str]:
    """What to write to the terminal to show a PNG."""
    text = base64.b64encode(png).decode()
    if protocol is Protocol.ITERM:
        yield f"\x1b]1337;File=inline=1;size={len(png)};height={_ROWS};preserveAspectRatio=1:{text}\a"
        return
    for begin in range(0, len(text), _CHUNK):
        first = f"a=T,f=100,r={_ROWS}," if begin == 0 else ""
        more = int(begin + _CHUNK < len(text))
        yield f"\x1b_G{first}m={more};{text[begin : begin + _CHUNK]}\x1b\\"


def _small_png(file: Path) -> bytes | None:
    from PIL import Image, UnidentifiedImageError  # only where there is a terminal for it

    try:
        with Image.open(file) as image:
            image.thumbnail((_LARGEST, _LARGEST))
            buffer = io.BytesIO()
            image.convert("RGBA").save(buffer, "PNG")
    except (OSError, UnidentifiedImageError, Image.DecompressionBombError):
        return None
    return buffer.getvalue()
