"""Sending what is owed to callers' webhooks: at once after a job's end, and again until it is taken or given up.

At least once: a receiver that was sent a message although nobody could note it is sent it again, under the same id.
"""

import asyncio
import logging
import random
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import httpx

import imagegen
from imagegen.api.delivery_answers import event_answer, receiver
from imagegen.errors import JobDeleted, JobNotFound, Unavailable
from imagegen.http import was_forbidden
from imagegen.jobs import Job
from imagegen.logs import about
from imagegen.settings import Environment
from imagegen.webhooks import (
    Attempt,
    Delivery,
    DeliveryState,
    Outcome,
    Pace,
    headers,
    outcome_of,
    policy_fault,
    url_fault,
)
from imagegen.wiring import RECEIVERS_AT_ONCE, Services, now

KEPT_OF_AN_ANSWER: Final = 200  # bytes
_PACE: Final = Pace()
_JSON: Final = {
    "Content-Type": "application/json",
    "Accept-Encoding": "identity",
    "User-Agent": f"imagegen/{imagegen.__version__}",
}
_log = logging.getLogger("imagegen.deliveries")


@asynccontextmanager
async def delivering(services: Services, pace: Pace = _PACE) -> AsyncGenerator[None]:
    """Send what is due beside the body. Without WEBHOOK_SECRETS nothing could be signed, so nothing is sent."""
    if not services.settings.webhooks.keys:
        yield
        return
    loop = asyncio.create_task(_send_forever(services, pace), name="deliveries")
    try:
        yield
    finally:
        loop.cancel()
        with suppress(asyncio.CancelledError):
            await loop


async def _send_forever(services: Services, pace: Pace) -> None:
    slots = asyncio.Semaphore(RECEIVERS_AT_ONCE)
    async with asyncio.TaskGroup() as tasks:
        while True:
            await slots.acquire()
            delivery = await _next_due(services, pace)
            task = tasks.create_task(_send_safely(delivery, services, pace), name=f"delivery {delivery.id}")
            task.add_done_callback(lambda _: slots.release())


async def _next_due(services: Services, pace: Pace) -> Delivery:
    """Wait for a delivery that is due: looked for whenever this process has recorded one, and every few seconds."""
    deliveries = services.jobs.deliveries
    while True:
        deliveries.news.clear()
        try:
            if delivery := await deliveries.claim(pace.lease):
                return delivery
        except Unavailable as error:
            _log.warning("deliveries: %s; trying again", error)
        except Exception:  # noqa: BLE001 - one record that cannot be read must not end the sending of the others
            _log.exception("deliveries: unexpected error")
        with suppress(TimeoutError):
            await asyncio.wait_for(deliveries.news.wait(), pace.look_again.total_seconds() * _jitter())


async def _send_safely(delivery: Delivery, services: Services, pace: Pace) -> None:
    """A defect met in one delivery must not end the others. Its lease runs out and it comes again."""
    try:
        await _send(delivery, services, pace)
    except Unavailable as error:
        _log.warning("delivery %s: %s; trying again", delivery.id, error)
    except Exception:  # noqa: BLE001 - outlives any defect, and says so in the log
        _log.exception("delivery %s: unexpected error", delivery.id)


async def _send(delivery: Delivery, services: Services, pace: Pace) -> None:
    """Make one attempt of a claimed delivery, and write down what became of it."""
    try:
        job = await services.jobs.get(delivery.job_id)
    except (JobDeleted, JobNotFound):
        await services.jobs.deliveries.drop(delivery.job_id)
        return
    if job.completed_at != delivery.ended_at:
        await services.jobs.deliveries.supersede(delivery)
        return
    about(job_id=job.id)
    with services.tracer.trace("deliver webhook", "producer", parent=job.trace) as span:
        attempt = await _attempt(delivery, job, services, pace)
        if attempt.outcome is not Outcome.DELIVERED:
            span.failed(attempt.outcome.value)
    pause = pace.pause(delivery.claims, _jitter())
    state = _state_after(delivery, attempt, pause, pace)
    await services.jobs.deliveries.note(delivery, attempt, state, pause)
    services.metrics.webhook_attempted(attempt.outcome.value, given_up=state is DeliveryState.FAILED)
    if delivery.claims > 1:
        services.metrics.retried("webhook")
    level = logging.INFO if state is DeliveryState.DELIVERED else logging.WARNING
    _log.log(level, "delivery %s to %s: %s (%s)", delivery.id, receiver(delivery.url), attempt.outcome, state)


def _state_after(delivery: Delivery, attempt: Attempt, pause: timedelta, pace: Pace) -> DeliveryState:
    if attempt.outcome is Outcome.DELIVERED:
        return DeliveryState.DELIVERED
    over = attempt.at + pause > delivery.created_at + pace.horizon
    return DeliveryState.FAILED if over or attempt.outcome is Outcome.GONE else DeliveryState.PENDING


async def _attempt(delivery: Delivery, job: Job, services: Services, pace: Pace) -> Attempt:
    at = now()
    if _is_forbidden(delivery.url, services):
        return Attempt(at=at, outcome=Outcome.FORBIDDEN_ADDRESS)
    body = (await event_answer(delivery, job, services)).model_dump_json()
    signed = headers(services.settings.webhooks.keys, delivery.id, at, body)
    request = httpx.Request("POST", delivery.url, headers={**_JSON, **signed}, content=body.encode())
    answer = await _post(request, services.receivers, pace.answer_within)
    return Attempt(at=at, outcome=answer.outcome, status=answer.status, answer=answer.text)


def _is_forbidden(url: str, services: Services) -> bool:
    """Judged anew at each attempt: the settings may have become stricter since the URL was accepted."""
    settings = services.settings
    https_only = settings.service.env is not Environment.DEVELOPMENT
    rules = policy_fault(url, https_only=https_only, allow_private=settings.webhooks.allow_private)
    return (url_fault(url) or rules) is not None


@dataclass(frozen=True, slots=True)
class _Answer:
    """What a receiver answered; no status where it did not."""

    outcome: Outcome
    status: int | None = None
    text: str | None = None


async def _post(request: httpx.Request, receivers: httpx.AsyncBaseTransport, patience: timedelta) -> _Answer:
    """Send a request. Once there is a status it decides, whatever happens to the answer's body.

    The transport is used without a client: nothing follows redirects, keeps cookies or reads the environment.
    """
    status, said = None, bytearray()
    try:
        async with asyncio.timeout(patience.total_seconds()):
            response = await receivers.handle_async_request(request)
            status = response.status_code
            try:
                await _read_beginning(response, said)
            finally:
                await response.aclose()
    except TimeoutError:
        unanswered = Outcome.TIMED_OUT
    except httpx.HTTPError as error:
        unanswered = Outcome.FORBIDDEN_ADDRESS if was_forbidden(error) else Outcome.UNREACHABLE
    else:
        unanswered = Outcome.UNREACHABLE
    if status is None:
        return _Answer(unanswered)
    return _Answer(outcome_of(status), status, said[:KEPT_OF_AN_ANSWER].decode(errors="replace"))


async def _read_beginning(response: httpx.Response, said: bytearray) -> None:
    async for chunk in response.aiter_raw():
        said += chunk[:KEPT_OF_AN_ANSWER]
        if len(said) >= KEPT_OF_AN_ANSWER:
            return


def _jitter() -> float:
    return random.uniform(0.75, 1.25)  # noqa: S311 - jitter, not a secret
