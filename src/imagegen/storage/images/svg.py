"""Detecting SVG documents by their first element."""

import codecs
import re
from typing import Final

_MARKS: Final = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
# What may precede the first element: whitespace, <?…?>, <!--…-->, and a document type with its own declarations.
_PROLOG: Final = re.compile(
    r"\s+|<\?.*?\?>|<!--.*?-->|<!DOCTYPE\s[^\[>]*(?:\[(?:[^\]\"']|\"[^\"]*\"|'[^']*')*\]\s*)?>", re.DOTALL
)
_ROOT: Final = re.compile(r"<(?:[A-Za-z_][\w.-]{0,64}:)?svg[\s/>]")


def is_svg(head: bytes) -> bool:
    """Whether a file that begins like this is an SVG document."""
    text, at = _text(head), 0
    while found := _PROLOG.match(text, at):
        at = found.end()
    return _ROOT.match(text, at) is not None


def _text(head: bytes) -> str:
    for mark, encoding in _MARKS:
        if head.startswith(mark):
            return head[len(mark) :].decode(encoding, errors="replace")
    return head.decode("latin-1")
