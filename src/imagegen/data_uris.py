"""Reads data URIs as browsers do: WHATWG's URL, "data: URL processor" and "forgiving-base64 decode".

https://fetch.spec.whatwg.org/#data-url-processor, https://infra.spec.whatwg.org/#forgiving-base64-decode
"""

import binascii
import re
from collections.abc import Iterator
from typing import Final
from urllib.parse import unquote_to_bytes

_SCHEME: Final = "data:"
# The characters that a URL parser strips from both ends, and those that it removes everywhere.
_AROUND: Final = "".join(map(chr, range(0x21)))
_DROPPED: Final = b"\t\n\r"
_WHITESPACE: Final = b"\t\n\f\r "
_SPACES: Final = tuple(_WHITESPACE[at : at + 1] for at in range(len(_WHITESPACE)))
_BASE64: Final = re.compile(rb"; *base64$", re.IGNORECASE)
# The scheme with every character that may be around and inside it. Matching it copies no text.
_PREFIX: Final = re.compile(r"[\x00-\x20]*" + r"[\t\n\r]*".join(_SCHEME), re.IGNORECASE)
_BLOCK: Final = 64 * 1024
_ESCAPE: Final = 3  # characters of a percent escape


class MalformedDataUri(ValueError):
    """The text is not a data URI that browsers can read."""


def is_data_uri(text: str) -> bool:
    """Whether a URL parser reads the text as a data URI, valid or not."""
    return _PREFIX.match(text) is not None


def has_data(text: str) -> bool:
    """Whether the text is a data URI with the comma before its data."""
    return is_data_uri(text) and "," in text


def read_data_uri(text: str) -> bytes:
    """Decode the bytes of a data URI. Its media type is ignored.

    Raises:
        MalformedDataUri: it has no comma or invalid base64, or is not a data URI.
    """
    if not has_data(text):
        raise MalformedDataUri("a data URI needs a comma before its data")
    cleaned = text.strip(_AROUND).encode(errors="replace").translate(None, _DROPPED)
    end = cleaned.find(b"#") if b"#" in cleaned else len(cleaned)
    comma = cleaned.find(b",", 0, end)
    comma = comma if comma >= 0 else end
    head, data = cleaned[len(_SCHEME) : comma], cleaned[comma + 1 : end]
    del cleaned  # it may have tens of megabytes: each copy is freed before the next one is made
    if b"%" in data:
        data = _percent_decoded(data)
    return _base64_decoded(data) if _BASE64.search(head.strip(b"\f ")) else data


def _percent_decoded(body: bytes) -> bytes:
    """Decode in blocks, because a list of all escapes of a long text takes fifty times its bytes."""
    decoded = bytearray()
    for block in _blocks(body):
        decoded += unquote_to_bytes(block)
    return bytes(decoded)


def _blocks(body: bytes) -> Iterator[bytes]:
    """The text in blocks that do not split an escape."""
    at = 0
    while at < len(body):
        end = at + _BLOCK
        escape = body.rfind(b"%", max(at + 1, end - _ESCAPE + 1), end)
        end = escape if escape >= 0 else end
        yield body[at:end]
        at = end


def _base64_decoded(data: bytes) -> bytes:
    """Decode base64 with whitespace anywhere, with or without padding."""
    text = data.translate(None, _WHITESPACE) if any(space in data for space in _SPACES) else data
    padding = len(text[-2:]) - len(text[-2:].rstrip(b"=")) if len(text) % 4 == 0 else 0
    if (len(text) - padding) % 4 == 1 or text.find(b"=", 0, len(text) - padding) >= 0:
        raise MalformedDataUri("the data is not valid base64")
    try:
        return binascii.a2b_base64(text + b"=" * (-len(text) % 4), strict_mode=True)
    except binascii.Error as error:
        raise MalformedDataUri(f"the data is not valid base64: {error}") from error
