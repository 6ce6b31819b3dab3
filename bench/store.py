"""S3 as lean as can be, so that it is not what is measured: it takes objects and lets go of their bytes.

Only what storing a picture asks of it is answered; nothing is checked, and nothing can be read again.
"""

import argparse
import asyncio
import re
from typing import Final, cast

import uvloop
from typing_extensions import override

_LENGTH: Final = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_CONTINUES: Final = re.compile(rb"\r\nexpect: *100-continue", re.IGNORECASE)
_CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"
_TAKEN: Final = b'HTTP/1.1 200 OK\r\nETag: "0"\r\nContent-Length: 0\r\n\r\n'
_END_OF_HEAD: Final = b"\r\n\r\n"
_BUFFER: Final = 1 << 18


class Store(asyncio.BufferedProtocol):
    """One connection. Every request has a Content-Length, or no body."""

    def __init__(self) -> None:
        self._buffer = bytearray(_BUFFER)
        self._head = bytearray()
        self._left = 0
        self._transport: asyncio.Transport | None = None

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    @override
    def get_buffer(self, sizehint: int) -> bytearray:
        return self._buffer

    @override
    def buffer_updated(self, nbytes: int) -> None:
        arrived = memoryview(self._buffer)[:nbytes]
        while arrived:
            arrived = self._drop(arrived) if self._left else self._read_head(arrived)

    def _drop(self, arrived: memoryview) -> memoryview:
        dropped = min(self._left, len(arrived))
        self._left -= dropped
        if self._left == 0:
            self._answer(_TAKEN)
        return arrived[dropped:]

    def _read_head(self, arrived: memoryview) -> memoryview:
        before = len(self._head)
        self._head += arrived
        end = self._head.find(_END_OF_HEAD)
        if end < 0:
            return arrived[:0]
        head, self._head = bytes(self._head[: end + 2]), bytearray()
        length = _LENGTH.search(head)
        self._left = int(length[1]) if length else 0
        if _CONTINUES.search(head):
            self._answer(_CONTINUE)
        if self._left == 0:
            self._answer(_TAKEN)
        return arrived[end + len(_END_OF_HEAD) - before :]

    def _answer(self, answer: bytes) -> None:
        assert self._transport is not None
        self._transport.write(answer)


async def _serve(port: int) -> None:
    server = await asyncio.get_running_loop().create_server(Store, "127.0.0.1", port)
    await server.serve_forever()


def main() -> None:
    """Serve on loopback."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    uvloop.run(_serve(parser.parse_args().port))


if __name__ == "__main__":
    main()
