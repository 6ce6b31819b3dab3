"""Rates: what a request found of each of its limits, and the refusals."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from imagegen.errors.base import ImagegenError
from imagegen.errors.requests import NotAllowed

RateName = Literal["key-requests", "key-images", "key-open-jobs", "user-requests", "user-images", "user-open-jobs"]
_NO_WAIT = timedelta(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class RateState:
    """A limit, as it is after a request.

    Attributes:
        name: whose limit it is, and of what.
        limit: how many pass in a minute, and how many may come at once; of open jobs, how many there may be.
        remaining: how many still pass at once.
        reset: the time until the whole limit passes at once again; None of open jobs, whose ends are unknown.
        wait: the time until the request would pass; zero if it does.
        free_at: when the request would pass, on the database's clock.
    """

    name: RateName
    limit: int
    remaining: int
    reset: timedelta | None
    wait: timedelta
    free_at: datetime

    @property
    def words(self) -> str:
        """The limit, for people."""
        return f"{self.name} ({_limit(self.name, self.limit)})"


class RateLimited(ImagegenError):
    """A rate is used up, or too many jobs are open. Nothing was stored, sent or billed; `states` has every limit."""

    def __init__(self, states: Sequence[RateState]) -> None:
        self.states = tuple(states)
        self.exhausted = tuple(state for state in states if state.wait > _NO_WAIT)
        words = ", ".join(state.words for state in self.exhausted)
        of_jobs = any(is_of_open_jobs(state.name) for state in self.exhausted)
        what = "unfinished jobs" if of_jobs else "requests or images in a minute"  # the rates are taken before
        super().__init__(f"Too many {what}: {words}. Try again after the number of seconds in Retry-After.")

    @property
    def retry_after(self) -> timedelta:
        """The time until the request would pass all limits."""
        return max(state.wait for state in self.exhausted)


class BeyondRate(NotAllowed):
    """A request for more images, or a batch of more requests, than a limit, which could never pass."""

    def __init__(self, count: int, name: RateName, limit: int) -> None:
        what = "jobs" if is_of_open_jobs(name) else name.partition("-")[2]
        super().__init__(
            f"This asks for {count} {what} at once, but {name} permits {_limit(name, limit)}, so it can never pass. "
            "Ask for fewer at once."
        )


def is_of_open_jobs(name: RateName) -> bool:
    """Whether a limit is on jobs that are unfinished at once, not in a minute."""
    return name.endswith("-open-jobs")


def _limit(name: RateName, limit: int) -> str:
    return f"{limit} at once" if is_of_open_jobs(name) else f"{limit} a minute"
