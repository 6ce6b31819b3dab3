"""fal's clients repeat a request without a mark: each wish is paid for once, whenever the connection is lost."""

import asyncio
import json
import socket
import struct
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any, Final
from uuid import uuid4

import pytest

from tests.support.service import Sandbox, Service

RUN: Final = "/fal/run/fal-ai/flux-pro/v1.1"
QUEUE: Final = "/fal/queue/fal-ai/flux-pro/v1.1"
SLOW: Final = {"fault": "latency", "generation": 1}
_RESET: Final = struct.pack("ii", 1, 0)


@pytest.fixture
def body() -> dict[str, Any]:
    return {"prompt": f"A fox {uuid4().hex}"}


@asynccontextmanager
async def sent(
    service: Service, path: str, body: dict[str, Any], token: str | None = None
) -> AsyncGenerator[socket.socket]:
    """A connection over which a request was sent, and nothing was read."""
    text = json.dumps(body).encode()
    lines = (
        f"POST {path} HTTP/1.1",
        "Host: localhost",
        f"Authorization: {f'Key {token}' if token else service.client.headers['Authorization']}",
        "Content-Type: application/json",
        f"Content-Length: {len(text)}",
    )
    peer = socket.socket()
    peer.settimeout(0)
    loop = asyncio.get_running_loop()
    await loop.sock_connect(peer, ("127.0.0.1", service.client.base_url.port))
    await loop.sock_sendall(peer, "\r\n".join(lines).encode() + b"\r\n\r\n" + text)
    try:
        yield peer
    finally:
        peer.close()


def reset(peer: socket.socket) -> None:
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    peer.close()


async def paid(sandbox: Sandbox, body: dict[str, Any], *, at_least: int = 0) -> int:
    """How many requests with this prompt fal has accepted."""
    async with asyncio.timeout(15):
        while True:
            found = [each for each in await sandbox.requests() if body["prompt"] in json.dumps(each)]
            if len(found) >= at_least:
                return len(found)
            await asyncio.sleep(0.05)


async def read_some(peer: socket.socket, size: int) -> bytes:
    async with asyncio.timeout(30):
        return await asyncio.get_running_loop().sock_recv(peer, size)


@pytest.mark.parametrize("leave", [socket.socket.close, reset])
async def test_run_that_is_lost_while_it_generates(
    service: Service, sandbox: Sandbox, body: dict[str, Any], leave: Any
) -> None:
    await sandbox.misbehaves(SLOW)
    async with sent(service, RUN, body) as peer:
        await paid(sandbox, body, at_least=1)
        leave(peer)

    answer = await service.client.post(RUN, json=body)

    assert answer.status_code == 200
    assert answer.json()["images"]
    assert await paid(sandbox, body) == 1


async def test_run_that_is_lost_again_and_again(service: Service, sandbox: Sandbox, body: dict[str, Any]) -> None:
    await sandbox.misbehaves(SLOW)
    for _ in range(4):
        async with sent(service, RUN, body) as peer:
            await paid(sandbox, body, at_least=1)
            reset(peer)
        await asyncio.sleep(0.05)

    assert (await service.client.post(RUN, json=body)).status_code == 200
    assert await paid(sandbox, body) == 1


@pytest.mark.parametrize("path", [RUN, QUEUE])
@pytest.mark.parametrize("read", [0, 40])
async def test_answer_that_is_lost_on_its_way(
    service: Service, sandbox: Sandbox, body: dict[str, Any], path: str, read: int
) -> None:
    """It was sent, and its bytes are not read by the client: its kernel answers its close with a reset."""
    async with sent(service, path, body) as peer:
        async with asyncio.timeout(30):
            while not await _has_bytes(peer):
                await asyncio.sleep(0.01)
        if read:
            await read_some(peer, read)
    await asyncio.sleep(0.05)

    answer = await service.client.post(path, json=body)

    assert answer.status_code == 200
    assert await paid(sandbox, body, at_least=1) == 1


async def test_submit_that_is_lost_at_once(service: Service, sandbox: Sandbox, body: dict[str, Any]) -> None:
    async with sent(service, QUEUE, body) as peer:
        await asyncio.sleep(0.02)
        reset(peer)
    await asyncio.sleep(0.1)

    submitted = (await service.client.post(QUEUE, json=body)).json()
    await service.ended(submitted["request_id"])

    assert await paid(sandbox, body) == 1


@pytest.mark.parametrize("path", [RUN, QUEUE])
async def test_wishes_one_after_the_other_are_three(
    service: Service, sandbox: Sandbox, body: dict[str, Any], path: str
) -> None:
    for _ in range(3):
        assert (await service.client.post(path, json=body)).status_code == 200

    assert await paid(sandbox, body, at_least=3) == 3


@pytest.mark.parametrize("path", [RUN, QUEUE])
async def test_wishes_at_the_same_moment_are_three(
    service: Service, sandbox: Sandbox, body: dict[str, Any], path: str
) -> None:
    answers = await asyncio.gather(*(service.client.post(path, json=body) for _ in range(3)))

    assert [answer.status_code for answer in answers] == [200] * 3
    assert await paid(sandbox, body, at_least=3) == 3


async def test_lost_stream_is_found_again(service: Service, sandbox: Sandbox, body: dict[str, Any]) -> None:
    await sandbox.misbehaves(SLOW)
    async with sent(service, f"{RUN}/stream", body) as peer:
        await paid(sandbox, body, at_least=1)
        reset(peer)

    answer = await service.client.post(f"{RUN}/stream", json=body)

    assert b"data: {" in answer.content
    assert await paid(sandbox, body) == 1


async def test_other_key_does_not_get_the_job(
    service: Service, sandbox: Sandbox, keys: dict[str, str], body: dict[str, Any]
) -> None:
    await sandbox.misbehaves(SLOW)
    async with sent(service, RUN, body, keys["ann"]) as peer:
        await paid(sandbox, body, at_least=1)
        reset(peer)

    assert (await service.client.post(RUN, json=body)).status_code == 200
    assert await paid(sandbox, body) == 2


async def _has_bytes(peer: socket.socket) -> bool:
    try:
        return bool(peer.recv(1, socket.MSG_PEEK))
    except BlockingIOError:
        return False
