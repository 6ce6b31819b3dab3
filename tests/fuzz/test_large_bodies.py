"""Large and hostile bodies for each operation with a body: the loop's ticks and the memory stay within bounds."""

import asyncio
import http.client
import os
import random
import re
from pathlib import Path
from typing import Final

import pytest

from imagegen.settings import Settings
from tests.support.hostile_bodies import BATCH, ESTIMATE, GENERATE, UPLOADS, Body
from tests.support.loop_meter import metering, slowness
from tests.support.processes import serving
from tests.support.service import Service

BODIES: Final = max(40, int(os.environ.get("FUZZ_CASES", "0")) // 50)
SEED: Final = int(os.environ.get("FUZZ_SEED") or 1)
LONGEST_TICK: Final = 0.1  # seconds of the loop's processor time
MEMORY: Final = 32  # MiB above the idle peak, besides four times the bytes of data URIs
PIECES: Final = (
    *(
        b"0,",
        b'"",',
        b"{},",
        b"[],",
        b"[[",
        b"]]",
        b"null,",
        b"1e999,",
        b"9" * 4000 + b",",
        b'"a":1,',
        b'"prompt":"x",',
    ),
    *(b"\\", b'"', b'\\"', b"\\u0000", b"\\ud83d", "é".encode(), "\U0001f98a".encode(), b"\xff", b"\0", b" ", b"\n"),
    *(b'"data:image/png;base64,AAAA",', b'"data:', b"A", b"https://example.com/,", b'{"path":', b"--b\r\n", b"\r\n"),
)
HOLES: Final = (
    b"%b",
    b'{"model":"flux-pro","inputs":{"prompt":"%b"},"userId":"u"}',
    b'{"model":"flux-lora","inputs":{"prompt":"x","loras":[%b]},"userId":"u"}',
    b'{"model":"nano-banana-edit","inputs":{"prompt":"x","image_urls":["%b"]},"userId":"u"}',
    b'{"model":"flux-dev","options":{%b},"inputs":{"prompt":"x"}}',
    b'{"model":"flux-pro","inputs":{%b}}',
    b'{"userId":"u","requests":[%b]}',
    b'{"userId":"u","requests":[{"model":"flux-pro","inputs":{%b}}]}',
    b'--b\r\nContent-Disposition: form-data; name="file"; filename="%b"\r\n\r\nx\r\n--b--\r\n',
)
PATHS: Final = (
    GENERATE,
    ESTIMATE,
    BATCH,
    UPLOADS,
    "/api/jobs/01ARZ3NDEKTSV4RRFFQ69G5FAV/retry",
    "/api/webhooks/fal/a/b",
)
TYPES: Final = ("application/json", "application/json", "multipart/form-data; boundary=b", "text/plain")


def a_body(number: int) -> Body:
    chance = random.Random(f"{SEED}/{number}")
    size = int(2 ** chance.uniform(10, 24.3))
    pieces = chance.choices(PIECES, k=chance.randint(1, 3))
    filling = b"".join(piece * (size // len(pieces) // len(piece)) for piece in pieces)
    content = chance.choice(HOLES).replace(b"%b", filling)
    return Body(f"{SEED}/{number}", chance.choice(PATHS), content, chance.choice(TYPES))


def send(port: int, body: Body) -> int:
    """The status; 0 if the service closed the connection before it had read everything."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request(
            "POST", body.path, body.content, {"Content-Type": body.content_type, "Prefer": "respond-async"}
        )
        answer = connection.getresponse()
        answer.read()
    except ConnectionError:
        return 0
    else:
        return answer.status
    finally:
        connection.close()


def peak(pid: int) -> float:
    found = re.search(r"VmHWM:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())
    assert found is not None
    return int(found[1]) / 1024


@pytest.mark.timeout(0)
async def test_no_body_blocks_the_event_loop(service: Service) -> None:
    port = service.client.base_url.port
    assert port is not None
    for number in range(BODIES):
        body, ticks, status = a_body(number), list[float](), 0
        while len(ticks) < 5 and min(ticks, default=1) > LONGEST_TICK:
            with metering() as meter:
                status = await asyncio.to_thread(send, port, body)
            ticks.append(meter.longest / slowness())

        assert status < 500, (body.name, status)
        assert min(ticks) <= LONGEST_TICK, (body.name, min(ticks))


@pytest.mark.timeout(0)
async def test_no_body_fills_the_memory(stack: Settings, tmp_path: Path) -> None:
    async with serving(stack, tmp_path) as process:
        port, pid = process.client.base_url.port, process.process.pid
        assert port is not None
        await process.client.get("/health/ready")
        idle = await asyncio.to_thread(peak, pid)
        uris = 0
        for number in range(BODIES):
            body = a_body(number)
            uris = max(uris, len(body.content) if b"data:" in body.content else 0)
            status = await asyncio.to_thread(send, port, body)
            over = await asyncio.to_thread(peak, pid) - idle - 4 * uris / 2**20

            assert status < 500, (body.name, status)
            assert over < MEMORY, (body.name, over)
