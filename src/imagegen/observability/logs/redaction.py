"""Removes keys, signatures and credentials from every text that is about to be logged.

Our own modules log no secrets. This is the second line of defense, and the first one for the libraries.
"""

import re
from collections.abc import Callable, Sequence
from typing import Final

_SHORTEST_SECRET: Final = 6  # a shorter one would match parts of ordinary words
_CUT: Final = "…"
# The last segment of the path that fal calls with its webhook.
_WEBHOOK_SECRET: Final = re.compile(r"(/api/webhooks/fal/[^/?\s]*/)[^/?\s\"']+")
# The token of a link to an image.
_LINK: Final = re.compile(r"(/i/)[\w-]{40,}")
# The user and the query of a URL: passwords, signatures, tokens.
_ADDRESS: Final = re.compile(
    r"([a-z][a-z0-9+.-]*://)(?:[^\s/@\"'<>]*@)?([^\s?#\"'<>]*)(?:[?#][^\s\"'<>]*)?", re.IGNORECASE
)
_CREDENTIAL: Final = re.compile(r"\b(Bearer|Key|Basic) [^\s\"',]+|\big_[\w-]{8,}|\bwhsec_[\w+/=-]+")

_SIGNS: Final = (" ", "ig_", "whsec_")  # a text without any of them has no credential; most fields are such texts


def without_secret(path: str) -> str:
    """The path of a request as it may be logged."""
    return _LINK.sub(rf"\1{_CUT}", _WEBHOOK_SECRET.sub(rf"\1{_CUT}", path))


def redaction(secrets: Sequence[str]) -> Callable[[str], str]:
    """Create the function that redacts a text.

    Args:
        secrets: known secrets, replaced wherever they appear.
    """
    known = sorted({secret for secret in secrets if len(secret) >= _SHORTEST_SECRET}, key=len, reverse=True)
    pattern = re.compile("|".join(map(re.escape, known))) if known else None

    def redacted(text: str) -> str:
        if pattern is not None:
            text = pattern.sub(_CUT, text)
        if "://" in text:
            text = _ADDRESS.sub(_public_part, text)
        if "/webhooks/" in text or "/i/" in text:
            text = without_secret(text)
        if any(sign in text for sign in _SIGNS):
            text = _CREDENTIAL.sub(_without_credential, text)
        return text

    return redacted


def _public_part(found: re.Match[str]) -> str:
    cut = _CUT if found.end() > found.end(2) else ""
    return f"{found[1]}{found[2]}{cut}"


def _without_credential(found: re.Match[str]) -> str:
    return f"{found[1]} {_CUT}" if found[1] else _CUT
