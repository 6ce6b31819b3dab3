"""Bodies that a media host compresses although it was asked not to, decompressed a piece at a time.

A piece is bounded by what comes out of it: 200 KB of gzip may hold 200 MB.
"""

import zlib
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Final, Protocol

import httpx

_PIECE: Final = 64 * 1024
_IDENTITY: Final = {"", "identity"}
# zlib's window: gzip's own header and trailer, or zlib's.
_WINDOWS: Final = {"gzip": 16 + zlib.MAX_WBITS, "x-gzip": 16 + zlib.MAX_WBITS, "deflate": zlib.MAX_WBITS}


def decoded_chunks(response: httpx.Response) -> AsyncIterator[bytes]:
    """The body's bytes as they arrive, in pieces of 64 KiB at most where they were compressed.

    The iterator raises httpx.DecodingError for an encoding that is not known, and for broken data.
    """
    encoding = response.headers.get("Content-Encoding", "").strip().lower()
    raw = response.aiter_raw()
    return raw if encoding in _IDENTITY else _inflated(raw, encoding)


async def _inflated(raw: AsyncIterator[bytes], encoding: str) -> AsyncGenerator[bytes]:
    if encoding not in _WINDOWS:
        raise httpx.DecodingError("the body is compressed in a way that was not asked for")
    inflater = zlib.decompressobj(_WINDOWS[encoding])
    async for chunk in raw:
        pending = chunk
        while pending and not inflater.eof:
            if piece := _piece(inflater, pending):
                yield piece
            pending = inflater.unconsumed_tail
    while piece := _piece(inflater, inflater.unconsumed_tail):
        yield piece
    if not inflater.eof:
        raise httpx.DecodingError("the compressed body is cut off")


class _Inflater(Protocol):
    """The part of zlib's decompressor that is used; its own type has no public name."""

    def decompress(self, data: bytes, max_length: int, /) -> bytes: ...


def _piece(inflater: _Inflater, pending: bytes) -> bytes:
    try:
        return inflater.decompress(pending, _PIECE)
    except zlib.error as error:
        raise httpx.DecodingError("the body is not compressed as its header says") from error
