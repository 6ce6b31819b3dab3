"""The slots of a process for attempts: no user and no receiver gets all of them, however slow receivers are.

A route is one user's deliveries to one receiver. A user gets at most as many slots as stay free, so that one is left
for the next user. A receiver gets a quarter of all slots, which its users share in the same way. A route whose receiver
does not respond is paused, longer each time, and then gets one attempt at a time until the receiver responds.
"""

import asyncio
import time
from collections import Counter, OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, TypeVar

from imagegen.webhooks import DeliveryRoute, RetrySchedule

T = TypeVar("T")

_MAX_SILENT_ROUTES: Final = 10_000  # beyond that the oldest are forgotten, and found again by their next attempt


@dataclass(slots=True)
class _Silence:
    """A receiver that does not respond; the times are of the monotonic clock."""

    failures: int
    since: float
    until: float


class ReceiverQuotas:
    """Which slots are taken, and by which users and receivers.

    Attributes:
        freed: set whenever a slot is released.
    """

    def __init__(self, slots: int, schedule: RetrySchedule) -> None:
        self._slots, self._per_receiver, self._schedule = slots, max(slots // 4, 1), schedule
        self._routes, self._users, self._receivers = Counter[DeliveryRoute](), Counter[str](), Counter[str]()
        self._silent: OrderedDict[DeliveryRoute, _Silence] = OrderedDict()
        self.freed = asyncio.Event()

    @property
    def free(self) -> int:
        """How many slots are free."""
        return self._slots - self._routes.total()

    def take(self, route: DeliveryRoute) -> None:
        """Take a slot for an attempt."""
        self._count(route, 1)

    def release(self, route: DeliveryRoute) -> None:
        """Release the slot of an attempt that ended."""
        self._count(route, -1)
        self.freed.set()

    def full_users(self) -> list[str]:
        """Users that have their share of the slots."""
        return [user_id for user_id, count in self._users.items() if count >= self.free]

    def full_receivers(self) -> list[str]:
        """Receivers that have their share of the slots."""
        return [receiver for receiver, count in self._receivers.items() if count >= self._per_receiver]

    def closed_to(self, user_id: str) -> list[str]:
        """The receivers at which this user has its share."""
        return [*self.full_receivers(), *self._own_receivers(user_id)]

    def _own_receivers(self, user_id: str) -> Iterator[str]:
        for route, count in self._routes.items():
            left = self._per_receiver - self._receivers[route.receiver]
            if route.user_id == user_id and count >= (1 if route in self._silent else left):
                yield route.receiver

    def mark_silent(self, route: DeliveryRoute, began: float, jitter: float) -> timedelta:
        """Pause a route after an attempt without a response that began at `began`; concurrent attempts count as one."""
        known = self._silent.pop(route, None)
        failures = 1 if known is None else known.failures + (began >= known.since)
        pause = self._schedule.route_pause(failures, jitter)
        now = time.monotonic()
        self._silent[route] = _Silence(failures, now, now + pause.total_seconds())
        if len(self._silent) > _MAX_SILENT_ROUTES:
            self._silent.popitem(last=False)
        return pause

    def mark_responsive(self, route: DeliveryRoute) -> None:
        """End a route's pauses: its receiver responded, with whatever status."""
        self._silent.pop(route, None)

    def paused(self, route: DeliveryRoute) -> timedelta | None:
        """How much longer a route is paused; None if it is not."""
        silence = self._silent.get(route)
        left = 0.0 if silence is None else silence.until - time.monotonic()
        return timedelta(seconds=left) if left > 0 else None

    def _count(self, route: DeliveryRoute, change: int) -> None:
        _add(self._routes, route, change)
        _add(self._users, route.user_id, change)
        _add(self._receivers, route.receiver, change)


def _add(counter: Counter[T], key: T, change: int) -> None:
    counter[key] += change
    if not counter[key]:
        del counter[key]
