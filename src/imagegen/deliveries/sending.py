"""The loop that sends deliveries, each in a slot of its own, and writes down what became of them."""

import asyncio
import logging
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from imagegen.api.delivery_answers import receiver
from imagegen.deliveries.attempts import attempt
from imagegen.deliveries.shares import Shares
from imagegen.deliveries.turns import Turns, jitter
from imagegen.errors import JobDeleted, JobNotFound, Unavailable
from imagegen.jobs import Job
from imagegen.logs import about
from imagegen.storage.deliveries import UnreadableDelivery
from imagegen.turn import either
from imagegen.webhooks import Attempt, Delivery, DeliveryState, Outcome, Pace, url_fault
from imagegen.wiring import RECEIVERS_AT_ONCE, Services, now

_PACE: Final = Pace()
_UNANSWERED: Final = frozenset({Outcome.TIMED_OUT, Outcome.UNREACHABLE})
_log = logging.getLogger("imagegen.deliveries")


@asynccontextmanager
async def delivering(services: Services, pace: Pace = _PACE) -> AsyncGenerator[None]:
    """Send what is due beside the body. Without WEBHOOK_SECRETS nothing could be signed, so nothing is sent."""
    if not services.settings.webhooks.keys:
        yield
        return
    loop = asyncio.create_task(Sender(services, pace).run(), name="deliveries")
    try:
        yield
    finally:
        loop.cancel()
        with suppress(asyncio.CancelledError):
            await loop


class Sender:
    """Sends the deliveries that are due, until it is cancelled."""

    def __init__(self, services: Services, pace: Pace) -> None:
        self._services, self._pace = services, pace
        self._deliveries = services.jobs.deliveries
        self._shares = Shares(RECEIVERS_AT_ONCE, pace)
        self._turns = Turns(services, self._shares, pace)

    async def run(self) -> None:
        """Take up one delivery after the other."""
        async with asyncio.TaskGroup() as tasks:
            while True:
                delivery = await self._next_due()
                self._shares.take(delivery.route)
                task = tasks.create_task(self._send_safely(delivery), name=f"delivery {delivery.id}")
                task.add_done_callback(lambda _, route=delivery.route: self._shares.release(route))

    async def _next_due(self) -> Delivery:
        """Wait for a delivery that is due: looked for at news, at a slot that is free again, and every few seconds."""
        while True:
            self._deliveries.news.clear()
            self._shares.freed.clear()
            try:
                if self._shares.free and (delivery := await self._turns.next()):
                    return delivery
            except UnreadableDelivery as error:
                _log.error("deliveries: %s", error)
                continue
            except Unavailable as error:
                _log.warning("deliveries: %s; trying again", error)
            except Exception:  # noqa: BLE001 - a defect must not end the sending
                _log.exception("deliveries: unexpected error")
            await either(self._deliveries.news, self._shares.freed, at_most=self._pace.look_again * jitter())

    async def _send_safely(self, delivery: Delivery) -> None:
        """Send one. Whatever goes wrong is an attempt, so that no delivery comes again for ever."""
        try:
            await self._send(delivery)
        except Unavailable as error:
            _log.warning("delivery %s: %s; trying again", delivery.id, error)
            await self._note_trouble(delivery, only_the_last=True)
        except Exception:  # noqa: BLE001 - outlives any defect, and says so in the log
            _log.exception("delivery %s: unexpected error", delivery.id)
            await self._note_trouble(delivery)

    async def _note_trouble(self, delivery: Delivery, *, only_the_last: bool = False) -> None:
        """Note an attempt that failed here. A server that is away is no attempt, unless the time for them is over."""
        trouble = _Outcome.of(Attempt(at=now(), outcome=Outcome.UNREACHABLE), delivery, self._pace)
        if only_the_last and trouble.state is DeliveryState.PENDING:
            return
        try:
            await self._note(delivery, trouble)
        except Unavailable as error:
            _log.warning("delivery %s: %s; trying again", delivery.id, error)
        except Exception:  # noqa: BLE001 - one delivery must not end the sending of the others
            _log.exception("delivery %s: the attempt cannot be noted", delivery.id)

    async def _send(self, delivery: Delivery) -> None:
        """Make one attempt of a claimed delivery, and write down what became of it."""
        try:
            job = await self._services.jobs.get(delivery.job_id)
        except (JobDeleted, JobNotFound):
            await self._deliveries.drop(delivery.job_id)
            return
        if job.completed_at != delivery.ended_at:
            await self._deliveries.supersede(delivery)
            return
        about(job_id=job.id)
        began = time.monotonic()
        outcome = _Outcome.of(await self._attempt(delivery, job), delivery, self._pace)
        await self._note(delivery, outcome)
        await self._heed(delivery, outcome.attempt, began)

    async def _attempt(self, delivery: Delivery, job: Job) -> Attempt:
        with self._services.tracer.trace("deliver webhook", "producer", parent=job.trace) as span:
            made = await attempt(delivery, job, self._services, self._pace)
            if made.outcome is not Outcome.DELIVERED:
                span.failed(made.outcome.value)
        return made

    async def _heed(self, delivery: Delivery, made: Attempt, began: float) -> None:
        """Pause the route of a receiver that did not answer."""
        if made.outcome not in _UNANSWERED:
            self._shares.answered(delivery.route)
            return
        pause = self._shares.did_not_answer(delivery.route, began, jitter())
        await self._turns.put_off(delivery.route, pause)

    async def _note(self, delivery: Delivery, outcome: "_Outcome") -> None:
        made, state = outcome.attempt, outcome.state
        await self._deliveries.note(delivery, made, state, outcome.pause)
        self._services.metrics.webhook_attempted(made.outcome.value, given_up=state is DeliveryState.FAILED)
        if delivery.claims > 1:
            self._services.metrics.retried("webhook")
        level = logging.INFO if state is DeliveryState.DELIVERED else logging.WARNING
        _log.log(level, "delivery %s to %s: %s (%s)", delivery.id, receiver(delivery.url), made.outcome, state)


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What an attempt makes of its delivery. `pause` is until the next one, if the state says that there is one."""

    attempt: Attempt
    state: DeliveryState
    pause: timedelta

    @classmethod
    def of(cls, made: Attempt, delivery: Delivery, pace: Pace) -> "_Outcome":
        pause = pace.pause(delivery.claims, jitter())
        return cls(made, _state_after(made, delivery, made.at + pause > delivery.created_at + pace.horizon), pause)


def _state_after(made: Attempt, delivery: Delivery, over: bool) -> DeliveryState:
    if made.outcome is Outcome.DELIVERED:
        return DeliveryState.DELIVERED
    hopeless = made.outcome is Outcome.GONE or url_fault(delivery.url) is not None
    return DeliveryState.FAILED if over or hopeless else DeliveryState.PENDING
