"""A client with a key of its own at the sandbox, and a server that sends prepared responses."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final
from uuid import uuid4

import httpx
from pydantic import SecretStr

from imagegen.fal import FalClient, FalTimeouts, Progress
from imagegen.jobs import ProviderRequest
from imagegen.json_object import JsonObject
from imagegen.net.http import Sender
from imagegen.settings import FalSettings

ENDPOINT: Final = "fal-ai/flux/dev"
SMALL: Final[JsonObject] = {"prompt": "a fox", "seed": 1, "image_size": {"width": 64, "height": 64}}
QUICK: Final = FalTimeouts(
    read=timedelta(seconds=2),
    first_poll=timedelta(seconds=0.02),
    max_poll=timedelta(seconds=0.1),
    first_safety_poll=timedelta(seconds=20),
    safety_poll=timedelta(seconds=20),
    stream_silence=timedelta(seconds=5),
)


def takes(queue: float = 0, generation: float = 0) -> dict[str, object]:
    """The sandbox fault that makes requests take this many seconds."""
    return {"fault": "latency", "queue": queue, "generation": generation}


@dataclass(frozen=True)
class ProgressRecorder:
    """Records the progress that a wait reports."""

    progress: list[Progress] = field(default_factory=list[Progress])
    any: asyncio.Event = field(default_factory=asyncio.Event)

    async def __call__(self, progress: Progress) -> None:
        self.progress.append(progress)
        self.any.set()


@dataclass(frozen=True, kw_only=True)
class Bench:
    """An account at the sandbox."""

    settings: FalSettings
    pool: Sender
    http: httpx.AsyncClient

    def fal(self, timeouts: FalTimeouts = QUICK, streams: int = 0) -> FalClient:
        return FalClient(self.settings, self.pool, timeouts, streams=streams)

    @property
    def key(self) -> str:
        assert self.settings.key
        return self.settings.key.get_secret_value()

    async def plan(self, *faults: dict[str, object]) -> None:
        response = await self.http.put("/_sandbox/faults", json={"key": self.key, "faults": faults})
        assert response.status_code == 200, response.text

    async def rows(self) -> list[dict[str, Any]]:
        return (await self.http.get("/_sandbox/requests", params={"key": self.key})).json()["requests"]

    async def reads(self, request: ProviderRequest) -> tuple[int, int, int]:
        """How often the request's stream, status and result were read."""
        (row,) = [row for row in await self.rows() if row["request_id"] == request.request_id]
        return row["reads"]["stream"], row["reads"]["status"], row["reads"]["result"]


@asynccontextmanager
async def opened(fal: FalSettings, pool: Sender) -> AsyncGenerator[Bench]:
    settings = fal.model_copy(update={"key": SecretStr(f"{uuid4().hex}:secret")})
    async with httpx.AsyncClient(base_url=fal.queue_url, trust_env=False) as http:
        yield Bench(settings=settings, pool=pool, http=http)


@dataclass
class Received:
    """The requests that a server received: first line, headers and body of each."""

    url: str = ""
    lines: list[str] = field(default_factory=list[str])
    headers: list[dict[str, str]] = field(default_factory=list[dict[str, str]])
    bodies: list[bytes] = field(default_factory=list[bytes])
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def until(self, count: int) -> None:
        async with asyncio.timeout(30), self.changed:
            await self.changed.wait_for(lambda: len(self.lines) >= count)


Respond = Callable[[Received, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def serving(respond: Respond) -> AsyncGenerator[Received]:
    """A server that reads one request per connection and lets `respond` write the response."""
    received = Received()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, asyncio.IncompleteReadError):
            await _read(received, reader)
            await respond(received, writer)
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    received.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield received
    finally:
        server.close()


async def _read(received: Received, reader: asyncio.StreamReader) -> None:
    head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
    headers = dict(line.split(": ", 1) for line in head[1:] if line)
    lower = {name.lower(): value for name, value in headers.items()}
    body = await reader.readexactly(int(lower.get("content-length", "0")))
    async with received.changed:
        received.lines.append(head[0])
        received.headers.append(headers)
        received.bodies.append(body)
        received.changed.notify_all()


def http(status: str, body: str = "", content_type: str = "application/json") -> bytes:
    head = f"HTTP/1.1 {status}\r\nContent-Length: {len(body.encode())}\r\nContent-Type: {content_type}"
    return f"{head}\r\nConnection: close\r\n\r\n{body}".encode()


def one_after_another(*responses: bytes) -> Respond:
    """Return the next response to each request, repeating the last one."""
    left = list(responses)

    async def respond(_: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(left.pop(0) if len(left) > 1 else left[0])

    return respond


def request_at(url: str) -> ProviderRequest:
    base = f"{url}/fal-ai/flux/requests/r-1"
    return ProviderRequest(
        request_id="r-1", status_url=f"{base}/status", response_url=base, cancel_url=f"{base}/cancel"
    )
