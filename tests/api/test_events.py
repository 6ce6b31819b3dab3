"""A job's events, read as by a browser's EventSource."""

import asyncio
import json
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta

import httpx
import pytest
from dirty_equals import IsList, IsPartialDict

from imagegen.api.sse import events_of
from imagegen.settings import LimitSettings, Settings
from tests.support.contract import Contract
from tests.support.jobs_apart import apart
from tests.support.service import FLUX, Json, Sandbox, Service, running

SLOW: Json = {"fault": "latency", "queue": 0.5, "generation": 1.5}


@asynccontextmanager
async def opened(service: Service, job_id: str, **headers: str) -> AsyncGenerator[httpx.Response]:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    async with service.client.stream("GET", f"/api/jobs/{job_id}/events", headers=named) as answer:
        yield answer


async def read(answer: httpx.Response) -> Sequence[Json]:
    """The data of every event until the stream ends. Checks that each id is the job's version."""
    text = "".join([piece async for piece in answer.aiter_text()])
    blocks = [dict(line.split(": ", 1) for line in block.splitlines()) for block in text.split("\n\n") if block]
    events = [(block["id"], json.loads(block["data"])) for block in blocks if "data" in block]
    assert [number for number, event in events if number != str(event["version"])] == []
    return [event for _, event in events]


async def test_stream_reports_progress_and_ends_with_the_images(service: Service, sandbox: Sandbox) -> None:
    # Moves within 50 ms are told as one, so each stage has to last.
    await sandbox.misbehaves(SLOW, {"fault": "media_delay", "seconds": 0.5, "times": 1})
    job_id = await service.accept({**FLUX, "options": {"num_images": 2}})

    async with opened(service, job_id) as answer:
        events = await read(answer)

    document = Contract((await service.client.get("/openapi.json")).json())
    stages = [event["stage"] for event in events]
    versions = [event["version"] for event in events]
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "text/event-stream")
    assert [document.faults(event, {"$ref": "#/components/schemas/JobEvent"}) for event in events] == [[]] * len(events)
    assert {"in_queue", "generating", "storing"} <= set(stages)
    assert versions == sorted(versions)
    assert [event["imagesStored"] for event in events if event["imagesStored"]] == [1, 2]
    assert [event["job"] for event in events[:-1]] == [None] * (len(events) - 1)
    assert events[-1] == IsPartialDict(
        status="completed", stage=None, job=IsPartialDict(jobId=job_id, images=IsList(length=2))
    )
    assert any(event["logs"] for event in events)


async def test_any_replica_serves_the_stream(own: Settings) -> None:
    async with running(own) as worker, running(own, with_runner=False) as replica:
        await worker.sandbox.misbehaves(SLOW)
        job_id = await worker.accept()
        async with opened(replica, job_id) as answer:
            events = await read(answer)

    assert "generating" in [event["stage"] for event in events]
    assert events[-1]["job"]["status"] == "completed"


async def test_resumed_stream_starts_with_the_current_state(service: Service, sandbox: Sandbox) -> None:
    await sandbox.misbehaves({"fault": "latency", "generation": 2})
    job_id = await service.accept()
    async with opened(service, job_id) as answer:
        first = await anext(answer.aiter_text())
    await asyncio.sleep(0.5)

    async with opened(service, job_id, last_event_id="1") as answer:
        events = await read(answer)

    assert first.startswith("data: ")
    assert (events[0]["status"], events[-1]["status"]) == ("running", "completed")


async def test_ended_job_is_one_event_and_then_204(service: Service) -> None:
    job_id = (await service.generate()).json()["jobId"]
    async with opened(service, job_id) as answer:
        events = await read(answer)
    resumed = await service.client.get(
        f"/api/jobs/{job_id}/events", headers={"Last-Event-ID": str(events[-1]["version"])}
    )

    assert [event["job"]["status"] for event in events] == ["completed"]
    assert (resumed.status_code, resumed.content) == (204, b"")


async def test_stream_of_a_failed_job_ends_with_its_error(service: Service, sandbox: Sandbox) -> None:
    await sandbox.misbehaves({"fault": "model_fails"})
    job_id = await service.accept()

    async with opened(service, job_id) as answer:
        events = await read(answer)

    assert events[-1]["job"] == IsPartialDict(status="failed", error=IsPartialDict(charged=False))


async def test_streams_beyond_the_limit_are_refused_until_one_ends(stack: Settings) -> None:
    narrow = apart(stack).model_copy(update={"limits": LimitSettings(max_streams=1)})
    async with running(narrow, with_runner=False) as service:
        job_id = await service.accept()
        path = f"/api/jobs/{job_id}/events"
        async with opened(service, job_id) as answer:
            await anext(answer.aiter_text())
            refused = await service.client.get(path)
        async with asyncio.timeout(30):
            while True:
                async with opened(service, job_id) as again:
                    if again.status_code == 200:
                        break
                await asyncio.sleep(0.1)

    assert (refused.status_code, refused.json()["code"], "IMAGEGEN_MAX_STREAMS" in refused.json()["detail"]) == (
        503,
        "too_many_streams",
        True,
    )


async def test_stopping_service_ends_its_streams(stack: Settings) -> None:
    async with running(apart(stack), with_runner=False) as service:
        job_id = await service.accept()
        async with opened(service, job_id) as answer:
            reading = asyncio.create_task(read(answer))
            await asyncio.sleep(0.3)
            started = time.monotonic()
            service.services.stopping.set()
            events = await reading

    assert [event["status"] for event in events] == ["queued"]
    assert time.monotonic() - started < 3


async def test_silent_stream_is_kept_alive(stack: Settings) -> None:
    async with running(apart(stack), with_runner=False) as service:
        job = await service.services.jobs.get(await service.accept())
        stream = events_of(job, service.services, timedelta(seconds=0.2))
        texts = [await anext(stream) for _ in range(3)]
        await stream.aclose()

    assert [text[:2] for text in texts] == [b"da", b": ", b": "]


@pytest.mark.parametrize("path", ["01ARZ3NDEKTSV4RRFFQ69G5FAV", "nonsense"])
async def test_events_of_an_unknown_job_are_404(service: Service, path: str) -> None:
    answer = await service.client.get(f"/api/jobs/{path}/events")

    assert (answer.status_code, answer.headers["Content-Type"], answer.json()["code"]) == (
        404,
        "application/problem+json",
        "job_not_found",
    )


async def test_events_of_a_deleted_job_are_410(service: Service) -> None:
    job_id = (await service.generate()).json()["jobId"]
    await service.client.delete(f"/api/jobs/{job_id}")

    answer = await service.client.get(f"/api/jobs/{job_id}/events")

    assert (answer.status_code, answer.json()["code"]) == (410, "job_deleted")


async def test_head_does_not_wait_for_the_end(stack: Settings) -> None:
    async with running(apart(stack), with_runner=False) as service:
        answer = await service.client.head(f"/api/jobs/{await service.accept()}/events", timeout=5)

    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "text/event-stream")
