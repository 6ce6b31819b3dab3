"""URLs compared by what they lead to, however they are written."""

import re
from collections.abc import Iterator
from typing import Final
from urllib.parse import unquote, urlsplit

from pydantic import JsonValue

_DATA: Final = "data:"
_URL: Final = re.compile(r"https?://[^\s\"'<>\\]+", re.IGNORECASE)
_DEFAULT_PORTS: Final = {80, 443, None}
_AFTER_A_URL: Final = ".,;:!?)]}"
# Parameters of a signed link: the same object may be signed again.
_SIGNATURE: Final = re.compile(r"^(x-amz-|x-goog-|signature=|expires=|awsaccesskeyid=|googleaccessid=)", re.IGNORECASE)


def normalised(url: str) -> str:
    """What a URL leads to: the same text for each way to write it, with or without a signature, over http or https."""
    text = url.strip()
    if text[: len(_DATA)].casefold() == _DATA:
        return "".join((unquote(text) if "%" in text else text).split())
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        return text
    place = (parts.hostname or "").rstrip(".") + ("" if port in _DEFAULT_PORTS else f":{port}")
    query = sorted(unquote(part) for part in parts.query.split("&") if part and not _SIGNATURE.match(part))
    return f"{place}{unquote(parts.path) or '/'}?{'&'.join(query)}"


def urls_in(value: JsonValue) -> frozenset[str]:
    """Every URL in any text of this JSON, normalised."""
    return frozenset(normalised(url) for text in _texts(value) for url in _urls_of(text))


def _texts(value: JsonValue) -> Iterator[str]:
    left = [value]
    while left:
        match left.pop():
            case str() as text:
                yield text
            case list() as items:
                left.extend(items)
            case dict() as members:
                left.extend(members.values())
            case _:
                pass


def _urls_of(text: str) -> Iterator[str]:
    if text.lstrip()[: len(_DATA)].casefold() == _DATA:
        yield text
        return
    for found in _URL.findall(text):
        yield found
        yield found.rstrip(_AFTER_A_URL)
