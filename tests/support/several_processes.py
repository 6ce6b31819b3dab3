"""`imagegen serve --processes`, its processes, and which of them has a connection."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil

from imagegen.settings import Settings
from tests.support.processes import Running, answers, environment, free_port, imagegen


def children(running: Running) -> Sequence[psutil.Process]:
    """The processes that answer requests, oldest first."""
    found = psutil.Process(running.process.pid).children()
    return sorted((each for each in found if "serve-process" in each.cmdline()), key=psutil.Process.create_time)


@asynccontextmanager
async def sharing(settings: Settings, directory: Path, processes: int = 2, **more: str) -> AsyncGenerator[Running]:
    """Run `imagegen serve --processes`, and wait until all of them are there."""
    port = free_port()
    arguments = ("serve", "--port", str(port), "--processes", str(processes))
    async with imagegen(*arguments, environ=environment(settings) | more, directory=directory, port=port) as running:
        await answers(running, within=60)
        async with asyncio.timeout(60):
            while b"is ready at" not in await asyncio.to_thread((directory / "serve.log").read_bytes):
                await asyncio.sleep(0.05)
        yield running


@dataclass(frozen=True, slots=True)
class Caller:
    """A client with one open connection, and the port from which it comes."""

    client: httpx.AsyncClient
    port: int


@asynccontextmanager
async def clients(running: Running, count: int) -> AsyncGenerator[Sequence[Caller]]:
    """So many connected callers."""
    async with AsyncExitStack() as stack:
        callers = list[Caller]()
        for _ in range(count):
            client = await stack.enter_async_context(httpx.AsyncClient(base_url=running.client.base_url, timeout=60))
            answer = await client.get("/health/live")
            _, port = answer.extensions["network_stream"].get_extra_info("client_addr")
            callers.append(Caller(client, port))
        yield callers


def owner(processes: Sequence[psutil.Process], caller: Caller) -> psutil.Process:
    """The process that accepted this connection."""
    (found,) = [
        process
        for process in processes
        if any(each.raddr and each.raddr.port == caller.port for each in process.net_connections("tcp"))
    ]
    return found


async def logged(directory: Path, text: str, times: int = 1) -> str:
    """Wait until the log has the text so often. Returns the log."""
    async with asyncio.timeout(60):
        while (log := await asyncio.to_thread((directory / "serve.log").read_text)).count(text) < times:
            await asyncio.sleep(0.05)
    return log
