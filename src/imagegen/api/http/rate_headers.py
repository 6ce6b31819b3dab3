"""The headers `RateLimit` and `RateLimit-Policy` (draft-ietf-httpapi-ratelimit-headers-10)."""

import math
from collections.abc import Mapping, Sequence

from imagegen.errors import RateState


def rate_headers(states: Sequence[RateState]) -> Mapping[str, str]:
    """The limits of a request as lists of structured fields; no headers if it has none."""
    if not states:
        return {}
    return {
        "RateLimit-Policy": ", ".join(f'"{state.name}";q={state.limit};w=60' for state in states),
        "RateLimit": ", ".join(
            f'"{state.name}";r={state.remaining};t={math.ceil(state.reset.total_seconds())}' for state in states
        ),
    }
