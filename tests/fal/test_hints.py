"""Waiting with webhooks: no status is read until one comes, or until a safety poll is due."""

import asyncio
import time
from collections.abc import AsyncGenerator
from dataclasses import replace
from datetime import timedelta

import pytest
from workbench import ENDPOINT, QUICK, SMALL, Bench, Received, Told, http, one_after_another, serving, takes

from imagegen.errors import WebhookRefused
from imagegen.fal import WebhookHint, WebhookVerifier
from imagegen.jobs import Priority, ProviderRequest

SAFE = replace(QUICK, first_safety_poll=timedelta(seconds=0.2), safety_poll=timedelta(seconds=0.2))


@pytest.fixture
async def door() -> AsyncGenerator[Received]:
    """Where webhooks arrive."""
    async with serving(one_after_another(http("204 No Content"))) as received:
        yield received


def hint_of(request: ProviderRequest, *, ok: bool = True) -> WebhookHint:
    return WebhookHint(request_id=request.request_id, gateway_request_id=request.request_id, ok=ok)


async def verified(bench: Bench, door: Received, number: int = 0) -> WebhookHint:
    await door.until(number + 1)
    verifier = WebhookVerifier(bench.settings, bench.transport)
    return await verifier.verify(door.headers[number], door.bodies[number])


async def test_a_job_with_a_webhook_costs_three_requests(bench: Bench, door: Received) -> None:
    fal, hint = bench.fal(streams=1), asyncio.Event()
    await bench.plan(takes(generation=0.2))

    request = await fal.submit(ENDPOINT, SMALL, webhook_url=f"{door.url}/hook?job=1&secret=s%2Fs")
    waiting = asyncio.create_task(fal.wait(request, Told(), hint=hint))
    told = await verified(bench, door)
    hint.set()
    await waiting
    await fal.result(request)

    assert (told, door.lines) == (hint_of(request), ["POST /hook?job=1&secret=s%2Fs HTTP/1.1"])
    assert (len(await bench.rows()), await bench.reads(request), hint.is_set()) == (1, (0, 1, 1), False)


async def test_a_request_that_failed_is_hinted_at_too(bench: Bench, door: Received) -> None:
    await bench.plan(takes(), {"fault": "model_fails"})

    request = await bench.fal().submit(ENDPOINT, SMALL, webhook_url=door.url)

    assert await verified(bench, door) == hint_of(request, ok=False)


async def test_nothing_is_read_before_the_hint(bench: Bench) -> None:
    fal, hint = bench.fal(), asyncio.Event()
    await bench.plan(takes())
    request = await fal.submit(ENDPOINT, SMALL)
    waiting = asyncio.create_task(fal.wait(request, Told(), hint=hint))
    await asyncio.sleep(0.3)
    before = await bench.reads(request)
    hint.set()
    await waiting

    assert (before, await bench.reads(request)) == ((0, 0, 0), (0, 1, 0))


async def test_a_webhook_that_never_comes_is_made_up_for_by_the_safety_poll(bench: Bench, door: Received) -> None:
    fal = bench.fal(SAFE)
    await bench.plan(takes(), {"fault": "webhook_missing"})
    request = await fal.submit(ENDPOINT, SMALL, webhook_url=door.url)

    await fal.wait(request, Told(), hint=asyncio.Event())

    assert (door.lines, await bench.reads(request)) == ([], (0, 1, 0))


async def test_a_hint_that_comes_too_soon_is_not_believed_and_the_status_is_read_again_soon(bench: Bench) -> None:
    fal, hint, told = bench.fal(), asyncio.Event(), Told()
    await bench.plan(takes(generation=0.3))
    request = await fal.submit(ENDPOINT, SMALL)
    hint.set()

    began = time.monotonic()
    await fal.wait(request, told, hint=hint)

    _, polls, _ = await bench.reads(request)
    assert (0.2 < time.monotonic() - began < 5, 2 <= polls <= 8, told.progress != []) == (True, True, True)


async def test_a_status_that_cannot_be_read_after_the_hint_is_read_again_soon(bench: Bench) -> None:
    fal, hint = bench.fal(), asyncio.Event()
    await bench.plan(takes(), {"fault": "read_status", "on": ["status"], "status": 503, "times": 2})
    request = await fal.submit(ENDPOINT, SMALL)
    hint.set()

    await fal.wait(request, Told(), hint=hint)

    _, polls, _ = await bench.reads(request)
    assert polls >= 3


async def test_a_webhook_before_the_submits_answer_names_the_same_request(bench: Bench, door: Received) -> None:
    await bench.plan(takes(), {"fault": "webhook_before_answer"})
    fal = bench.fal()
    submitting = asyncio.create_task(fal.submit(ENDPOINT, SMALL, webhook_url=door.url))

    told = await verified(bench, door)

    assert fal.adopted(ENDPOINT, told.request_id) == await submitting


async def test_a_doubled_webhook_is_the_same_hint_twice(bench: Bench, door: Received) -> None:
    await bench.plan(takes(), {"fault": "webhook_doubled"})
    request = await bench.fal().submit(ENDPOINT, SMALL, webhook_url=door.url)

    assert [await verified(bench, door, number) for number in range(2)] == [hint_of(request)] * 2


async def test_a_forged_webhook_is_refused(bench: Bench, door: Received) -> None:
    await bench.plan(takes(), {"fault": "webhook_forged"})
    await bench.fal().submit(ENDPOINT, SMALL, webhook_url=door.url)

    with pytest.raises(WebhookRefused, match="not by one of") as caught:
        await verified(bench, door)
    assert caught.value.check == "signature"


@pytest.mark.parametrize(("priority", "sent"), [(Priority.LOW, "low"), (Priority.NORMAL, None)])
async def test_only_a_low_priority_is_sent_for_normal_is_what_fal_takes_for_granted(
    bench: Bench, priority: Priority, sent: str | None
) -> None:
    await bench.plan(takes())
    await bench.fal().submit(ENDPOINT, SMALL, priority=priority)

    (row,) = await bench.rows()
    assert (row["headers"].get("x-fal-queue-priority"), row["query"]) == (sent, {})
