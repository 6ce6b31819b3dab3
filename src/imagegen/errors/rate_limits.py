"""Rates: what a request found of each of its limits, and the refusals."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from imagegen.errors.base import ImagegenError
from imagegen.errors.requests import NotAllowed

RateName = Literal["key-requests", "key-images", "user-requests", "user-images"]
_NO_WAIT = timedelta(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class RateState:
    """A limit, as it is after a request.

    Attributes:
        name: whose limit it is, and of what.
        limit: how many pass in a minute, and how many may come at once.
        remaining: how many still pass at once.
        reset: the time until the whole limit passes at once again.
        wait: the time until the request would pass; zero if it does.
        free_at: when the request would pass, on the database's clock.
    """

    name: RateName
    limit: int
    remaining: int
    reset: timedelta
    wait: timedelta
    free_at: datetime


class RateLimited(ImagegenError):
    """The key or the user has used up its rate. Nothing was stored, sent or billed; `states` has every limit."""

    def __init__(self, states: Sequence[RateState]) -> None:
        self.states = tuple(states)
        self.exhausted = tuple(state for state in states if state.wait > _NO_WAIT)
        words = ", ".join(f"{state.name} ({state.limit} a minute)" for state in self.exhausted)
        super().__init__(
            f"Too many requests or images in a minute: {words}. Try again after the number of seconds in Retry-After."
        )

    @property
    def retry_after(self) -> timedelta:
        """The time until the request would pass all limits."""
        return max(state.wait for state in self.exhausted)


class BeyondRate(NotAllowed):
    """A request for more images, or a batch of more requests, than a minute's rate, which could never pass."""

    def __init__(self, count: int, name: RateName, limit: int) -> None:
        what = name.partition("-")[2]
        super().__init__(
            f"This asks for {count} {what} at once, but {name} permits {limit} a minute, so it can never pass. "
            "Ask for fewer at once."
        )
