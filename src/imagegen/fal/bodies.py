"""The bodies of fal's answers, read up to a bound: what is on the way to fal may send anything."""

from collections.abc import AsyncIterator
from typing import Final

import httpx

MOST_OF_AN_ERROR: Final = 2**20
CUT: Final = "imagegen.cut"  # the extension of a response whose body went on
_OF_THE_WIRE: Final = frozenset({"content-encoding", "content-length", "transfer-encoding"})


async def bounded(response: httpx.Response, most: int) -> httpx.Response:
    """The answer with the first `most` bytes of its body, decoded; the rest is left unread."""
    body = bytearray()
    async for chunk in response.aiter_bytes():
        body += chunk[: most - len(body)]
        if len(chunk) and len(body) == most:
            break
    headers = [(name, value) for name, value in response.headers.multi_items() if name not in _OF_THE_WIRE]
    cut = {CUT: True} if len(body) == most else {}
    return httpx.Response(response.status_code, headers=headers, content=bytes(body), extensions=cut)


class Bounded(httpx.AsyncByteStream):
    """A stream that breaks off after so many bytes."""

    def __init__(self, stream: httpx.AsyncByteStream | httpx.SyncByteStream, most: int) -> None:
        assert isinstance(stream, httpx.AsyncByteStream)
        self._stream, self._left = stream, most

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """The bytes; raises httpx.ReadError where there are too many."""
        async for chunk in self._stream:
            self._left -= len(chunk)
            if self._left < 0:
                raise httpx.ReadError("the stream is too long")
            yield chunk

    async def aclose(self) -> None:
        """Close the stream."""
        await self._stream.aclose()
