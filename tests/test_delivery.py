"""What counts as delivered, over real connections."""

import asyncio
import inspect
import socket
import struct
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import uvicorn
import uvloop
from starlette.types import Receive, Scope, Send

from imagegen.api.http.delivery import delivery_of
from imagegen.api.http.protocol import http_protocol
from imagegen.settings import LimitSettings

LARGE = 8 * 1024 * 1024  # more than the buffers of a socket hold
RESET = struct.pack("ii", 1, 0)


def on_each_loop(test: Callable[..., Coroutine[None, None, None]]) -> Callable[..., None]:
    """Run a test on a loop of its own of each kind: they tell a protocol of the end of a connection differently."""

    def run(loop: Callable[[], asyncio.AbstractEventLoop], **values: object) -> None:
        with asyncio.Runner(loop_factory=loop) as runner:
            runner.run(test(**values))

    given = inspect.signature(run).parameters["loop"], *inspect.signature(test).parameters.values()
    run.__name__, run.__doc__ = test.__name__, test.__doc__
    run.__dict__.update(vars(test))
    run.__signature__ = inspect.Signature(list(given))  # pyright: ignore[reportFunctionMemberAccess] - read by pytest
    return pytest.mark.parametrize("loop", [asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])(
        run
    )


@dataclass(slots=True)
class App:
    """Answers with `size` bytes once `go` is set, and notes the outcome of each delivery."""

    size: int = 100
    go: asyncio.Event = field(default_factory=asyncio.Event)
    asked: asyncio.Event = field(default_factory=asyncio.Event)
    outcomes: list[bool] = field(default_factory=list[bool])

    async def __call__(self, scope: Scope, _receive: Receive, send: Send) -> None:
        assert scope["type"] == "http"
        delivery = delivery_of(scope, self)
        self.asked.set()
        await self.go.wait()
        head = [(b"content-length", str(self.size).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": head})
        await send({"type": "http.response.body", "body": bytes(self.size)})
        delivery.sent()

    def delivered(self) -> None:
        self.outcomes.append(True)

    def lost(self) -> None:
        self.outcomes.append(False)

    async def outcome(self, number: int = 1) -> bool:
        async with asyncio.timeout(10):
            while len(self.outcomes) < number:
                await asyncio.sleep(0.005)
        return self.outcomes[number - 1]


@asynccontextmanager
async def serving(app: App) -> AsyncGenerator[tuple[str, int]]:
    config = uvicorn.Config(
        app,  # pyright: ignore[reportArgumentType] - an ASGI application
        http=http_protocol(LimitSettings(), most=100),
        port=0,
        log_config=None,
        lifespan="off",
    )
    server = uvicorn.Server(config)
    listener = socket.create_server(("127.0.0.1", 0))
    task = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        yield listener.getsockname()
    finally:
        server.should_exit = server.force_exit = True
        await task


@asynccontextmanager
async def connected(place: tuple[str, int]) -> AsyncGenerator[socket.socket]:
    peer = socket.socket()
    peer.settimeout(0)
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
    await asyncio.get_running_loop().sock_connect(peer, place)
    try:
        yield peer
    finally:
        peer.close()


async def ask(peer: socket.socket, app: App, extra: str = "", version: str = "1.1") -> None:
    text = f"GET / HTTP/{version}\r\nHost: x\r\n{extra}\r\n"
    await asyncio.get_running_loop().sock_sendall(peer, text.encode())
    async with asyncio.timeout(10):
        await app.asked.wait()
    app.asked.clear()


async def read(peer: socket.socket, size: int) -> None:
    left = size
    async with asyncio.timeout(20):
        while left > 0:
            got = await asyncio.get_running_loop().sock_recv(peer, 1 << 16)
            assert got
            left -= len(got)


def reset(peer: socket.socket) -> None:
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    peer.close()


@on_each_loop
async def test_peer_that_stays_has_the_response() -> None:
    app = App()
    async with serving(app) as place, connected(place) as peer:
        await ask(peer, app)
        app.go.set()
        await read(peer, app.size)
        assert app.outcomes == []

        assert await app.outcome()


@on_each_loop
async def test_peer_that_reads_and_closes_has_the_response_at_once() -> None:
    app = App()
    async with serving(app) as place, connected(place) as peer:
        await ask(peer, app)
        app.go.set()
        await read(peer, app.size + 50)
        began = asyncio.get_running_loop().time()
        peer.close()

        assert await app.outcome()
        assert asyncio.get_running_loop().time() - began < 0.2


@on_each_loop
async def test_next_request_shows_that_the_response_has_arrived() -> None:
    app = App()
    async with serving(app) as place, connected(place) as peer:
        await ask(peer, app)
        app.go.set()
        await read(peer, app.size)
        await ask(peer, app)

        assert await app.outcome()
        assert await app.outcome(2)


@pytest.mark.parametrize("leave", [socket.socket.close, reset])
@on_each_loop
async def test_peer_that_leaves_before_the_response_is_lost_at_once(leave: Callable[[socket.socket], None]) -> None:
    app = App()
    async with serving(app) as place, connected(place) as peer:
        await ask(peer, app)
        leave(peer)

        assert not await app.outcome()
        app.go.set()
        await asyncio.sleep(0.3)
        assert app.outcomes == [False]


@pytest.mark.parametrize("leave", [socket.socket.close, reset])
@pytest.mark.parametrize("read_bytes", [0, 100_000])
@on_each_loop
async def test_peer_that_leaves_within_the_response_is_lost(
    leave: Callable[[socket.socket], None], read_bytes: int
) -> None:
    app = App(size=LARGE)
    async with serving(app) as place, connected(place) as peer:
        await ask(peer, app)
        app.go.set()
        await read(peer, read_bytes)
        leave(peer)

        assert not await app.outcome()


@on_each_loop
async def test_peer_that_never_reads_is_not_delivered_to() -> None:
    app = App(size=LARGE)
    async with serving(app) as place, connected(place) as peer:
        await ask(peer, app)
        app.go.set()
        await asyncio.sleep(0.8)
        assert app.outcomes == []

        reset(peer)
        assert not await app.outcome()


@on_each_loop
async def test_unread_response_is_lost_with_its_process() -> None:
    """A killed client's kernel answers with a reset if it had not read everything."""
    app = App()
    async with serving(app) as place, connected(place) as peer:
        await ask(peer, app)
        app.go.set()
        await asyncio.sleep(0.1)
        peer.close()

        assert not await app.outcome()


@pytest.mark.parametrize(("version", "extra"), [("1.1", "Connection: close\r\n"), ("1.0", "")])
@pytest.mark.parametrize("size", [100, LARGE])
@on_each_loop
async def test_response_on_a_connection_that_closes_after_it(version: str, extra: str, size: int) -> None:
    """A proxy that speaks HTTP/1.0 reads to the end of the stream, which must come at once."""
    app = App(size=size)
    async with serving(app) as place, connected(place) as peer:
        await ask(peer, app, extra, version)
        app.go.set()
        received = 0
        async with asyncio.timeout(20):
            while got := await asyncio.get_running_loop().sock_recv(peer, 1 << 16):
                received += len(got)
        peer.close()

        assert received > size
        assert await app.outcome()


@pytest.mark.parametrize("size", [100, LARGE])
@on_each_loop
async def test_lost_response_on_a_connection_that_closes_after_it(size: int) -> None:
    app = App(size=size)
    async with serving(app) as place, connected(place) as peer:
        await ask(peer, app, "Connection: close\r\n")
        app.go.set()
        await asyncio.sleep(0.1)
        reset(peer)

        assert not await app.outcome()


def descriptors() -> int:
    return len([*Path("/proc/self/fd").iterdir()])


@on_each_loop
async def test_no_descriptor_is_left() -> None:
    app = App()
    app.go.set()
    async with serving(app) as place:
        before: list[int] = []
        for number in range(20):
            async with connected(place) as peer:
                await ask(peer, app, "Connection: close\r\n")
                await read(peer, app.size)
                reset(peer) if number % 2 else peer.close()
            await app.outcome(number + 1)
            before = before or [descriptors()]  # a loop opens some of its own for the first connection
        await asyncio.sleep(0.1)

        assert [descriptors()] <= before
