"""The loop that sends deliveries, each in a slot of its own, and stores the outcome of each attempt."""

import asyncio
import logging
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, Self

from imagegen.clock import jitter, now, wait_any
from imagegen.engine.webhook_sender.attempts import attempt
from imagegen.engine.webhook_sender.quotas import ReceiverQuotas
from imagegen.engine.webhook_sender.rotation import DeliveryRotation
from imagegen.errors import JobDeleted, JobNotFound, Unavailable
from imagegen.jobs import Job
from imagegen.observability.logs import bind_log_context
from imagegen.observability.tracing import SpanKind, root_span, set_error
from imagegen.services import RECEIVERS_AT_ONCE, Services
from imagegen.storage.webhook_deliveries import UnreadableDelivery
from imagegen.webhooks import Attempt, AttemptOutcome, DeliveryState, RetrySchedule, WebhookDelivery, url_fault
from imagegen.wire.webhook_serializers import receiver

_SCHEDULE: Final = RetrySchedule()
_WITHOUT_RESPONSE: Final = frozenset({AttemptOutcome.TIMED_OUT, AttemptOutcome.UNREACHABLE})
_log = logging.getLogger("imagegen.deliveries")


@asynccontextmanager
async def sending_webhooks(services: Services, schedule: RetrySchedule = _SCHEDULE) -> AsyncGenerator[None]:
    """Send due deliveries beside the body. Without WEBHOOK_SECRETS, nothing is sent because nothing can be signed."""
    if not services.settings.webhooks.keys:
        yield
        return
    loop = asyncio.create_task(WebhookSender(services, schedule).run(), name="deliveries")
    try:
        yield
    finally:
        loop.cancel()
        with suppress(asyncio.CancelledError):
            await loop


