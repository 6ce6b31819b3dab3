"""Decompressing bodies that a server compresses although it was asked not to, piece by piece.

The size of a decompressed piece is limited, because 200 KB of gzip may hold 200 MB.
"""

import asyncio
import zlib
from collections.abc import AsyncGenerator, Iterable, Iterator
from contextlib import aclosing
from typing import Final, Protocol

from aiohttp import ClientPayloadError

_PIECE: Final = 64 * 1024
_GZIP: Final = frozenset({"gzip", "x-gzip"})
# zlib's `wbits`: for gzip's own header and trailer, for zlib's, or for neither.
_GZIP_WINDOW: Final = 16 + zlib.MAX_WBITS
_ZLIB_WINDOW: Final = zlib.MAX_WBITS
_RAW_WINDOW: Final = -zlib.MAX_WBITS
_ZLIB_METHOD: Final = 8  # in the low half of the first byte of zlib's header (RFC 1950)


class DamagedBody(ClientPayloadError):
    """A body is not compressed as its header says."""


def encodings_in(values: Iterable[str]) -> tuple[str, ...]:
    """The encodings that all lines of Content-Encoding name, in lower case and in the order in which they were applied.

    Empty names and `identity` are left out.
    """
    named = (name.strip().lower() for value in values for name in value.split(","))
    return tuple(name for name in named if name not in {"", "identity"})


async def decoded_chunks(
    raw: AsyncGenerator[bytes], encodings: tuple[str, ...], *, strict: bool = False
) -> AsyncGenerator[bytes]:
    """A body's bytes in decompressed pieces of at most 64 KiB.

    No bytes at all are an empty body: a 204 or a bare error may name an encoding too.

    Args:
        raw: the body as it arrives.
        encodings: those of its response, as `encodings_in` returns them.
        strict: refuse an unknown encoding and an empty body; without it, the bytes of an unknown encoding are taken
            as they are.

    Raises:
        DamagedBody: the data are damaged, have an unknown encoding, or have more than one: no request asks for any,
            and each further one multiplies what a few bytes can hold.
    """
    if len(encodings) > 1:
        raise DamagedBody("the body has more than one encoding")
    decompressor = _decompressor(encodings, strict=strict)
    async with aclosing(raw):
        async for chunk in raw:
            if decompressor is None:
                yield chunk
                continue
            for piece in decompressor.feed(chunk):
                yield piece
                await asyncio.sleep(0)  # one chunk may hold 64 MiB: other tasks, and timeouts, get their turn
    if decompressor is not None:
        decompressor.require_end(may_be_empty=not strict)


def _decompressor(encodings: tuple[str, ...], *, strict: bool) -> "_Decompressor | None":
    """What decompresses the body; None if its bytes are taken as they are."""
    for encoding in encodings:
        if encoding == "deflate" or encoding in _GZIP:
            return _Decompressor(is_gzip=encoding in _GZIP)
        if strict:
            raise DamagedBody("the body has an encoding that was not requested")
    return None


class _Inflater(Protocol):
    """The part of zlib's decompressor that is used; its own type has no public name."""

    @property
    def eof(self) -> bool: ...
    @property
    def unconsumed_tail(self) -> bytes: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int, /) -> bytes: ...


class _Decompressor:
    """Decompresses one body: gzip of one or more members (RFC 1952, section 2.2), or deflate with or without a header.

    After the end, zeros are ignored, as gzip tools do, and anything else is an error: such a body is not what its
    header says, and what is missing of it may be the rest of an image.
    """

    def __init__(self, *, is_gzip: bool) -> None:
        self._is_gzip = is_gzip
        self._inflater: _Inflater | None = None
        self._received = self._decoded = 0

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        """What the next bytes of the body decompress to.

        A body that is far longer than what it decompresses to is damaged: members without content, or zeros, could
        arrive for ever without reaching the reader's limit.
        """
        self._received += len(chunk)
        while chunk := self._without_padding(chunk):
            inflater = self._inflater = self._inflater_for(chunk)
            while piece := _piece(inflater, chunk):
                self._decoded += len(piece)
                yield piece
                if inflater.eof:
                    break
                chunk = inflater.unconsumed_tail
            chunk = inflater.unused_data
        if self._received > 2 * self._decoded + _PIECE:
            raise DamagedBody("the compressed body is far longer than its content")

    def require_end(self, *, may_be_empty: bool) -> None:
        """Check that the body is complete.

        Raises:
            DamagedBody: it is truncated.
        """
        is_complete = may_be_empty if self._inflater is None else self._inflater.eof
        if not is_complete:
            raise DamagedBody("the compressed body is truncated")

    def _without_padding(self, chunk: bytes) -> bytes:
        has_ended = self._inflater is not None and self._inflater.eof
        return chunk.lstrip(b"\0") if has_ended else chunk

    def _inflater_for(self, chunk: bytes) -> _Inflater:
        """The inflater of the member that goes on, or begins, with these bytes."""
        if self._inflater is not None and not self._inflater.eof:
            return self._inflater
        if self._is_gzip:
            return zlib.decompressobj(_GZIP_WINDOW)
        if self._inflater is not None:
            raise DamagedBody("the compressed body goes on after its end")
        # Some servers send deflate without zlib's header (RFC 9110, section 8.4.1.2).
        return zlib.decompressobj(_ZLIB_WINDOW if chunk[0] & 0x0F == _ZLIB_METHOD else _RAW_WINDOW)


def _piece(inflater: _Inflater, pending: bytes) -> bytes:
    try:
        return inflater.decompress(pending, _PIECE)
    except zlib.error as error:
        raise DamagedBody("the body is not compressed as its header says") from error
