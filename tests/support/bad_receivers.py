"""Webhook receivers that behave badly, each on a loopback port."""

import asyncio
import socket
import threading
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any, Final

from aiohttp.abc import AbstractResolver, ResolveResult
from typing_extensions import override

Answer = Callable[[asyncio.StreamWriter], Awaitable[None]]


async def _nothing(_writer: asyncio.StreamWriter) -> None:
    await asyncio.sleep(600)


async def _slow_headers(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\n")
    while True:
        writer.write(b"X-More: x\r\n")
        await writer.drain()
        await asyncio.sleep(0.5)


async def _endless_headers(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\n")
    while True:
        writer.write(b"X-More: " + b"x" * 8000 + b"\r\n")
        await writer.drain()


async def _endless_interim_answers(writer: asyncio.StreamWriter) -> None:
    while True:
        writer.write(b"HTTP/1.1 103 Early Hints\r\n\r\n")
        await writer.drain()
        await asyncio.sleep(0.1)


async def _slow_body(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 500 Oh\r\nContent-Length: 100\r\n\r\n")
    while True:
        writer.write(b"x")
        await writer.drain()
        await asyncio.sleep(0.5)


async def _endless_body(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 500 Oh\r\nContent-Length: 100000000000\r\n\r\n")
    while True:
        writer.write(b"x" * 65536)
        await writer.drain()


async def _no_http(writer: asyncio.StreamWriter) -> None:
    writer.write(b"\x00\xff" * 50_000)
    await writer.drain()


BAD: Final[dict[str, Answer]] = {
    "silent": _nothing,
    "slow headers": _slow_headers,
    "endless headers": _endless_headers,
    "endless interim answers": _endless_interim_answers,
    "slow body": _slow_body,
    "endless body": _endless_body,
    "no http": _no_http,
}


@asynccontextmanager
async def behaving(answer: Answer) -> AsyncGenerator[int]:
    """Run a receiver that accepts every connection and responds like this. Yields its port."""
    served = set[asyncio.Task[None]]()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        served.add(task)
        try:
            with suppress(OSError, asyncio.CancelledError):
                await reader.read(100)
                await answer(writer)
        finally:
            served.discard(task)
            writer.transport.abort()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, backlog=2000)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in served:
            task.cancel()


class HangingNames:
    """A `getaddrinfo` that hangs for names that end in `hangs.example`, and resolves `good.example` to 127.0.0.1."""

    def __init__(self) -> None:
        self.end = threading.Event()
        self._others = socket.getaddrinfo

    def __call__(self, host: str, port: int, *more: Any, **named: Any) -> list[Any]:
        if host.endswith("hangs.example"):
            self.end.wait()
            raise socket.gaierror(socket.EAI_AGAIN, "no answer")
        return self._others("127.0.0.1" if host == "good.example" else host, port, *more, **named)


class Loopback(AbstractResolver):
    """A resolver in which every name is 127.0.0.1."""

    @override
    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        return [ResolveResult(hostname=host, host="127.0.0.1", port=port, family=socket.AF_INET, proto=0, flags=0)]

    @override
    async def close(self) -> None:
        pass
