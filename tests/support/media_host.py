"""A media host that serves images with every kind of fault."""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Literal, Self
from uuid import uuid4

Framing = Literal["length", "chunked", "close"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """A response of the media host."""

    blocks: Callable[[], Iterable[bytes]]
    length: int
    framing: Framing = "length"
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    cut_at: int | None = None
    stall_at: int | None = None

    def head(self) -> bytes:
        framing = {
            "length": f"Content-Length: {self.length}\r\n",
            "chunked": "Transfer-Encoding: chunked\r\n",
            "close": "Connection: close\r\n",
        }[self.framing]
        others = "".join(f"{name}: {value}\r\n" for name, value in self.headers.items())
        return f"HTTP/1.1 {self.status} X\r\n{framing}{others}\r\n".encode()

    async def send(self, writer: asyncio.StreamWriter) -> None:
        writer.write(self.head())
        sent = 0
        for whole in self.blocks():
            block = whole if self.cut_at is None else whole[: self.cut_at - sent]
            writer.write(b"%x\r\n%b\r\n" % (len(block), block) if self.framing == "chunked" and block else block)
            await writer.drain()
            sent += len(block)
            if sent == self.cut_at:
                return
            if self.stall_at is not None and sent >= self.stall_at:
                await asyncio.sleep(3600)
        if self.framing == "chunked":
            writer.write(b"0\r\n\r\n")
        await writer.drain()


class MediaHost:
    """A loopback HTTP server with planned responses; one request per connection unless it is kept alive."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, dict[str, str]]] = []
        self.connections = 0
        self._replies: dict[str, list[Reply]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @property
    def address(self) -> str:
        assert self._server is not None
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    def serves(
        self,
        body: bytes | Callable[[], Iterable[bytes]],
        *,
        length: int | None = None,
        framing: Framing = "length",
        status: int = 200,
        headers: Mapping[str, str] | None = None,
        cut_at: int | None = None,
        stall_at: int | None = None,
        path: str | None = None,
    ) -> str:
        """Serve these bytes at a new URL: declared longer than they are, cut off, or stalling where asked."""
        blocks = body if callable(body) else lambda: (body,)
        reply = Reply(
            blocks=blocks,
            length=sum(map(len, blocks())) if length is None else length,
            framing=framing,
            status=status,
            headers=headers or {},
            cut_at=cut_at,
            stall_at=stall_at,
        )
        path = path or f"/files/{uuid4().hex}"
        self._replies[path] = [reply]
        return f"{self.address}{path}"

    def serves_in_turn(self, *urls: str) -> str:
        """A new URL that leads to what each of these serves, one after the other, and then to the last."""
        path = f"/files/{uuid4().hex}"
        self._replies[path] = [self._replies[url.removeprefix(self.address)][0] for url in urls]
        return f"{self.address}{path}"

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.connections += 1
        try:
            with suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
                while await self._answer(reader, writer):
                    pass
        finally:
            self._tasks.discard(task)
            writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        path = first.split(" ")[1].partition("?")[0]
        self.requests.append((path, {n.lower(): v for n, _, v in (line.partition(": ") for line in lines if line)}))
        replies = self._replies[path]
        reply = replies.pop(0) if len(replies) > 1 else replies[0]
        await reply.send(writer)
        return reply.framing != "close" and reply.cut_at is None
