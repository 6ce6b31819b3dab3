"""`Prefer: respond-async` and `Prefer: wait=N` (RFC 7240), and `Idempotency-Key`: how a caller wants to be served."""

import re
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated

from fastapi import Header
from pydantic import AfterValidator
from pydantic_core import PydanticCustomError

_WAIT = re.compile(r"wait\s*=\s*\"?(\d{1,6})\"?", re.IGNORECASE)


def _visible_ascii(value: str | None) -> str | None:
    if value is not None and not re.fullmatch(r"[\x21-\x7e]*", value):
        raise PydanticCustomError("wrong_format", "must be visible ASCII characters without spaces, such as order-4711")
    return value


IdempotencyKey = Annotated[
    str | None,
    Header(
        min_length=1,
        max_length=255,
        json_schema_extra={"pattern": r"^[\x21-\x7e]+$"},
        description="A name of your own for this request. For 24 hours, a repeat answers with what the first one made.",
        examples=["order-4711"],
    ),
    AfterValidator(_visible_ascii),
]
Prefer = Annotated[
    str | None,
    Header(
        max_length=255,
        description="`respond-async` to be answered at once, `wait=N` after N seconds at the latest (RFC 7240).",
        examples=["respond-async", "wait=30"],
    ),
]


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to wait, and what to say was applied (the `Preference-Applied` header), None if nothing was asked."""

    wait: timedelta
    applied: str | None = None


def patience(prefer: str | None, longest: timedelta) -> Patience:
    """Read a Prefer header. A preference that is not understood is ignored, as the RFC wants; `longest` caps all."""
    preferences = [part.strip() for part in re.split("[,;]", prefer or "")]
    if any(preference.lower() == "respond-async" for preference in preferences):
        return Patience(timedelta(0), "respond-async")
    for preference in preferences:
        if match := _WAIT.fullmatch(preference):
            wait = min(timedelta(seconds=int(match[1])), longest)
            return Patience(wait, f"wait={int(wait.total_seconds())}")
    return Patience(longest)
