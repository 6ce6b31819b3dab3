"""A thousand connections or hundreds of health checks cost the service little, and do not slow its callers."""

import asyncio
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import pytest

from imagegen.settings import Settings
from tests.support.processes import Running, peak_memory, serving
from tests.support.scraped import scrape
from tests.support.service import Service

MOST_MEMORY: Final = 64  # MiB for a thousand connections whose bodies, of almost 1 MiB each, do not end
HEAD: Final = b"POST /api/webhooks/fal/%b/%b HTTP/1.1\r\nHost: localhost\r\n%bContent-Length: 900000\r\n\r\n"
JOB: Final = b"01M8232K259GS0AHXP5V3YPEE3"
SIGNED: Final = (
    b"X-Fal-Webhook-Request-Id: a\r\nX-Fal-Webhook-User-Id: b\r\nX-Fal-Webhook-Timestamp: %d\r\n"
    b"X-Fal-Webhook-Signature: 00\r\n"
)


async def flood_webhooks(running: Running, count: int) -> Sequence[bytes]:
    """Open so many webhooks, send as much of each body as is read within two seconds, and complete none."""
    url = running.client.base_url
    now = int(datetime.now(UTC).timestamp())

    async def one(number: int, opened: AsyncExitStack) -> bytes:
        reader, writer = await asyncio.open_connection(url.host, url.port)
        opened.callback(writer.close)
        signed = SIGNED % now if number % 2 else b""
        try:
            writer.write(HEAD % (JOB, b"0" * 32, signed))
            async with asyncio.timeout(30):
                answer = await reader.readline()
            for _ in range(20 if number % 4 < 2 else 1):  # large, and slow
                writer.write(b" " * 40_000)
                async with asyncio.timeout(2):
                    await writer.drain()
        except (OSError, TimeoutError):
            return b"closed"
        return answer

    async with AsyncExitStack() as opened:
        return await asyncio.gather(*(one(number, opened) for number in range(count)))


@pytest.mark.parametrize("public_url", ["", "https://imagegen.example.com"])
async def test_thousand_unfinished_webhooks_hold_little_memory(
    stack: Settings, tmp_path: Path, public_url: str
) -> None:
    more = {"PUBLIC_URL": public_url} if public_url else {}
    async with serving(stack, tmp_path, more) as process:
        await process.client.get("/health/ready")
        idle = await asyncio.to_thread(peak_memory, process.process.pid)
        answers = await flood_webhooks(process, 1000)
        over = await asyncio.to_thread(peak_memory, process.process.pid) - idle
        after = await process.client.get("/health/live")

    assert over < MOST_MEMORY, over
    assert answers.count(b"HTTP/1.1 404 Not Found\r\n") > 500, answers[:5]
    assert after.status_code == 200


async def timed_generate(service: Service) -> float:
    began = time.monotonic()
    answer = await service.generate()
    assert answer.status_code == 200, answer.text
    return time.monotonic() - began


async def look(service: Service) -> bytes:
    """One health check that costs this process little."""
    url = service.client.base_url
    reader, writer = await asyncio.open_connection(url.host, url.port)
    writer.write(b"GET /health/ready HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    status = await reader.readline()
    writer.close()
    return status


async def looks_at_fal(service: Service) -> float:
    return (await scrape(service.client)).value("upstream_requests_total", "fal", "status", "refused") or 0


async def test_health_checks_do_not_slow_requests_or_reach_fal(service: Service) -> None:
    before = await looks_at_fal(service)
    alone = min([await timed_generate(service) for _ in range(3)])
    began = time.monotonic()
    beside, checks = await asyncio.gather(timed_generate(service), asyncio.gather(*(look(service) for _ in range(400))))
    seconds = time.monotonic() - began
    asked = await looks_at_fal(service) - before

    assert set(checks) == {b"HTTP/1.1 200 OK\r\n"}
    assert beside < 3 * alone + 3, (beside, alone)
    assert asked <= seconds + 3
