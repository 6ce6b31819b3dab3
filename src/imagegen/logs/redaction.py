"""What must not be in a log, cut out of whatever is about to be written: keys, signatures, other people's words.

The rooms already take care of what they say. This stands behind them, and behind the libraries.
"""

import re
from collections.abc import Callable, Sequence
from typing import Final

_LONG_ENOUGH: Final = 6  # a shorter "secret" would be found in ordinary words
_CUT: Final = "…"
# The last part of the address that fal sends its webhook to.
_WEBHOOK_SECRET: Final = re.compile(r"(/api/webhooks/fal/[^/?\s]*/)[^/?\s\"']+")
# The user and the query of an address: passwords, signatures, tokens.
_ADDRESS: Final = re.compile(
    r"([a-z][a-z0-9+.-]*://)(?:[^\s/@\"'<>]*@)?([^\s?#\"'<>]*)(?:[?#][^\s\"'<>]*)?", re.IGNORECASE
)
_CREDENTIAL: Final = re.compile(r"\b(Bearer|Key|Basic) [^\s\"',]+|\big_[\w-]{8,}|\bwhsec_[\w+/=-]+")


def without_secret(path: str) -> str:
    """The path of a request, fit for a log."""
    return _WEBHOOK_SECRET.sub(rf"\1{_CUT}", path)


def redaction(secrets: Sequence[str]) -> Callable[[str], str]:
    """Make the function that every text passes on its way into the log.

    Args:
        secrets: known ones, wherever they appear.
    """
    known = sorted({secret for secret in secrets if len(secret) >= _LONG_ENOUGH}, key=len, reverse=True)
    pattern = re.compile("|".join(map(re.escape, known))) if known else None

    def redacted(text: str) -> str:
        if pattern is not None:
            text = pattern.sub(_CUT, text)
        if "://" in text:
            text = _ADDRESS.sub(_plain_address, text)
        if "/webhooks/" in text:
            text = without_secret(text)
        return _CREDENTIAL.sub(_plain_credential, text)

    return redacted


def _plain_address(found: re.Match[str]) -> str:
    cut = _CUT if found.end() > found.end(2) else ""
    return f"{found[1]}{found[2]}{cut}"


def _plain_credential(found: re.Match[str]) -> str:
    return f"{found[1]} {_CUT}" if found[1] else _CUT
