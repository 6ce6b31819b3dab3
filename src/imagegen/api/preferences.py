"""`Prefer: respond-async` and `Prefer: wait=N` (RFC 7240): how long a caller wants to wait for its job."""

import re
from dataclasses import dataclass
from datetime import timedelta

_WAIT = re.compile(r"wait\s*=\s*\"?(\d{1,6})\"?", re.IGNORECASE)


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
