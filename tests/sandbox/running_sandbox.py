"""A sandbox in its own process, and a caller with its own key."""

import asyncio
import io
import socket
import subprocess
import sys
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import httpx
from PIL import Image

Json = dict[str, Any]
FLUX: Final = "fal-ai/flux/dev"
NANO: Final = "fal-ai/nano-banana-pro/edit"
QUICK: Final = ("--loopback-only", "--keep-alive", "0.1", "--queue-seconds", "0", "--generation-seconds", "0")
IN_QUEUE: Final = {"fault": "latency", "queue": 60, "generation": 0}
RUNNING: Final = {"fault": "latency", "queue": 0, "generation": 60}


@dataclass(frozen=True, slots=True)
class RunningSandbox:
    """A running sandbox."""

    url: str
    process: "subprocess.Popen[bytes]"


@dataclass(frozen=True, slots=True)
class Caller:
    """A client with a key."""

    http: httpx.AsyncClient
    key: str = field(default_factory=lambda: f"{uuid4().hex}:secret")

    @property
    def auth(self) -> dict[str, str]:
        return {"authorization": f"Key {self.key}"}

    async def submit(self, body: object, endpoint: str = FLUX, **headers: str) -> httpx.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.http.post(f"/{endpoint}", json=body, headers={**self.auth, **named})

    async def get(self, url: str) -> httpx.Response:
        return await self.http.get(url, headers=self.auth)

    async def cancel(self, submitted: Json) -> httpx.Response:
        return await self.http.put(submitted["cancel_url"], headers=self.auth)

    async def ended(self, submitted: Json) -> Json:
        """The last status in a request's stream: COMPLETED."""
        events = (await self.get(f"{submitted['status_url']}/stream")).text.split("\n\n")
        return parsed_events(events)[-1]

    async def result(self, submitted: Json) -> httpx.Response:
        await self.ended(submitted)
        return await self.get(submitted["response_url"])

    async def generate(self, body: object, endpoint: str = FLUX) -> httpx.Response:
        return await self.result((await self.submit(body, endpoint)).json())

    async def image(self, body: object, endpoint: str = FLUX) -> Image.Image:
        """The first image, downloaded and decoded."""
        result = (await self.generate(body, endpoint)).json()
        item = result.get("image") or result["images"][0]
        return decoded((await self.http.get(item["url"])).content)

    async def image_url(self) -> str:
        return (await self.generate({"prompt": "a hill", "seed": 1})).json()["images"][0]["url"]

    async def plan(self, *faults: Mapping[str, object]) -> httpx.Response:
        return await self.http.put("/_sandbox/faults", json={"key": self.key, "faults": faults})

    async def ledger(self) -> Json:
        return (await self.http.get("/_sandbox/requests", params={"key": self.key})).json()


def decoded(data: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(data))
    image.load()
    return image


def parsed_events(blocks: list[str]) -> list[Json]:
    return [httpx.Response(200, text=block[6:]).json() for block in blocks if block.startswith("data: ")]


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return listening.getsockname()[1]


@asynccontextmanager
async def running(data: Path, *options: str) -> AsyncGenerator[RunningSandbox]:
    """A sandbox with this directory on a free port; killed at the end if it still runs."""
    port = free_port()
    command = [sys.executable, "-m", "imagegen.sandbox", "--port", str(port), "--data", str(data), *options]
    process = subprocess.Popen(command)  # noqa: ASYNC220, S603 - the tests' own command, and spawning takes a moment
    try:
        await _healthy(f"http://127.0.0.1:{port}")
        yield RunningSandbox(f"http://127.0.0.1:{port}", process)
    finally:
        process.kill()
        await asyncio.to_thread(process.wait)


async def _healthy(url: str) -> None:
    async with httpx.AsyncClient(trust_env=False) as client, asyncio.timeout(30):
        while True:
            with suppress(httpx.TransportError):
                (await client.get(f"{url}/_sandbox/health")).raise_for_status()
                return
            await asyncio.sleep(0.02)


async def raw_exchange(caller: Caller, method: str, path: str, body: bytes = b"") -> bytes:
    """The bytes received until the end; a reset raises ConnectionResetError."""
    host, port = caller.http.base_url.host, caller.http.base_url.port
    reader, writer = await asyncio.open_connection(host, port)
    head = f"{method} {path} HTTP/1.1\r\nHost: {host}:{port}\r\nAuthorization: Key {caller.key}\r\n"
    writer.write(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
    try:
        async with asyncio.timeout(5):
            return await reader.read()
    finally:
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()
