"""The headers `Prefer: respond-async`, `Prefer: wait=N` (RFC 7240) and `Idempotency-Key`."""

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
        description="Your own name for this request. For 24 hours, a repeat returns what the first request created.",
        examples=["order-4711"],
    ),
    AfterValidator(_visible_ascii),
]
DemandedIdempotencyKey = Annotated[
    str,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=255,
        json_schema_extra={"pattern": r"^[\x21-\x7e]+$"},
        description="Your own name for this request, without which a repeat would do it twice. For 24 hours, a repeat "
        "returns what the first request changed.",
        examples=["top-up-4711"],
    ),
    AfterValidator(_visible_ascii),
]
Prefer = Annotated[
    str | None,
    Header(
        max_length=255,
        description="`respond-async` for a response at once, `wait=N` for one after at most N seconds (RFC 7240).",
        examples=["respond-async", "wait=30"],
    ),
]


def replay_header(*, replayed: bool) -> dict[str, str]:
    """The header of a response to a repeated request."""
    return {"Idempotent-Replayed": "true"} if replayed else {}


@dataclass(frozen=True, slots=True)
class WaitPreference:
    """How long to wait, and the value of `Preference-Applied`; None if the request states no preference."""

    wait: timedelta
    applied: str | None = None


def wait_preference(prefer: str | None, longest: timedelta) -> WaitPreference:
    """Read a Prefer header. An unknown preference is ignored, as the RFC requires. No wait is longer than `longest`."""
    preferences = [part.strip() for part in re.split("[,;]", prefer or "")]
    if any(preference.lower() == "respond-async" for preference in preferences):
        return WaitPreference(timedelta(0), "respond-async")
    for preference in preferences:
        if match := _WAIT.fullmatch(preference):
            wait = min(timedelta(seconds=int(match[1])), longest)
            return WaitPreference(wait, f"wait={int(wait.total_seconds())}")
    return WaitPreference(longest)
