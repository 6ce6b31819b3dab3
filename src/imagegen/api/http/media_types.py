"""Media types: what a request's body is declared as, and what its `Accept` header takes (RFC 9110, 12.5.1)."""

import re
from collections.abc import Mapping
from typing import Final

from starlette.requests import Request

JSON: Final = "application/json"
MULTIPART: Final = "multipart/form-data"
_RANGE: Final = re.compile(r"\s*([\w!#$&^.+*-]+/[\w!#$&^.+*-]+)\s*((?:;[^;]*)*)", re.ASCII)
_WEIGHT: Final = re.compile(r";\s*q\s*=\s*([0-9.]+)\s*", re.ASCII | re.IGNORECASE)


def declared_type(request: Request) -> str:
    """The media type that the body is declared as, in lower case and without parameters."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def is_json(request: Request) -> bool:
    """Whether the body is declared as JSON."""
    media_type = declared_type(request)
    return media_type == JSON or (media_type.startswith("application/") and media_type.endswith("+json"))


def accepts(header: str | None, media_type: str) -> bool:
    """Whether an Accept header takes this type. A header that cannot be read counts as absent."""
    weights = _weights(header)
    if not weights:
        return True
    kind = media_type.partition("/")[0]
    named = (weights[name] for name in (media_type, f"{kind}/*", "*/*") if name in weights)
    return next(named, 0.0) > 0


def prefers(header: str | None, media_type: str, over: str) -> bool:
    """Whether an Accept header names this type, with at least the weight of the other one. Wildcards do not count."""
    weights = _weights(header)
    return weights.get(media_type, 0.0) > 0 and weights[media_type] >= weights.get(over, 0.0)


def _weights(header: str | None) -> Mapping[str, float]:
    ranges = [found for part in (header or "").split(",") if (found := _RANGE.fullmatch(part))]
    return {found[1].lower(): _weight(found[2]) for found in ranges}


def _weight(parameters: str) -> float:
    found = _WEIGHT.search(parameters)
    try:
        return float(found[1]) if found else 1.0
    except ValueError:
        return 1.0
