"""Which route may have the next slot: no user and no receiver can take all of them, however slow receivers are.

A route is one user's deliveries to one receiver. A user gets at most as many slots as stay free, so that there is one
left for the next user; a receiver gets a quarter of all, which its users share in the same way. A route whose receiver
does not answer is paused, for longer each time, and then has one attempt at a time until it answers.
"""

import asyncio
import time
from collections import Counter, OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, TypeVar

from imagegen.webhooks import Pace, Route

T = TypeVar("T")

_REMEMBERED: Final = 10_000  # silent routes; the oldest are forgotten, and found out again


@dataclass(slots=True)
class _Silence:
    """A receiver that did not answer, on the monotonic clock."""

    failures: int
    since: float
    until: float


class Shares:
    """The slots of a process, and who has them.

    Attributes:
        freed: set whenever a slot was given back.
    """

    def __init__(self, slots: int, pace: Pace) -> None:
        self._slots, self._of_a_receiver, self._pace = slots, max(slots // 4, 1), pace
        self._routes, self._users, self._receivers = Counter[Route](), Counter[str](), Counter[str]()
        self._silent: OrderedDict[Route, _Silence] = OrderedDict()
        self.freed = asyncio.Event()

    @property
    def free(self) -> int:
        """How many slots are free."""
        return self._slots - self._routes.total()

    def take(self, route: Route) -> None:
        """An attempt begins."""
        self._count(route, 1)

    def release(self, route: Route) -> None:
        """An attempt has ended."""
        self._count(route, -1)
        self.freed.set()

    def full_users(self) -> list[str]:
        """Users that have their share."""
        return [user_id for user_id, count in self._users.items() if count >= self.free]

    def full_receivers(self) -> list[str]:
        """Receivers that have their share."""
        return [receiver for receiver, count in self._receivers.items() if count >= self._of_a_receiver]

    def closed_to(self, user_id: str) -> list[str]:
        """The receivers at which this user has its share."""
        return [*self.full_receivers(), *self._own_receivers(user_id)]

    def _own_receivers(self, user_id: str) -> Iterator[str]:
        for route, count in self._routes.items():
            left = self._of_a_receiver - self._receivers[route.receiver]
            if route.user_id == user_id and count >= (1 if route in self._silent else left):
                yield route.receiver

    def did_not_answer(self, route: Route, began: float, jitter: float) -> timedelta:
        """Pause a route after an attempt that began then; attempts at the same time count as one."""
        known = self._silent.pop(route, None)
        failures = 1 if known is None else known.failures + (began >= known.since)
        pause = self._pace.silence(failures, jitter)
        now = time.monotonic()
        self._silent[route] = _Silence(failures, now, now + pause.total_seconds())
        if len(self._silent) > _REMEMBERED:
            self._silent.popitem(last=False)
        return pause

    def answered(self, route: Route) -> None:
        """The receiver is there, whatever it said."""
        self._silent.pop(route, None)

    def paused(self, route: Route) -> timedelta | None:
        """How long a route is paused still; None if it is not."""
        silence = self._silent.get(route)
        left = 0.0 if silence is None else silence.until - time.monotonic()
        return timedelta(seconds=left) if left > 0 else None

    def _count(self, route: Route, more: int) -> None:
        _add(self._routes, route, more)
        _add(self._users, route.user_id, more)
        _add(self._receivers, route.receiver, more)


def _add(counter: Counter[T], key: T, more: int) -> None:
    counter[key] += more
    if not counter[key]:
        del counter[key]
