"""Waiting without webhooks: over the status stream if one is available, else by polling."""

import asyncio
import json
import time
import zlib
from dataclasses import replace
from datetime import timedelta
from itertools import islice, pairwise

import pytest
from pydantic import SecretStr

from imagegen.errors import RequestForgotten, StaleJob
from imagegen.fal import FalClient, FalTimeouts, Progress
from imagegen.fal.stream_limit import max_streams
from imagegen.net.http import Sender
from imagegen.settings import FalSettings
from tests.fal.workbench import (
    ENDPOINT,
    QUICK,
    SMALL,
    Bench,
    ProgressRecorder,
    Received,
    http,
    one_after_another,
    request_at,
    serving,
    takes,
)

COMPLETED = http("200 OK", '{"status": "COMPLETED"}')
IN_PROGRESS = http("202 Accepted", '{"status": "IN_PROGRESS", "logs": null}')
NOT_FOUND = http("404 Not Found", '{"status": "NOT_FOUND"}')
UNAVAILABLE = http("503 Service Unavailable")
BROKEN_OFF = b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{"
EVENT_STREAM = "text/event-stream; charset=utf-8"
FORGETFUL = replace(QUICK, status_missing=timedelta(seconds=0.3))


def at(server: Received, pool: Sender, timeouts: FalTimeouts = QUICK, streams: int = 1) -> FalClient:
    return FalClient(FalSettings(key=SecretStr("id:secret"), queue_url=server.url), pool, timeouts, streams=streams)


def event(**status: object) -> str:
    return f"data: {json.dumps(status)}\n\n"


async def test_job_on_the_stream_takes_three_requests(bench: Bench) -> None:
    fal, recorder = bench.fal(streams=1), ProgressRecorder()
    await bench.plan(takes(queue=0.1, generation=0.2))

    request = await fal.submit(ENDPOINT, SMALL)
    await fal.wait(request, recorder)
    result = await fal.result(request)

    assert (len(await bench.rows()), await bench.reads(request), len(result.images)) == (1, (1, 0, 1), 1)
    assert list(dict.fromkeys(progress.state for progress in recorder.progress)) == ["in_queue", "in_progress"]
    assert recorder.progress[-1].logs[-1].startswith("100%")


async def test_broken_stream_is_reopened_without_repeated_progress(bench: Bench) -> None:
    fal, recorder = bench.fal(streams=1), ProgressRecorder()
    await bench.plan(takes(generation=0.3), {"fault": "read_drop", "on": ["stream"], "after_events": 2, "times": 1})

    request = await fal.submit(ENDPOINT, SMALL)
    await fal.wait(request, recorder)
    await fal.result(request)

    assert await bench.reads(request) == (2, 0, 1)
    assert not any(earlier == later for earlier, later in pairwise(recorder.progress))


@pytest.mark.parametrize("status", [404, 405, 501])
async def test_status_is_polled_if_there_is_no_stream(bench: Bench, status: int) -> None:
    fal = bench.fal(streams=1)
    await bench.plan(takes(generation=0.1), {"fault": "read_status", "on": ["stream"], "status": status})

    request = await fal.submit(ENDPOINT, SMALL)
    await fal.wait(request, ProgressRecorder())

    streams, polls, _ = await bench.reads(request)
    assert (streams, polls > 1) == (1, True)


async def test_status_is_polled_after_three_failed_streams(bench: Bench) -> None:
    fal = bench.fal(streams=1)
    await bench.plan(takes(generation=0.1), {"fault": "read_status", "on": ["stream"], "status": 503})

    request = await fal.submit(ENDPOINT, SMALL)
    await fal.wait(request, ProgressRecorder())

    streams, polls, _ = await bench.reads(request)
    assert (streams, polls >= 1) == (3, True)


@pytest.mark.parametrize("status", [401, 403, 408, 425, 429, 500, 502])
async def test_temporarily_refused_stream_is_retried(bench: Bench, status: int) -> None:
    fal = bench.fal(streams=1)
    await bench.plan(takes(), {"fault": "read_status", "on": ["stream"], "status": status, "times": 1})

    request = await fal.submit(ENDPOINT, SMALL)
    await fal.wait(request, ProgressRecorder())

    assert await bench.reads(request) == (2, 0, 0)


@pytest.mark.parametrize("status", [401, 403, 404, 408, 425, 429, 500, 503])
async def test_refused_poll_does_not_end_the_wait(bench: Bench, status: int) -> None:
    fal = bench.fal()
    await bench.plan(takes(), {"fault": "read_status", "on": ["status"], "status": status, "times": 2})

    request = await fal.submit(ENDPOINT, SMALL)
    await fal.wait(request, ProgressRecorder())

    streams, polls, _ = await bench.reads(request)
    assert (streams, polls >= 3) == (0, True)


async def test_response_of_another_type_is_not_a_stream(pool: Sender) -> None:
    async with serving(one_after_another(IN_PROGRESS, COMPLETED)) as server:
        await at(server, pool).wait(request_at(server.url), ProgressRecorder())

    path = "/fal-ai/flux/requests/r-1/status"
    assert server.lines == [f"GET {path}/stream?logs=1 HTTP/1.1", f"GET {path}?logs=1 HTTP/1.1"]


async def test_silent_stream_counts_as_dropped(pool: Sender) -> None:
    async def respond(received: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(f"HTTP/1.1 200 OK\r\nContent-Type: {EVENT_STREAM}\r\n\r\n".encode())
        if len(received.lines) > 1:
            writer.write(event(status="COMPLETED").encode())
            return
        writer.write(event(status="IN_QUEUE", queue_position=3).encode())
        await writer.drain()
        await received.until(2)

    recorder = ProgressRecorder()
    async with serving(respond) as server:
        fal = at(server, pool, replace(QUICK, stream_silence=timedelta(seconds=0.3)))
        await fal.wait(request_at(server.url), recorder)

    assert (len(server.lines), recorder.progress) == (2, [Progress(state="in_queue", queue_position=3)])


async def test_stream_is_reopened_after_its_lifetime(
    pool: Sender,
) -> None:
    async def respond(received: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(f"HTTP/1.1 200 OK\r\nContent-Type: {EVENT_STREAM}\r\n\r\n".encode())
        if len(received.lines) > 1:
            writer.write(event(status="COMPLETED").encode())
            return
        writer.write(event(status="IN_PROGRESS").encode())
        while len(received.lines) == 1:
            writer.write(b": keep-alive\n\n")
            await writer.drain()
            await asyncio.sleep(0.05)

    async with serving(respond) as server:
        fal = at(server, pool, replace(QUICK, stream_lifetime=timedelta(seconds=0.3)))
        await fal.wait(request_at(server.url), ProgressRecorder())

    assert len(server.lines) == 2


async def test_compressed_stream_reports_each_status_as_it_arrives(pool: Sender) -> None:
    recorder = ProgressRecorder()

    async def respond(_: Received, writer: asyncio.StreamWriter) -> None:
        compressor = zlib.compressobj(wbits=31)
        head = f"HTTP/1.1 200 OK\r\nContent-Type: {EVENT_STREAM}\r\nContent-Encoding: gzip\r\n\r\n"
        first = compressor.compress(event(status="IN_PROGRESS").encode()) + compressor.flush(zlib.Z_SYNC_FLUSH)
        writer.write(head.encode() + first)
        await recorder.any.wait()
        writer.write(compressor.compress(event(status="COMPLETED").encode()) + compressor.flush(zlib.Z_SYNC_FLUSH))

    async with serving(respond) as server, asyncio.timeout(30):
        await at(server, pool).wait(request_at(server.url), recorder)

    assert (len(server.lines), recorder.progress) == (1, [Progress(state="in_progress")])


async def test_comments_and_malformed_events_are_ignored(
    pool: Sender,
) -> None:
    odd = ": keep-alive\n\ndata: what\n\nevent: x\n\n" + event(status="EXPLODED")
    first = http("200 OK", odd + event(status="IN_PROGRESS") + odd, EVENT_STREAM)
    last = http("200 OK", odd + event(status="IN_PROGRESS") + event(status="COMPLETED"), EVENT_STREAM)
    recorder = ProgressRecorder()
    async with serving(one_after_another(first, last)) as server:
        await at(server, pool).wait(request_at(server.url), recorder)

    assert (len(server.lines), recorder.progress) == (2, [Progress(state="in_progress")])


@pytest.mark.parametrize(("positions", "has_paused"), [((3, 2, 1), False), ((1, 1, 1), True)])
async def test_only_a_stream_without_changes_is_reopened_after_a_pause(
    pool: Sender, positions: tuple[int, ...], *, has_paused: bool
) -> None:
    events = [event(status="IN_QUEUE", queue_position=position) for position in positions]
    responses = [http("200 OK", text, EVENT_STREAM) for text in (*events, event(status="COMPLETED"))]
    timeouts = replace(QUICK, first_poll=timedelta(seconds=1), max_poll=timedelta(seconds=1))

    began = time.monotonic()
    async with serving(one_after_another(*responses)) as server:
        await at(server, pool, timeouts).wait(request_at(server.url), ProgressRecorder())

    assert (time.monotonic() - began > 1.5) is has_paused


async def test_wait_without_a_stream_slot_polls_until_one_is_free(bench: Bench) -> None:
    fal = bench.fal(streams=1)
    await bench.plan(takes(generation=0.3))
    first, second = await fal.submit(ENDPOINT, SMALL), await fal.submit(ENDPOINT, SMALL)

    await asyncio.gather(fal.wait(first, ProgressRecorder()), fal.wait(second, ProgressRecorder()))
    third = await fal.submit(ENDPOINT, SMALL)
    await fal.wait(third, ProgressRecorder())

    reads = [await bench.reads(request) for request in (first, second, third)]
    assert [(streams, polls > 0) for streams, polls, _ in reads] == [(1, False), (0, True), (1, False)]


async def test_cancelled_or_failed_wait_releases_its_stream_slot(bench: Bench) -> None:
    fal, recorder = bench.fal(streams=1), ProgressRecorder()
    await bench.plan(takes(generation=20) | {"times": 1}, takes())
    request = await fal.submit(ENDPOINT, SMALL)

    async def loses_its_lease(_: Progress) -> None:
        raise StaleJob("j-1")

    waiting = asyncio.create_task(fal.wait(request, recorder))
    await recorder.any.wait()
    waiting.cancel()
    await asyncio.wait({waiting})
    with pytest.raises(StaleJob):
        await fal.wait(request, loses_its_lease)
    later = await fal.submit(ENDPOINT, SMALL)
    await fal.wait(later, ProgressRecorder())

    assert (await bench.reads(request), await bench.reads(later)) == ((2, 0, 0), (1, 0, 0))


@pytest.mark.parametrize(
    ("open_files", "streams"), [(64, 0), (128, 0), (256, 32), (1024, 224), (65_536, 4096), (2**62, 4096)]
)
def test_limit_on_open_files_determines_max_streams(open_files: int, streams: int) -> None:
    assert max_streams(open_files) == streams


def test_polls_start_quickly_and_back_off_to_five_seconds() -> None:
    rests = [pause.total_seconds() for pause in islice(FalTimeouts().poll_pauses(), 40)]

    assert 0.18 < rests[0] < 0.32
    assert all(3.75 <= rest <= 6.25 for rest in rests[8:])
    assert len(set(rests)) == len(rests)


@pytest.mark.parametrize("streams", [0, 1])
@pytest.mark.parametrize("hinted", [False, True])
async def test_request_that_stays_404_is_forgotten(bench: Bench, streams: int, *, hinted: bool) -> None:
    timeouts = replace(FORGETFUL, first_safety_poll=timedelta(seconds=0.1), safety_poll=timedelta(seconds=0.1))
    fal = bench.fal(timeouts, streams)
    await bench.plan({"fault": "request_forgotten"})
    request = await fal.submit(ENDPOINT, SMALL)

    began = time.monotonic()
    with pytest.raises(RequestForgotten, match=r"no such request\.$") as caught:
        await fal.wait(request, ProgressRecorder(), hint=asyncio.Event() if hinted else None)

    assert (0.3 <= time.monotonic() - began < 5, caught.value.answer.status) == (True, 404)


async def test_any_other_response_resets_the_404_clock(pool: Sender) -> None:
    responses = [NOT_FOUND, NOT_FOUND, UNAVAILABLE] * 6
    async with serving(one_after_another(*responses, COMPLETED)) as server:
        timeouts = replace(FORGETFUL, first_poll=timedelta(seconds=0.06), max_poll=timedelta(seconds=0.06))
        await at(server, pool, timeouts, streams=0).wait(request_at(server.url), ProgressRecorder())

    assert len(server.lines) == 19


async def test_failed_connection_does_not_reset_the_404_clock(pool: Sender) -> None:
    async with serving(one_after_another(*[NOT_FOUND, BROKEN_OFF] * 500)) as server:
        with pytest.raises(RequestForgotten):
            await at(server, pool, FORGETFUL, streams=0).wait(request_at(server.url), ProgressRecorder())
