"""Which delivery is next: users round robin, each user's receivers round robin, and the oldest of a route first."""

import time
from collections import OrderedDict
from datetime import timedelta
from typing import Final

from imagegen.engine.webhook_sender.quotas import ReceiverQuotas
from imagegen.observability.metrics import Metrics
from imagegen.storage.webhook_deliveries import WebhookDeliveries
from imagegen.webhooks import AttemptOutcome, DeliveryRoute, RetrySchedule, WebhookDelivery

_MAX_REMEMBERED: Final = 1_000  # users; one that is forgotten starts with its first receiver again


class DeliveryRotation:
    """Claims the deliveries that are due, as far as the quotas of users and receivers allow."""

    def __init__(
        self, deliveries: WebhookDeliveries, metrics: Metrics, quotas: ReceiverQuotas, schedule: RetrySchedule
    ) -> None:
        self._deliveries, self._metrics = deliveries, metrics
        self._quotas, self._schedule = quotas, schedule
        self._last_user = ""
        self._last_receivers: OrderedDict[str, str] = OrderedDict()
        self._next_route_check = 0.0

    async def next(self) -> WebhookDelivery | None:
        """Claim the next delivery; None if none that is due may have a slot.

        Raises:
            DatabaseUnavailable: MongoDB does not answer.
            UnreadableDelivery: the claimed record cannot be read, and was ended.
        """
        await self._add_missing_routes()
        while (route := await self._next_route()) is not None:
            if (pause := self._quotas.paused(route)) is not None:
                await self.postpone(route, pause)
            elif (delivery := await self._deliveries.claim(route, self._schedule.lease)) is not None:
                return delivery
        return None

    async def postpone(self, route: DeliveryRoute, pause: timedelta) -> None:
        """Pause a route; deliveries that are too old for another attempt are given up."""
        for _ in range(await self._deliveries.postpone_route(route, pause, self._schedule.horizon)):
            self._metrics.webhook_attempted(AttemptOutcome.POSTPONED.value, given_up=True)

    async def _add_missing_routes(self) -> None:
        if time.monotonic() >= self._next_route_check:
            await self._deliveries.add_missing_routes()
            self._next_route_check = time.monotonic() + self._schedule.poll_interval.total_seconds()

    async def _next_route(self) -> DeliveryRoute | None:
        """The route that is next. A user is skipped if it has its share at every receiver that is due."""
        skipped = list[str]()
        while True:
            full = [*self._quotas.full_users(), *skipped]
            user_id = await self._deliveries.next_user(self._last_user, full, self._quotas.full_receivers())
            if user_id is None:
                return None
            self._last_user = user_id
            last, closed = self._last_receivers.get(user_id, ""), self._quotas.closed_to(user_id)
            receiver = await self._deliveries.next_receiver(user_id, last, closed)
            if receiver is not None:
                self._remember(user_id, receiver)
                return DeliveryRoute(user_id, receiver)
            skipped.append(user_id)

    def _remember(self, user_id: str, receiver: str) -> None:
        self._last_receivers[user_id] = receiver
        self._last_receivers.move_to_end(user_id)
        if len(self._last_receivers) > _MAX_REMEMBERED:
            self._last_receivers.popitem(last=False)
