"""Waiting without webhooks: over the status stream while one is to be had, else by polls that back off."""

import asyncio
import json
import time
from dataclasses import replace
from datetime import timedelta
from itertools import islice

import httpx
import pytest
from pydantic import SecretStr
from workbench import ENDPOINT, QUICK, SMALL, Bench, Received, Told, http, one_after_another, request_at, serving, takes

from imagegen.errors import RequestForgotten, StaleJob
from imagegen.fal import Fal, Patience, Progress
from imagegen.fal.streams import streams_within
from imagegen.fal.waiting import pauses
from imagegen.settings import FalSettings

COMPLETED = http("200 OK", '{"status": "COMPLETED"}')
IN_PROGRESS = http("202 Accepted", '{"status": "IN_PROGRESS", "logs": null}')
NOT_FOUND = http("404 Not Found", '{"status": "NOT_FOUND"}')
UNAVAILABLE = http("503 Service Unavailable")
BROKEN_OFF = b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{"
EVENT_STREAM = "text/event-stream; charset=utf-8"
FORGETFUL = replace(QUICK, forgotten=timedelta(seconds=0.3))


def at(server: Received, transport: httpx.AsyncBaseTransport, patience: Patience = QUICK, streams: int = 1) -> Fal:
    return Fal(FalSettings(key=SecretStr("id:secret"), queue_url=server.url), transport, patience, streams=streams)


def event(**status: object) -> str:
    return f"data: {json.dumps(status)}\n\n"


async def test_a_job_on_the_stream_costs_three_requests_and_is_told_as_it_goes(bench: Bench) -> None:
    fal, told = bench.fal(streams=1), Told()
    await bench.plan(takes(queue=0.1, generation=0.2))

    request = await fal.submit(ENDPOINT, SMALL)
    await fal.wait(request, told)
    result = await fal.result(request)

    assert (len(await bench.rows()), await bench.reads(request), len(result.images)) == (1, (1, 0, 1), 1)
    assert list(dict.fromkeys(progress.state for progress in told.progress)) == ["in_queue", "in_progress"]
    assert told.progress[-1].logs[-1].startswith("100%")


async def test_a_stream_that_breaks_off_is_opened_anew_and_nothing_is_told_twice(bench: Bench) -> None:
    fal, told = bench.fal(streams=1), Told()
    await bench.plan(takes(generation=0.3), {"fault": "read_drop", "on": ["stream"], "after_events": 2, "times": 1})

    request = await fal.submit(ENDPOINT, SMALL)
    await fal.wait(request, told)
    await fal.result(request)

    assert await bench.reads(request) == (2, 0, 1)
    assert [earlier for earlier, later in zip(told.progress, told.progress[1:], strict=False) if earlier == later] == []


@pytest.mark.parametrize("status", [404, 405, 501])
async def test_where_there_is_no_stream_the_status_is_polled(bench: Bench, status: int) -> None:
    fal = bench.fal(streams=1)
    await bench.plan(takes(generation=0.1), {"fault": "read_status", "on": ["stream"], "status": status})

    request = await fal.submit(ENDPOINT, SMALL)
    await fal.wait(request, Told())

    streams, polls, _ = await bench.reads(request)
    assert (streams, polls > 1) == (1, True)


async def test_a_stream_in_trouble_is_tried_thrice_and_then_the_status_is_polled(bench: Bench) -> None:
    fal = bench.fal(streams=1)
    await bench.plan(takes(generation=0.1), {"fault": "read_status", "on": ["stream"], "status": 503})

    request = await fal.submit(ENDPOINT, SMALL)
    await fal.wait(request, Told())

    streams, polls, _ = await bench.reads(request)
    assert (streams, polls >= 1) == (3, True)


@pytest.mark.parametrize("status", [401, 403, 408, 425, 429, 500, 502])
async def test_a_stream_that_is_refused_for_the_moment_is_had_a_moment_later(bench: Bench, status: int) -> None:
    fal = bench.fal(streams=1)
    await bench.plan(takes(), {"fault": "read_status", "on": ["stream"], "status": status, "times": 1})

    request = await fal.submit(ENDPOINT, SMALL)
    await fal.wait(request, Told())

    assert await bench.reads(request) == (2, 0, 0)


@pytest.mark.parametrize("status", [401, 403, 404, 408, 425, 429, 500, 503])
async def test_a_poll_that_is_refused_fails_nothing(bench: Bench, status: int) -> None:
    fal = bench.fal()
    await bench.plan(takes(), {"fault": "read_status", "on": ["status"], "status": status, "times": 2})

    request = await fal.submit(ENDPOINT, SMALL)
    await fal.wait(request, Told())

    streams, polls, _ = await bench.reads(request)
    assert (streams, polls >= 3) == (0, True)


async def test_an_answer_that_is_no_event_stream_is_no_stream(transport: httpx.AsyncBaseTransport) -> None:
    async with serving(one_after_another(IN_PROGRESS, COMPLETED)) as server:
        await at(server, transport).wait(request_at(server.url), Told())

    path = "/fal-ai/flux/requests/r-1/status"
    assert server.lines == [f"GET {path}/stream?logs=1 HTTP/1.1", f"GET {path}?logs=1 HTTP/1.1"]


async def test_a_stream_that_falls_silent_counts_as_broken_off(transport: httpx.AsyncBaseTransport) -> None:
    async def answer(received: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(f"HTTP/1.1 200 OK\r\nContent-Type: {EVENT_STREAM}\r\n\r\n".encode())
        if len(received.lines) > 1:
            writer.write(event(status="COMPLETED").encode())
            return
        writer.write(event(status="IN_QUEUE", queue_position=3).encode())
        await writer.drain()
        await received.until(2)

    told = Told()
    async with serving(answer) as server:
        fal = at(server, transport, replace(QUICK, silence=timedelta(seconds=0.3)))
        await fal.wait(request_at(server.url), told)

    assert (len(server.lines), told.progress) == (2, [Progress(state="in_queue", queue_position=3)])


async def test_a_stream_that_lives_on_and_no_longer_tells_what_happens_is_opened_anew(
    transport: httpx.AsyncBaseTransport,
) -> None:
    async def answer(received: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(f"HTTP/1.1 200 OK\r\nContent-Type: {EVENT_STREAM}\r\n\r\n".encode())
        if len(received.lines) > 1:
            writer.write(event(status="COMPLETED").encode())
            return
        writer.write(event(status="IN_PROGRESS").encode())
        while len(received.lines) == 1:
            writer.write(b": keep-alive\n\n")
            await writer.drain()
            await asyncio.sleep(0.05)

    async with serving(answer) as server:
        fal = at(server, transport, replace(QUICK, stream_life=timedelta(seconds=0.3)))
        await fal.wait(request_at(server.url), Told())

    assert len(server.lines) == 2


async def test_comments_and_odd_events_are_no_news_and_an_early_end_is_no_end(
    transport: httpx.AsyncBaseTransport,
) -> None:
    odd = ": keep-alive\n\ndata: what\n\nevent: x\n\n" + event(status="EXPLODED")
    first = http("200 OK", odd + event(status="IN_PROGRESS") + odd, EVENT_STREAM)
    last = http("200 OK", odd + event(status="IN_PROGRESS") + event(status="COMPLETED"), EVENT_STREAM)
    told = Told()
    async with serving(one_after_another(first, last)) as server:
        await at(server, transport).wait(request_at(server.url), told)

    assert (len(server.lines), told.progress) == (2, [Progress(state="in_progress")])


@pytest.mark.parametrize(("positions", "has_paused"), [((3, 2, 1), False), ((1, 1, 1), True)])
async def test_only_a_stream_that_told_nothing_new_is_reopened_after_a_pause(
    transport: httpx.AsyncBaseTransport, positions: tuple[int, ...], *, has_paused: bool
) -> None:
    events = [event(status="IN_QUEUE", queue_position=position) for position in positions]
    answers = [http("200 OK", text, EVENT_STREAM) for text in (*events, event(status="COMPLETED"))]
    patience = replace(QUICK, first_poll=timedelta(seconds=1), longest_poll=timedelta(seconds=1))

    began = time.monotonic()
    async with serving(one_after_another(*answers)) as server:
        await at(server, transport, patience).wait(request_at(server.url), Told())

    assert (time.monotonic() - began > 1.5) is has_paused


async def test_who_finds_no_free_stream_polls_and_a_stream_that_ended_is_free_again(bench: Bench) -> None:
    fal = bench.fal(streams=1)
    await bench.plan(takes(generation=0.3))
    first, second = await fal.submit(ENDPOINT, SMALL), await fal.submit(ENDPOINT, SMALL)

    await asyncio.gather(fal.wait(first, Told()), fal.wait(second, Told()))
    third = await fal.submit(ENDPOINT, SMALL)
    await fal.wait(third, Told())

    reads = [await bench.reads(request) for request in (first, second, third)]
    assert [(streams, polls > 0) for streams, polls, _ in reads] == [(1, False), (0, True), (1, False)]


async def test_a_wait_that_is_cancelled_or_ended_by_its_listener_frees_its_stream(bench: Bench) -> None:
    fal, told = bench.fal(streams=1), Told()
    await bench.plan(takes(generation=20) | {"times": 1}, takes())
    request = await fal.submit(ENDPOINT, SMALL)

    async def loses_its_lease(_: Progress) -> None:
        raise StaleJob("j-1")

    waiting = asyncio.create_task(fal.wait(request, told))
    await told.any.wait()
    waiting.cancel()
    await asyncio.wait({waiting})
    with pytest.raises(StaleJob):
        await fal.wait(request, loses_its_lease)
    later = await fal.submit(ENDPOINT, SMALL)
    await fal.wait(later, Told())

    assert (await bench.reads(request), await bench.reads(later)) == ((2, 0, 0), (1, 0, 0))


@pytest.mark.parametrize(
    ("open_files", "streams"), [(64, 0), (128, 0), (256, 32), (1024, 224), (65_536, 4096), (2**62, 4096)]
)
def test_the_limit_on_open_files_says_how_many_streams_there_may_be(open_files: int, streams: int) -> None:
    assert streams_within(open_files) == streams


def test_polls_begin_quickly_and_back_off_to_five_seconds_each_a_little_different() -> None:
    usual = Patience()
    rests = list(islice(pauses(usual.first_poll, usual.longest_poll), 40))

    assert 0.18 < rests[0] < 0.32
    assert all(3.75 <= rest <= 6.25 for rest in rests[8:])
    assert len(set(rests)) == len(rests)


@pytest.mark.parametrize("streams", [0, 1])
@pytest.mark.parametrize("hinted", [False, True])
async def test_a_request_that_only_answers_404_for_long_is_forgotten(
    bench: Bench, streams: int, *, hinted: bool
) -> None:
    patience = replace(FORGETFUL, first_safety_poll=timedelta(seconds=0.1), safety_poll=timedelta(seconds=0.1))
    fal = bench.fal(patience, streams)
    await bench.plan({"fault": "request_forgotten"})
    request = await fal.submit(ENDPOINT, SMALL)

    began = time.monotonic()
    with pytest.raises(RequestForgotten, match=r"no such request\.$") as caught:
        await fal.wait(request, Told(), hint=asyncio.Event() if hinted else None)

    assert (0.3 <= time.monotonic() - began < 5, caught.value.answer.status) == (True, 404)


async def test_any_other_answer_sets_the_clock_of_forgetting_back(transport: httpx.AsyncBaseTransport) -> None:
    answers = [NOT_FOUND, NOT_FOUND, UNAVAILABLE] * 6
    async with serving(one_after_another(*answers, COMPLETED)) as server:
        patience = replace(FORGETFUL, first_poll=timedelta(seconds=0.06), longest_poll=timedelta(seconds=0.06))
        await at(server, transport, patience, streams=0).wait(request_at(server.url), Told())

    assert len(server.lines) == 19


async def test_no_answer_does_not_set_the_clock_of_forgetting_back(transport: httpx.AsyncBaseTransport) -> None:
    async with serving(one_after_another(*[NOT_FOUND, BROKEN_OFF] * 500)) as server:
        with pytest.raises(RequestForgotten):
            await at(server, transport, FORGETFUL, streams=0).wait(request_at(server.url), Told())
