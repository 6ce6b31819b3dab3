"""No body within the limits blocks the event loop, fills the memory, or is echoed."""

import asyncio
import http.client
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from dirty_equals import IsPartialDict

from imagegen.settings import Settings
from tests.support.hostile_bodies import Body, hostile_bodies
from tests.support.loop_meter import metering, slowness
from tests.support.processes import peak_memory, serving
from tests.support.service import FLUX, Json, Service

LONGEST_TICK = 0.1  # seconds of the loop's processor time, on a machine of usual speed
MEMORY = 32  # MiB above the idle peak, besides four times the bytes of data URIs
PATH = "/api/images/generate"


def send(port: int, body: Body) -> tuple[int, bytes]:
    """Send one body like a simple client; status 0 if the service closed the connection before it had read it."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request("POST", body.path, body.content, {"Content-Type": body.content_type, **(body.headers or {})})
        answer = connection.getresponse()
        return answer.status, answer.read()
    except ConnectionError:
        return 0, b""
    finally:
        connection.close()


async def longest_tick(port: int, body: Body) -> float:
    """The longest tick of the loop during the request: the lowest of five tries."""
    longest = 1.0
    for _ in range(5):
        with metering() as meter:
            status, answer = await asyncio.to_thread(send, port, body)
        assert status in {0, 200, 202, 400, 409, 413}, (body.name, status, answer[:300])
        assert len(answer) < 100_000, (body.name, len(answer))
        longest = min(longest, meter.longest)
        if longest < LONGEST_TICK / 2:
            return longest
    return longest / slowness()


@pytest.mark.slow
@pytest.mark.timed
@pytest.mark.timeout(180)
async def test_no_body_blocks_the_event_loop(service: Service) -> None:
    port = service.client.base_url.port
    assert port is not None
    slow = {
        body.name: f"{tick:.3f} s"
        for body in hostile_bodies()
        if (tick := await longest_tick(port, body)) > LONGEST_TICK
    }

    assert slow == {}


@pytest.mark.slow
@pytest.mark.timed
@pytest.mark.timeout(180)
async def test_no_body_fills_the_memory(stack: Settings, tmp_path: Path) -> None:
    async with serving(stack, tmp_path) as process:
        port, pid = process.client.base_url.port, process.process.pid
        assert port is not None
        await process.client.get("/health/ready")
        idle = await asyncio.to_thread(peak_memory, pid)
        uris = 0
        for body in hostile_bodies():
            uris = max(uris, body.uris)
            await asyncio.to_thread(send, port, body)
            over = await asyncio.to_thread(peak_memory, pid) - idle - 4 * uris / 2**20

            assert over < MEMORY, (body.name, over)


async def refused(service: Service, content: bytes | str) -> list[Json]:
    answer = await service.client.post(PATH, content=content, headers={"Content-Type": "application/json"})
    assert answer.status_code == 400, answer.text
    return answer.json()["errors"]


REPEATED = [
    ('{"model":"flux-pro","model":"flux-dev","inputs":{"prompt":"x"},"userId":"u"}', ["/model"]),
    (
        '{"model":"flux-pro","inputs":{"prompt":"x","prompt":"x"},"userId":"u","userId":"v"}',
        ["/userId", "/inputs/prompt"],
    ),
    (
        '{"model":"flux-lora","inputs":{"prompt":"x","loras":[{"path":"a","path":"b"}]},"userId":"u"}',
        ["/inputs/loras/0/path"],
    ),
    ('{"a":1,"\\u0061":1}', ["/a"]),
]


@pytest.mark.parametrize(("content", "pointers"), REPEATED)
async def test_duplicate_member_is_refused_by_name(service: Service, content: str, pointers: list[str]) -> None:
    assert [(fault["pointer"], fault["code"]) for fault in await refused(service, content)] == [
        (pointer, "conflict") for pointer in pointers
    ]


async def test_duplicate_members_of_batch_and_estimate_are_refused(service: Service) -> None:
    headers = {"Content-Type": "application/json"}
    for path, content in (
        ("/api/images/batch", '{"userId":"u","userId":"v","requests":[]}'),
        ("/api/images/estimate-cost", '{"model":"flux-pro","model":"flux-dev"}'),
    ):
        answer = await service.client.post(path, content=content, headers=headers)

        assert (answer.status_code, answer.json()["errors"][0]["code"]) == (400, "conflict")


def texts(value: Any) -> Iterator[str]:
    match value:
        case str():
            yield value
        case dict():
            for part in value.values():  # pyright: ignore[reportUnknownVariableType] - JSON
                yield from texts(part)
        case list():
            for part in value:  # pyright: ignore[reportUnknownVariableType] - JSON
                yield from texts(part)
        case _:
            pass


LONG = "n" * 5000
LONG_NAMES: list[Json] = [
    {**FLUX, LONG: 1},
    {**FLUX, "inputs": {"prompt": "x", LONG: 1}},
    {**FLUX, "options": {LONG: 1}},
    {**FLUX, "model": "flux-lora", "inputs": {"prompt": "x", "loras": [{"path": "x", LONG: 1}]}},
    {**FLUX, "model": LONG},
    {**FLUX, "userId": LONG},
    {**FLUX, "options": {"output_format": LONG}},
]


@pytest.mark.parametrize("body", LONG_NAMES)
async def test_at_most_a_hundred_characters_are_echoed(service: Service, body: Json) -> None:
    one = await service.generate(body)
    batch = await service.batch({name: value for name, value in body.items() if name != "userId"})
    estimate = await service.client.post("/api/images/estimate-cost", json=body)

    for answer in (one, batch, estimate):
        assert [text for text in texts(answer.json()) if "n" * 101 in text] == []


async def test_echoes_of_queries_are_bounded_too(service: Service) -> None:
    many = await service.client.get("/api/jobs?" + "&".join(f"q{number}=1" for number in range(3000)))
    long = await service.client.get(f"/api/jobs?{LONG}=1")

    assert (many.status_code, len(many.json()["errors"])) == (400, 100)
    assert [text for text in texts(long.json()) if "n" * 101 in text] == []


async def test_text_besides_data_uris_is_bounded(service: Service) -> None:
    answer = await service.generate({**FLUX, "inputs": {"prompt": "a fox, " * 1_300_000}})

    assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")
    assert "IMAGEGEN_MAX_BODY_BYTES" in answer.json()["detail"]


async def test_members_and_items_are_bounded(service: Service) -> None:
    faults = await refused(service, json.dumps({**FLUX, "inputs": {"prompt": "x", "seed": [0] * 10_000}}))

    assert faults == [IsPartialDict(code="too_large", pointer="")]
    assert "IMAGEGEN_MAX_JSON_VALUES" in faults[0]["message"]


async def test_commas_and_brackets_in_strings_do_not_count(service: Service) -> None:
    prompt = '\\",[{' * 8000

    answer = await service.generate({**FLUX, "inputs": {"prompt": prompt}}, prefer="respond-async")

    assert answer.status_code == 202, answer.text
    assert answer.json()["inputs"]["prompt"] == prompt


async def test_ordinary_batch_of_a_thousand_is_within_bounds(service: Service) -> None:
    item: Json = {
        "model": "flux-lora",
        "inputs": {"prompt": "A fox, in the snow, " * 40, "seed": 1, "loras": [{"path": "a/b", "scale": 1}]},
        "options": {"num_images": 1, "width": 512, "height": 512, "output_format": "png"},
    }

    answer = await service.batch(*[item] * 999, {**item, "options": {"num_images": 99}})

    assert (answer.status_code, [fault["pointer"] for fault in answer.json()["errors"]]) == (
        400,
        ["/requests/999/options/num_images"],
    )


async def test_faults_of_a_batch_and_its_requests_come_together(service: Service) -> None:
    body: Json = {"userId": "", "requests": [{**FLUX, "inputs": {}}, {"model": "none"}], "user": 1}

    answer = await service.client.post("/api/images/batch", json=body)

    assert {fault["pointer"] for fault in answer.json()["errors"]} == {
        "/userId",
        "/user",
        "/requests/1/inputs",
        "/requests/0/inputs/prompt",
        "/requests/1/model",
    }


async def test_oversized_batch_is_told_the_limit(service: Service) -> None:
    answer = await service.batch(*[FLUX] * 1001)

    assert "at most 1000 items" in answer.json()["errors"][0]["message"]


async def test_overlong_number_is_named(service: Service) -> None:
    faults = await refused(
        service, '{"model":"flux-pro","inputs":{"prompt":"x","seed":' + "9" * 5000 + '},"userId":"u"}'
    )

    assert faults == [IsPartialDict(code="out_of_range")]
