"""HTTP by hand: requests that no regular client sends."""

import asyncio
import json
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from tests.support.service import Service


@dataclass(frozen=True, slots=True)
class RawAnswer:
    """What was received before the connection was closed."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def problem(self) -> dict[str, Any]:
        return json.loads(self.body)


async def send(service: Service, *parts: bytes, pause: float = 0) -> RawAnswer:
    """Send the parts, with a pause between them, and read until the service closes the connection."""
    url = service.client.base_url
    reader, writer = await asyncio.open_connection(url.host, url.port)
    answer = asyncio.create_task(_until_closed(reader))
    with suppress(OSError):
        for part in parts:
            writer.write(part)
            await asyncio.wait({answer}, timeout=pause)
            if answer.done():
                break
    async with asyncio.timeout(10):
        received = await answer
    writer.close()
    return _read(received)


async def _until_closed(reader: asyncio.StreamReader) -> bytes:
    received = bytearray()
    with suppress(OSError):  # a reset, after the response
        while chunk := await reader.read(65536):
            received += chunk
    return bytes(received)


def _read(answer: bytes) -> RawAnswer:
    head, _, body = answer.partition(b"\r\n\r\n")
    status, *lines = head.decode("latin-1").split("\r\n")
    headers = dict(line.lower().split(": ", 1) for line in lines)
    return RawAnswer(int(status.split()[1]), headers, body)
