"""Compares URLs by what they lead to, independent of spelling and signature."""

import re
from collections.abc import Iterator
from typing import Final
from urllib.parse import unquote, urlsplit

from pydantic import JsonValue

_DATA: Final = "data:"
_URL: Final = re.compile(r"https?://[^\s\"'<>\\]+", re.IGNORECASE)
_DEFAULT_PORTS: Final = {80, 443, None}
_AFTER_A_URL: Final = ".,;:!?)]}"
# Query parameters of a signed link; the same object can be signed again with other values.
_SIGNATURE: Final = re.compile(r"^(x-amz-|x-goog-|signature=|expires=|awsaccesskeyid=|googleaccessid=)", re.IGNORECASE)


def normalize_url(url: str) -> str:
    """The same text for every spelling of a URL, with or without a signature, over http or https."""
    text = url.strip()
    if text[: len(_DATA)].casefold() == _DATA:
        return "".join((unquote(text) if "%" in text else text).split())
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        return text
    host = (parts.hostname or "").rstrip(".") + ("" if port in _DEFAULT_PORTS else f":{port}")
    query = sorted(unquote(part) for part in parts.query.split("&") if part and not _SIGNATURE.match(part))
    return f"{host}{unquote(parts.path) or '/'}?{'&'.join(query)}"


def urls_in(value: JsonValue) -> frozenset[str]:
    """Every URL in the texts of a JSON value, normalized."""
    return frozenset(normalize_url(url) for text in _texts(value) for url in _urls_of(text))


def _texts(value: JsonValue) -> Iterator[str]:
    pending = [value]
    while pending:
        match pending.pop():
            case str() as text:
                yield text
            case list() as items:
                pending.extend(items)
            case dict() as members:
                pending.extend(members.values())
            case _:
                pass


def _urls_of(text: str) -> Iterator[str]:
    if text.lstrip()[: len(_DATA)].casefold() == _DATA:
        yield text
        return
    for found in _URL.findall(text):
        yield found
        yield found.rstrip(_AFTER_A_URL)
