"""The headers `RateLimit` and `RateLimit-Policy` (draft-ietf-httpapi-ratelimit-headers-10)."""

import asyncio
import math
from collections.abc import Mapping, Sequence
from contextlib import suppress
from http import HTTPStatus
from typing import Final, cast

from starlette.types import Message, Scope, Send

from imagegen.errors import DatabaseUnavailable, RateName, RateState, is_of_open_jobs
from imagegen.keys import Caller
from imagegen.operations.rates import limits_of_key
from imagegen.services import Services

_STATE: Final = "RateLimit"
_PATIENCE: Final = 1.0  # seconds; an answer does not wait longer for the state of its limits


def rate_headers(states: Sequence[RateState]) -> Mapping[str, str]:
    """The limits of a request as lists of structured fields; no headers if it has none."""
    if not states:
        return {}
    return {
        **_policy({state.name: state.limit for state in states}),
        _STATE: ", ".join(f'"{state.name}";r={state.remaining}{_reset(state)}' for state in states),
    }


async def key_rate_headers(scope: Scope, status: int) -> Mapping[str, str]:
    """The limits of the caller's key as they are now. Without MongoDB, only what they are is known."""
    state = scope["state"]
    services, caller = cast("Services", state["services"]), cast("Caller | None", state.get("caller"))
    limits = limits_of_key(caller, services.settings.rates) if caller is not None else None
    if limits is None or status == HTTPStatus.UNAUTHORIZED:
        return {}
    if status != HTTPStatus.SERVICE_UNAVAILABLE:
        with suppress(TimeoutError, DatabaseUnavailable):
            async with asyncio.timeout(_PATIENCE):
                return rate_headers((await services.rate_counts.look(limits)).states(limits))
    return _policy(limits.limits_by_name)


def sender_with_rates(scope: Scope, send: Send) -> Send:
    """Send a response with the limits of the caller's key, unless its handler has added them."""

    async def send_with_rates(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = list(message.get("headers", ()))
            if all(name != _STATE.lower().encode() for name, _ in headers):
                added = await key_rate_headers(scope, message["status"])
                headers += [(name.lower().encode(), value.encode()) for name, value in added.items()]
            message = {**message, "headers": headers}
        await send(message)

    return send_with_rates


def _policy(limits: Mapping[RateName, int]) -> Mapping[str, str]:
    return {"RateLimit-Policy": ", ".join(f'"{name}";q={limit}{_unit(name)}' for name, limit in limits.items())}


def _unit(name: RateName) -> str:
    """In which time, and what is counted, unless it is requests, which the draft has as the default."""
    if is_of_open_jobs(name):
        return ';qu="concurrent-requests"'
    return ';w=60;qu="images"' if name.endswith("-images") else ";w=60"


def _reset(state: RateState) -> str:
    return "" if state.reset is None else f";t={math.ceil(state.reset.total_seconds())}"
