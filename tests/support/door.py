"""A TCP proxy between the service and a server. Shut, the server is down; a response can be held back."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from pydantic import SecretStr


@dataclass(frozen=True, slots=True)
class Held:
    """A response that is held back: `came` is set when the server has sent it, `let_go` lets it through."""

    words: bytes
    came: asyncio.Event = field(default_factory=asyncio.Event)
    let_go: asyncio.Event = field(default_factory=asyncio.Event)


class Door:
    """Forwards a loopback port to another until it is shut. Shutting cuts every connection."""

    def __init__(self, target: int) -> None:
        self._target, self.port = target, 0
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.StreamWriter] = set()
        self._held: Held | None = None

    @contextmanager
    def holding(self, words: str) -> Generator[Held]:
        """Hold back the next response with these words, at most until the end of the block."""
        held = self._held = Held(words.encode())
        try:
            yield held
        finally:
            self._held = None
            held.let_go.set()

    async def open(self) -> None:
        """Accept connections, on the same port as before."""
        self._server = await asyncio.start_server(self._forward, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def shut(self) -> None:
        """Refuse connections, and cut the open ones."""
        if self._server is not None:
            self._server.close()
        for writer in tuple(self._connections):
            writer.transport.abort()
        await asyncio.sleep(0)

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", self._target)
        self._connections |= {writer, back}
        await asyncio.gather(_pump(reader, back, _at_once), _pump(there, writer, self._may_pass))
        self._connections -= {writer, back}

    async def _may_pass(self, answer: bytes) -> None:
        held = self._held
        if held is not None and held.words in answer:
            self._held = None
            held.came.set()
            await held.let_go.wait()


async def _at_once(_request: bytes) -> None:
    """Requests are not held back."""


async def _pump(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, may_pass: Callable[[bytes], Awaitable[None]]
) -> None:
    with suppress(OSError):
        while chunk := await reader.read(65536):
            await may_pass(chunk)
            writer.write(chunk)
            await writer.drain()
    with suppress(OSError):
        writer.close()
        await writer.wait_closed()


@asynccontextmanager
async def door(target: int) -> AsyncGenerator[Door]:
    """An open door to this port."""
    it = Door(target)
    await it.open()
    try:
        yield it
    finally:
        await it.shut()


def through(url: SecretStr | None, port: int) -> SecretStr:
    """The address of a server behind a door: its credentials and options, with the port of the door."""
    assert url is not None
    parts = urlsplit(url.get_secret_value())
    return SecretStr(parts._replace(netloc=f"{parts.netloc.rpartition(':')[0]}:{port}").geturl())
