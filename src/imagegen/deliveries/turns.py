"""Whose delivery is next: users in a circle, each user's receivers in a circle, the oldest of a route first."""

import random
import time
from collections import OrderedDict
from datetime import timedelta
from typing import Final

from imagegen.deliveries.shares import Shares
from imagegen.webhooks import Delivery, Outcome, Pace, Route
from imagegen.wiring import Services

_REMEMBERED: Final = 1_000  # users; one that is forgotten begins with its first receiver again


class Turns:
    """Takes up what is due, as far as the shares of users and receivers allow."""

    def __init__(self, services: Services, shares: Shares, pace: Pace) -> None:
        self._deliveries, self._metrics = services.jobs.deliveries, services.metrics
        self._shares, self._pace = shares, pace
        self._last_user = ""
        self._last_receivers: OrderedDict[str, str] = OrderedDict()
        self._adopt_at = 0.0

    async def next(self) -> Delivery | None:
        """Claim the next delivery; None if nothing is due that may have a slot.

        Raises:
            DatabaseUnavailable: it cannot be asked.
            UnreadableDelivery: what was claimed is ended, because it cannot be read.
        """
        await self._adopt()
        while (route := await self._next_route()) is not None:
            if (pause := self._shares.paused(route)) is not None:
                await self.put_off(route, pause)
            elif (delivery := await self._deliveries.claim(route, self._pace.lease)) is not None:
                return delivery
        return None

    async def put_off(self, route: Route, pause: timedelta) -> None:
        """Pause a route; what is too old for another attempt is given up."""
        for _ in range(await self._deliveries.put_off(route, pause, self._pace.horizon)):
            self._metrics.webhook_attempted(Outcome.POSTPONED.value, given_up=True)

    async def _adopt(self) -> None:
        if time.monotonic() >= self._adopt_at:
            await self._deliveries.adopt()
            self._adopt_at = time.monotonic() + self._pace.look_again.total_seconds()

    async def _next_route(self) -> Route | None:
        """The route whose turn it is. The users that are skipped have their share at every receiver that is due."""
        skipped = list[str]()
        while True:
            full = [*self._shares.full_users(), *skipped]
            user_id = await self._deliveries.next_user(self._last_user, full, self._shares.full_receivers())
            if user_id is None:
                return None
            self._last_user = user_id
            last, closed = self._last_receivers.get(user_id, ""), self._shares.closed_to(user_id)
            receiver = await self._deliveries.next_receiver(user_id, last, closed)
            if receiver is not None:
                self._remember(user_id, receiver)
                return Route(user_id, receiver)
            skipped.append(user_id)

    def _remember(self, user_id: str, receiver: str) -> None:
        self._last_receivers[user_id] = receiver
        self._last_receivers.move_to_end(user_id)
        if len(self._last_receivers) > _REMEMBERED:
            self._last_receivers.popitem(last=False)


def jitter() -> float:
    """A factor around 1."""
    return random.uniform(0.75, 1.25)  # noqa: S311 - jitter, not a secret
