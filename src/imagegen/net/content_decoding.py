"""Decompressing bodies that a server compresses although it was asked not to, piece by piece.

The size of a decompressed piece is limited, because 200 KB of gzip may hold 200 MB.
"""

import zlib
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from typing import Final, Protocol

from aiohttp import ClientPayloadError

_PIECE: Final = 64 * 1024
# zlib's `wbits`: for gzip's own header and trailer, or zlib's.
_WINDOWS: Final = {"gzip": 16 + zlib.MAX_WBITS, "x-gzip": 16 + zlib.MAX_WBITS, "deflate": zlib.MAX_WBITS}


class DamagedBody(ClientPayloadError):
    """A body is not compressed as its header says."""


def is_encoded(headers: Mapping[str, str]) -> bool:
    """Whether a body with these headers has another encoding than `identity`."""
    return "Content-Encoding" in headers and bool(_encodings(headers))


async def decoded_chunks(
    raw: AsyncIterator[bytes], headers: Mapping[str, str], *, strict: bool = False
) -> AsyncGenerator[bytes]:
    """A body's bytes in decompressed pieces of at most 64 KiB.

    Args:
        raw: the body as it arrives.
        headers: of its response.
        strict: refuse an unknown encoding; without it, the bytes are taken as they are.

    Raises:
        DamagedBody: the data are damaged, or have an unknown encoding.
    """
    for encoding in reversed(_encodings(headers)):
        if encoding in _WINDOWS:
            raw = _inflated(raw, encoding)
        elif strict:
            raise DamagedBody("the body has an encoding that was not requested")
    async for piece in raw:
        yield piece


def _encodings(headers: Mapping[str, str]) -> list[str]:
    """The encodings that were applied, in their order."""
    named = (name.strip().lower() for name in headers.get("Content-Encoding", "").split(","))
    return [name for name in named if name not in {"", "identity"}]


async def _inflated(raw: AsyncIterator[bytes], encoding: str) -> AsyncGenerator[bytes]:
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
        raise DamagedBody("the compressed body is truncated")


class _Inflater(Protocol):
    """The part of zlib's decompressor that is used; its own type has no public name."""

    def decompress(self, data: bytes, max_length: int, /) -> bytes: ...


def _piece(inflater: _Inflater, pending: bytes) -> bytes:
    try:
        return inflater.decompress(pending, _PIECE)
    except zlib.error as error:
        raise DamagedBody("the body is not compressed as its header says") from error