class WebhookSender:
    """Sends the deliveries that are due, until it is cancelled."""

    def __init__(self, services: Services, schedule: RetrySchedule) -> None:
        self._services, self._schedule = services, schedule
        self._deliveries, self._metrics = services.webhook_deliveries, services.metrics
        self._quotas = ReceiverQuotas(RECEIVERS_AT_ONCE, schedule)
        self._rotation = DeliveryRotation(self._deliveries, self._metrics, self._quotas, schedule)

    async def run(self) -> None:
        """Start one delivery after the other."""
        async with asyncio.TaskGroup() as tasks:
            while True:
                delivery = await self._next_due()
                self._quotas.take(delivery.route)
                task = tasks.create_task(self._send_safely(delivery), name=f"delivery {delivery.id}")
                task.add_done_callback(lambda _, route=delivery.route: self._quotas.release(route))

    async def _next_due(self) -> WebhookDelivery:
        """Wait for a due delivery: after one is recorded, after a slot is freed, and every few seconds."""
        while True:
            self._deliveries.recorded.clear()
            self._quotas.freed.clear()
            try:
                if self._quotas.free and (delivery := await self._rotation.next()):
                    return delivery
            except UnreadableDelivery as error:
                _log.error("deliveries: %s", error)
                continue
            except Unavailable as error:
                _log.warning("deliveries: %s; trying again", error)
            except Exception:  # noqa: BLE001 - a defect must not end the sending
                _log.exception("deliveries: unexpected error")
            await wait_any(
                self._deliveries.recorded, self._quotas.freed, at_most=self._schedule.poll_interval * jitter()
            )

    async def _send_safely(self, delivery: WebhookDelivery) -> None:
        """Send one delivery. Any failure counts as an attempt, so that no delivery is repeated forever."""
        try:
            await self._send(delivery)
        except Unavailable as error:
            _log.warning("delivery %s: %s; trying again", delivery.id, error)
            await self._record_failure(delivery, only_final=True)
        except Exception:  # noqa: BLE001 - outlives any defect, and logs it
            _log.exception("delivery %s: unexpected error", delivery.id)
            await self._record_failure(delivery)

    async def _record_failure(self, delivery: WebhookDelivery, *, only_final: bool = False) -> None:
        """Record an attempt that failed in this process; with `only_final`, only if the delivery's time is over."""
        failed = _DeliveryUpdate.after(Attempt(at=now(), outcome=AttemptOutcome.UNREACHABLE), delivery, self._schedule)
        if only_final and failed.state is DeliveryState.PENDING:
            return
        try:
            await self._record(delivery, failed)
        except Unavailable as error:
            _log.warning("delivery %s: %s; trying again", delivery.id, error)
        except Exception:  # noqa: BLE001 - one delivery must not end the sending of the others
            _log.exception("delivery %s: the attempt cannot be recorded", delivery.id)

    async def _send(self, delivery: WebhookDelivery) -> None:
        """Make one attempt of a claimed delivery, and record its outcome."""
        if delivery.payload is not None:
            await self._try(delivery, None)
            return
        try:
            job = await self._services.jobs.get(delivery.job_id)
        except (JobDeleted, JobNotFound):
            await self._deliveries.delete_by_job(delivery.job_id)
            return
        if job.completed_at != delivery.ended_at:
            await self._deliveries.supersede(delivery)
            return
        bind_log_context(job_id=job.id)
        await self._try(delivery, job)

    async def _try(self, delivery: WebhookDelivery, job: Job | None) -> None:
        began = time.monotonic()
        update = _DeliveryUpdate.after(await self._attempt(delivery, job), delivery, self._schedule)
        await self._record(delivery, update)
        await self._pause_if_silent(delivery, update.attempt, began)

    async def _attempt(self, delivery: WebhookDelivery, job: Job | None) -> Attempt:
        tracer, trace = self._services.tracer, job.trace if job is not None else None
        with root_span("deliver webhook", SpanKind.PRODUCER, tracer=tracer, parent=trace) as span:
            made = await attempt(delivery, job, self._services, self._schedule)
            if made.outcome is not AttemptOutcome.DELIVERED:
                set_error(span, made.outcome.value)
        return made

    async def _pause_if_silent(self, delivery: WebhookDelivery, made: Attempt, began: float) -> None:
        """Pause the route of a receiver that did not respond."""
        if made.outcome not in _WITHOUT_RESPONSE:
            self._quotas.mark_responsive(delivery.route)
            return
        pause = self._quotas.mark_silent(delivery.route, began, jitter())
        await self._rotation.postpone(delivery.route, pause)

    async def _record(self, delivery: WebhookDelivery, update: "_DeliveryUpdate") -> None:
        made, state = update.attempt, update.state
        await self._deliveries.record_attempt(delivery, made, state, update.pause)
        self._metrics.webhook_attempted(made.outcome.value, given_up=state is DeliveryState.FAILED)
        if delivery.claims > 1:
            self._metrics.step_retried("webhook")
        level = logging.INFO if state is DeliveryState.DELIVERED else logging.WARNING
        _log.log(level, "delivery %s to %s: %s (%s)", delivery.id, receiver(delivery.url), made.outcome, state)


@dataclass(frozen=True, slots=True)
class _DeliveryUpdate:
    """A delivery's state after an attempt; `pause` is the time until the next attempt, if the state is pending."""

    attempt: Attempt
    state: DeliveryState
    pause: timedelta

    @classmethod
    def after(cls, made: Attempt, delivery: WebhookDelivery, schedule: RetrySchedule) -> Self:
        pause = schedule.pause(delivery.claims, jitter())
        is_last = made.at + pause > delivery.created_at + schedule.horizon
        return cls(made, _state_after(made, delivery, is_last=is_last), pause)


def _state_after(made: Attempt, delivery: WebhookDelivery, *, is_last: bool) -> DeliveryState:
    if made.outcome is AttemptOutcome.DELIVERED:
        return DeliveryState.DELIVERED
    hopeless = made.outcome is AttemptOutcome.GONE or url_fault(delivery.url) is not None
    return DeliveryState.FAILED if is_last or hopeless else DeliveryState.PENDING
