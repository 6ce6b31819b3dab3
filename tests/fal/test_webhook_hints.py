"""Waiting with webhooks: the status is read when one arrives, or when a safety poll is due."""

import asyncio
import time
from collections.abc import AsyncGenerator
from dataclasses import replace
from datetime import timedelta

import pytest

from imagegen.errors import WebhookRefused
from imagegen.fal import WebhookHint, WebhookVerifier
from imagegen.jobs import Priority, ProviderRequest
from tests.fal.workbench import (
    ENDPOINT,
    QUICK,
    SMALL,
    Bench,
    ProgressRecorder,
    Received,
    http,
    one_after_another,
    serving,
    takes,
)

SAFE = replace(QUICK, first_safety_poll=timedelta(seconds=0.2), safety_poll=timedelta(seconds=0.2))


@pytest.fixture
async def receiver() -> AsyncGenerator[Received]:
    """A server that receives webhooks."""
    async with serving(one_after_another(http("204 No Content"))) as received:
        yield received


def hint_of(request: ProviderRequest, *, ok: bool = True) -> WebhookHint:
    return WebhookHint(request_id=request.request_id, gateway_request_id=request.request_id, ok=ok)


async def verified(bench: Bench, receiver: Received, number: int = 0) -> WebhookHint:
    await receiver.until(number + 1)
    verifier = WebhookVerifier(bench.settings, bench.pool)
    return await verifier.verify(receiver.headers[number], receiver.bodies[number])


async def test_job_with_webhook_takes_three_requests(bench: Bench, receiver: Received) -> None:
    fal, hint = bench.fal(streams=1), asyncio.Event()
    await bench.plan(takes(generation=0.2))

    request = await fal.submit(ENDPOINT, SMALL, webhook_url=f"{receiver.url}/hook?job=1&secret=s%2Fs")
    waiting = asyncio.create_task(fal.wait(request, ProgressRecorder(), hint=hint))
    received = await verified(bench, receiver)
    hint.set()
    await waiting
    await fal.result(request)

    assert (received, receiver.lines) == (hint_of(request), ["POST /hook?job=1&secret=s%2Fs HTTP/1.1"])
    assert (len(await bench.rows()), await bench.reads(request), hint.is_set()) == (1, (0, 1, 1), False)


async def test_failed_request_sends_a_webhook_too(bench: Bench, receiver: Received) -> None:
    await bench.plan(takes(), {"fault": "model_fails"})

    request = await bench.fal().submit(ENDPOINT, SMALL, webhook_url=receiver.url)

    assert await verified(bench, receiver) == hint_of(request, ok=False)


async def test_status_is_not_read_before_the_hint(bench: Bench) -> None:
    fal, hint = bench.fal(), asyncio.Event()
    await bench.plan(takes())
    request = await fal.submit(ENDPOINT, SMALL)
    waiting = asyncio.create_task(fal.wait(request, ProgressRecorder(), hint=hint))
    await asyncio.sleep(0.3)
    before = await bench.reads(request)
    hint.set()
    await waiting

    assert (before, await bench.reads(request)) == ((0, 0, 0), (0, 1, 0))


async def test_safety_poll_replaces_a_missing_webhook(bench: Bench, receiver: Received) -> None:
    fal = bench.fal(SAFE)
    await bench.plan(takes(), {"fault": "webhook_missing"})
    request = await fal.submit(ENDPOINT, SMALL, webhook_url=receiver.url)

    await fal.wait(request, ProgressRecorder(), hint=asyncio.Event())

    assert (receiver.lines, await bench.reads(request)) == ([], (0, 1, 0))


async def test_early_hint_is_verified_and_the_status_read_again(bench: Bench) -> None:
    fal, hint, recorder = bench.fal(), asyncio.Event(), ProgressRecorder()
    await bench.plan(takes(generation=0.3))
    request = await fal.submit(ENDPOINT, SMALL)
    hint.set()

    began = time.monotonic()
    await fal.wait(request, recorder, hint=hint)

    _, polls, _ = await bench.reads(request)
    assert (0.2 < time.monotonic() - began < 5, 2 <= polls <= 8, recorder.progress != []) == (True, True, True)


async def test_unreadable_status_after_a_hint_is_read_again_soon(bench: Bench) -> None:
    fal, hint = bench.fal(), asyncio.Event()
    await bench.plan(takes(), {"fault": "read_status", "on": ["status"], "status": 503, "times": 2})
    request = await fal.submit(ENDPOINT, SMALL)
    hint.set()

    await fal.wait(request, ProgressRecorder(), hint=hint)

    _, polls, _ = await bench.reads(request)
    assert polls >= 3


async def test_webhook_before_the_submit_response_has_the_same_id(bench: Bench, receiver: Received) -> None:
    await bench.plan(takes(), {"fault": "webhook_before_answer"})
    fal = bench.fal()
    submitting = asyncio.create_task(fal.submit(ENDPOINT, SMALL, webhook_url=receiver.url))

    received = await verified(bench, receiver)

    assert fal.request_with_id(ENDPOINT, received.request_id) == await submitting


async def test_duplicate_webhook_gives_the_same_hint(bench: Bench, receiver: Received) -> None:
    await bench.plan(takes(), {"fault": "webhook_doubled"})
    request = await bench.fal().submit(ENDPOINT, SMALL, webhook_url=receiver.url)

    assert [await verified(bench, receiver, number) for number in range(2)] == [hint_of(request)] * 2


async def test_forged_webhook_is_refused(bench: Bench, receiver: Received) -> None:
    await bench.plan(takes(), {"fault": "webhook_forged"})
    await bench.fal().submit(ENDPOINT, SMALL, webhook_url=receiver.url)

    with pytest.raises(WebhookRefused, match="not by one of") as caught:
        await verified(bench, receiver)
    assert caught.value.check == "signature"


@pytest.mark.parametrize(("priority", "sent"), [(Priority.LOW, "low"), (Priority.NORMAL, None)])
async def test_only_low_priority_is_sent(bench: Bench, priority: Priority, sent: str | None) -> None:
    await bench.plan(takes())
    await bench.fal().submit(ENDPOINT, SMALL, priority=priority)

    (row,) = await bench.rows()
    assert (row["headers"].get("x-fal-queue-priority"), row["query"]) == (sent, {})
