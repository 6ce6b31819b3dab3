"""One attempt at a delivery: the job as it is now, signed and POSTed."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from urllib.parse import quote

import httpx

import imagegen
from imagegen.clock import now
from imagegen.jobs import Job
from imagegen.net.guarded_transport import was_forbidden
from imagegen.services import Services
from imagegen.settings import Environment, Settings
from imagegen.webhooks import (
    Attempt,
    AttemptOutcome,
    RetrySchedule,
    WebhookDelivery,
    fal_headers,
    headers,
    outcome_of_status,
    policy_violation,
    url_fault,
)
from imagegen.wire.webhook_serializers import event_text

MAX_STORED_RESPONSE: Final = 200  # bytes
_HEADERS: Final = {
    "Content-Type": "application/json",
    "Accept-Encoding": "identity",
    "User-Agent": f"imagegen/{imagegen.__version__}",
}


async def attempt(delivery: WebhookDelivery, job: Job | None, services: Services, schedule: RetrySchedule) -> Attempt:
    """Send a delivery once, about a job or with its own payload; returns the outcome."""
    at = now()
    if _is_forbidden(delivery.url, services.settings):
        return Attempt(at=at, outcome=AttemptOutcome.FORBIDDEN_ADDRESS)
    body = delivery.payload or ""
    if job is not None:
        body = await event_text(delivery, job, services)
    signed = _signed(delivery, job, services.settings, at, body)
    request = httpx.Request("POST", delivery.url, headers={**_HEADERS, **signed}, content=body.encode())
    response = await _post(request, services.receivers, schedule)
    return Attempt(at=at, outcome=response.outcome, status=response.status, answer=response.text)


def _signed(delivery: WebhookDelivery, job: Job | None, settings: Settings, at: datetime, body: str) -> dict[str, str]:
    """The headers of our own webhooks; of a job that one of fal's clients requested, also those of fal's."""
    keys = settings.webhooks.keys
    signed = headers(keys, delivery.id, at, body)
    if job is None or job.fal_call is None:
        return signed
    return signed | fal_headers(keys, job.id, quote(job.user_id, safe=""), at, body)


def _is_forbidden(url: str, settings: Settings) -> bool:
    """Checked at each attempt: the settings may have become stricter since the URL was accepted."""
    if url_fault(url) is not None:
        return True
    https_only = settings.service.env is not Environment.DEVELOPMENT
    return policy_violation(url, https_only=https_only, allow_private=settings.webhooks.allow_private) is not None


@dataclass(frozen=True, slots=True)
class _Response:
    """A receiver's response; without a status if there was none."""

    outcome: AttemptOutcome
    status: int | None = None
    text: str | None = None


async def _post(request: httpx.Request, receivers: httpx.AsyncBaseTransport, schedule: RetrySchedule) -> _Response:
    """Send a request. Once there is a status it decides, whatever happens to the response's body.

    The transport is used without a client: nothing follows redirects, keeps cookies or reads the environment.
    """
    status, beginning = None, bytearray()
    try:
        async with asyncio.timeout(schedule.answer_timeout.total_seconds()):
            response = await receivers.handle_async_request(request)
            status = response.status_code
            try:
                await _read_beginning(response, beginning, schedule)
            finally:
                await response.aclose()
    except TimeoutError:
        failure = AttemptOutcome.TIMED_OUT
    except httpx.HTTPError as error:
        failure = AttemptOutcome.FORBIDDEN_ADDRESS if was_forbidden(error) else AttemptOutcome.UNREACHABLE
    else:
        failure = AttemptOutcome.UNREACHABLE
    if status is None:
        return _Response(failure)
    return _Response(outcome_of_status(status), status, beginning[:MAX_STORED_RESPONSE].decode(errors="replace"))


async def _read_beginning(response: httpx.Response, beginning: bytearray, schedule: RetrySchedule) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(schedule.read_timeout.total_seconds()):
            async for chunk in response.aiter_raw():
                beginning += chunk[:MAX_STORED_RESPONSE]
                if len(beginning) >= MAX_STORED_RESPONSE:
                    return
