"""Readers of images: bounded in number, memory and patience, and apart from the transfers of jobs."""

import asyncio
import re
import socket
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Final

import httpx
import pytest

from imagegen.settings import LimitSettings, Settings
from tests.support.door import door
from tests.support.made_images import at_fal, made, made_by
from tests.support.processes import serving
from tests.support.scraped import scrape
from tests.support.service import Sandbox, running
from tests.support.specimens import picture

LARGE: Final = picture("bmp", (1700, 1700))  # 8 MiB; encoding a PNG of it takes a second
JPEG: Final = picture("jpeg")


def limited(own: Settings, downloads: int, **service: int) -> Settings:
    more = own.service.model_copy(update=service)
    return own.model_copy(update={"limits": LimitSettings(max_downloads=downloads), "service": more})


@asynccontextmanager
async def stalled(link: str, base: httpx.URL) -> AsyncGenerator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A reader that has the head of the response, and takes hardly anything of the body."""
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.settimeout(0)
    await asyncio.get_running_loop().sock_connect(connection, (base.host, base.port or 80))
    reader, writer = await asyncio.open_connection(sock=connection, limit=2048)
    try:
        writer.write(f"GET {link} HTTP/1.1\r\nHost: {base.host}:{base.port}\r\n\r\n".encode())
        assert (await reader.readline()).split()[1] == b"200"
        yield reader, writer
    finally:
        writer.close()


async def rest_of(reader: asyncio.StreamReader) -> int | type[Exception]:
    """How many bytes are left until the connection ends in order, or by which error it ends."""
    received = 0
    try:
        while chunk := await reader.read(2**20):
            received += len(chunk)
    except OSError as error:
        return type(error)
    return received


async def test_readers_beyond_the_limit_are_refused(own: Settings, sandbox: Sandbox) -> None:
    async with running(limited(own, 4)) as service, AsyncExitStack() as readers:
        link = (await made(service, sandbox, await at_fal(sandbox, LARGE)))["images"][0]["link"]
        base = service.client.base_url
        opened = [await readers.enter_async_context(stalled(link, base)) for _ in range(3)]
        refused = await service.client.get(link)
        head = await service.client.head(link)
        metrics = await scrape(service.client)
        for _, writer in opened:
            writer.transport.abort()
        async with asyncio.timeout(20):
            while (again := await service.client.get(link)).status_code == 503:
                await asyncio.sleep(0.05)

    assert (refused.status_code, refused.json()["code"], refused.headers["retry-after"]) == (
        503,
        "too_many_downloads",
        "5",
    )
    assert (head.status_code, again.status_code, again.content == LARGE) == (200, 200, True)
    assert metrics.value("http_downloads_open") == 3


async def test_attachment_of_a_permalink_holds_a_slot_too(own: Settings, sandbox: Sandbox) -> None:
    svg = b"<svg xmlns='http://www.w3.org/2000/svg'/>"
    async with running(limited(own, 1)) as service, AsyncExitStack() as readers:
        job = await made(service, sandbox, await at_fal(sandbox, LARGE), await at_fal(sandbox, svg))
        reader, writer = await readers.enter_async_context(stalled(job["images"][0]["link"], service.client.base_url))
        refused = await service.client.get(job["images"][1]["permalink"])
        writer.transport.abort()
        async with asyncio.timeout(20):
            while (again := await service.client.get(job["images"][1]["permalink"])).status_code == 503:
                await asyncio.sleep(0.05)

    assert (refused.json()["code"], again.content) == ("too_many_downloads", svg)
    assert not reader.at_eof()


async def test_reader_whose_bucket_breaks_off_is_reset(own: Settings, sandbox: Sandbox) -> None:
    assert own.s3.endpoint_url is not None
    async with door(int(own.s3.endpoint_url.rpartition(":")[2])) as s3:
        behind = own.s3.model_copy(update={"endpoint_url": f"http://127.0.0.1:{s3.port}"})
        async with running(own.model_copy(update={"s3": behind})) as service:
            link = (await made(service, sandbox, await at_fal(sandbox, LARGE)))["images"][0]["link"]
            async with stalled(link, service.client.base_url) as (reader, _):
                await s3.shut()
                async with asyncio.timeout(20):
                    left = await rest_of(reader)
            await s3.open()
            again = await service.client.get(link)

    assert left is ConnectionResetError
    assert again.content == LARGE


@pytest.mark.slow
async def test_slow_readers_are_cut_and_hold_no_job_up(
    own: Settings, sandbox: Sandbox, caplog: pytest.LogCaptureFixture
) -> None:
    """They hold more connections than the transfers have."""
    caplog.set_level("INFO")
    async with running(limited(own, 64, concurrency=1)) as service, AsyncExitStack() as readers:
        link = (await made(service, sandbox, await at_fal(sandbox, LARGE)))["images"][0]["link"]
        await sandbox.behaves()
        opened = [await readers.enter_async_context(stalled(link, service.client.base_url)) for _ in range(30)]
        async with asyncio.timeout(9):
            job = (await service.generate()).json()
        still_open = (await scrape(service.client)).value("http_downloads_open")
        async with asyncio.timeout(60):
            while (await scrape(service.client)).value("http_downloads_open"):
                await asyncio.sleep(0.2)
            ends = await asyncio.gather(*(rest_of(reader) for reader, _ in opened))
        metrics = await scrape(service.client)

    assert (job["status"], still_open) == ("completed", 30)
    assert {*ends} == {ConnectionResetError}
    assert metrics.value("http_slow_readers_cut_total") == 30
    assert "too slow" in caplog.text
    assert [record for record in caplog.records if record.levelname in {"WARNING", "ERROR"}] == []


@pytest.mark.slow
@pytest.mark.usefixtures("service")  # which makes the bucket
async def test_two_hundred_readers_take_little_memory(own: Settings, sandbox: Sandbox, tmp_path: Path) -> None:
    async with serving(own, tmp_path, {"IMAGEGEN_MAX_DOWNLOADS": "300"}) as serve, AsyncExitStack() as readers:
        link = (await made_by(serve.client, sandbox, await at_fal(sandbox, LARGE)))["images"][0]["link"]
        await serve.client.get(link)  # opens the connections of readers
        before = resident(serve.process.pid)
        for _ in range(200):
            await readers.enter_async_context(stalled(link, serve.client.base_url))
        await asyncio.sleep(1)
        during = resident(serve.process.pid)
        another = await serve.client.get(link)

    assert another.content == LARGE
    assert during - before < 200  # MiB: less than one for each, of images of 8 MiB


def resident(pid: int) -> float:
    """The memory of a process, in MiB."""
    found = re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())
    assert found is not None
    return int(found[1]) / 1024
