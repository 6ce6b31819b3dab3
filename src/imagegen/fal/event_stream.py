"""Server-sent events, of which only the data are read."""

from collections.abc import AsyncGenerator, AsyncIterator
from typing import Final

from aiohttp import ClientPayloadError

_DATA: Final = b"data:"


async def event_data(chunks: AsyncIterator[bytes], most: int) -> AsyncGenerator[bytes]:
    """The data of each event as it arrives. An event that the end of the stream cuts off is left out.

    Args:
        chunks: the stream, decompressed, as it arrives.
        most: how many bytes it may have.

    Raises:
        ClientPayloadError: the stream has more than `most` bytes, or breaks off.
    """
    rest, data, received = bytearray(), list[bytes](), 0
    async for chunk in chunks:
        received += len(chunk)
        if received > most:
            raise ClientPayloadError("the stream is too long")
        rest += chunk
        if b"\n" not in chunk and b"\r" not in chunk:
            continue
        for line in _whole_lines(rest):
            if line.startswith(_DATA):
                data.append(line[len(_DATA) :].removeprefix(b" "))
            elif not line and data:
                yield b"\n".join(data)
                data.clear()


def _whole_lines(rest: bytearray) -> list[bytes]:
    """Take the whole lines from the bytes; a carriage return at their end may be half of a line break."""
    lines = bytes(rest).splitlines(keepends=True)
    last = b"" if lines[-1].endswith(b"\n") else lines.pop()
    rest[:] = last
    return [line.rstrip(b"\r\n") for line in lines]
