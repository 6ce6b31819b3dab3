"""A webhook receiver on loopback with planned responses, which keeps what it receives."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from time import monotonic
from typing import Any

from aiohttp import web
from standardwebhooks import Webhook


@dataclass(frozen=True, slots=True)
class Received:
    """A POST."""

    path: str
    headers: Mapping[str, str]
    body: bytes
    at: float = field(default_factory=monotonic)

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    def verified(self, secret: str) -> dict[str, Any]:
        """The payload, if the library accepts its signature with this secret."""
        return Webhook(secret).verify(self.body, {**self.headers})


@dataclass(slots=True)
class Receiver:
    """What was received, and the next responses: `answers` in order, then 204."""

    url: str
    received: list[Received] = field(default_factory=list[Received])
    answers: list[web.Response] = field(default_factory=list[web.Response])
    delay: float = 0
    endless: bool = False

    async def times(self, count: int, *, within: float = 40) -> list[Received]:
        """What was received, as soon as there are so many."""
        async with asyncio.timeout(within):
            while len(self.received) < count:
                await asyncio.sleep(0.02)
        return self.received

    async def take(self, request: web.Request) -> web.StreamResponse:
        self.received.append(Received(request.path_qs, dict(request.headers), await request.read()))
        await asyncio.sleep(self.delay)
        if self.endless:
            return await _without_end(request)
        return self.answers.pop(0) if self.answers else web.Response(status=204)


async def _without_end(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse()
    await response.prepare(request)
    while True:
        await response.write(b"x")
        await asyncio.sleep(0.2)


@asynccontextmanager
async def receiving() -> AsyncGenerator[Receiver]:
    """Listen on a free port of loopback."""
    receiver = Receiver("")
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", receiver.take)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    receiver.url = f"http://127.0.0.1:{runner.addresses[0][1]}/hook?token=of-the-caller"
    try:
        yield receiver
    finally:
        await runner.cleanup()
