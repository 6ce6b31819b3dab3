"""One attempt at a delivery: the job as it is now, signed and POSTed."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

import httpx

import imagegen
from imagegen.api.delivery_answers import event_answer
from imagegen.http import was_forbidden
from imagegen.jobs import Job
from imagegen.settings import Environment
from imagegen.webhooks import Attempt, Delivery, Outcome, Pace, headers, outcome_of, policy_fault, url_fault
from imagegen.wiring import Services, now

KEPT_OF_AN_ANSWER: Final = 200  # bytes
_JSON: Final = {
    "Content-Type": "application/json",
    "Accept-Encoding": "identity",
    "User-Agent": f"imagegen/{imagegen.__version__}",
}


async def attempt(delivery: Delivery, job: Job, services: Services, pace: Pace) -> Attempt:
    """Send a delivery once; what became of it."""
    at = now()
    if _is_forbidden(delivery.url, services):
        return Attempt(at=at, outcome=Outcome.FORBIDDEN_ADDRESS)
    body = (await event_answer(delivery, job, services)).model_dump_json()
    signed = headers(services.settings.webhooks.keys, delivery.id, at, body)
    request = httpx.Request("POST", delivery.url, headers={**_JSON, **signed}, content=body.encode())
    answer = await _post(request, services.receivers, pace)
    return Attempt(at=at, outcome=answer.outcome, status=answer.status, answer=answer.text)


def _is_forbidden(url: str, services: Services) -> bool:
    """Judged anew at each attempt: the settings may have become stricter since the URL was accepted."""
    if url_fault(url) is not None:
        return True
    settings = services.settings
    https_only = settings.service.env is not Environment.DEVELOPMENT
    return policy_fault(url, https_only=https_only, allow_private=settings.webhooks.allow_private) is not None


@dataclass(frozen=True, slots=True)
class _Answer:
    """What a receiver answered; no status where it did not."""

    outcome: Outcome
    status: int | None = None
    text: str | None = None


async def _post(request: httpx.Request, receivers: httpx.AsyncBaseTransport, pace: Pace) -> _Answer:
    """Send a request. Once there is a status it decides, whatever happens to the answer's body.

    The transport is used without a client: nothing follows redirects, keeps cookies or reads the environment.
    """
    status, said = None, bytearray()
    try:
        async with asyncio.timeout(pace.answer_within.total_seconds()):
            response = await receivers.handle_async_request(request)
            status = response.status_code
            try:
                await _read_beginning(response, said, pace)
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


async def _read_beginning(response: httpx.Response, said: bytearray, pace: Pace) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(pace.read_within.total_seconds()):
            async for chunk in response.aiter_raw():
                said += chunk[:KEPT_OF_AN_ANSWER]
                if len(said) >= KEPT_OF_AN_ANSWER:
                    return
