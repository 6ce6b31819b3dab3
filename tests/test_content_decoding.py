"""Bodies that a server compresses although it was asked not to: the right bytes, or an error."""

import asyncio
import gzip
import zlib
from collections.abc import AsyncGenerator
from contextlib import aclosing
from datetime import timedelta

import aiohttp
import pytest
from yarl import URL

from imagegen.fal.event_stream import event_data
from imagegen.net.content_decoding import DamagedBody, encodings_in
from imagegen.net.http import Incoming, Request, chunks_of, client_timeout, fetch
from imagegen.net.pool import Pool, open_pool
from tests.support.media_host import MediaHost

GZIPPED = gzip.compress(b"hello")
EVENT = b'data: {"status": "IN_PROGRESS"}\n\n'


class Arrived:
    """A body that has arrived whole."""

    def __init__(self, content: bytes) -> None:
        self._left = content

    async def read(self, n: int = -1, /) -> bytes:
        piece, self._left = self._left[:n], self._left[n:]
        return piece


@pytest.fixture
async def host() -> AsyncGenerator[MediaHost]:
    async with MediaHost() as opened:
        yield opened


async def get(pool: Pool, url: str, **headers: str) -> bytes:
    return (await fetch(pool, a_get(url, **headers), timedelta(seconds=5), 2**20)).content


def a_get(url: str, **headers: str) -> Request:
    return Request(method="GET", url=URL(url), headers=headers, timeout=client_timeout(timedelta(seconds=5)))


@pytest.mark.parametrize(
    "encoding", ["gzip", "deflate", "GZip", "x-gzip", "identity, gzip", "gzip,", "br", "utf-8", ""]
)
async def test_compressed_response_is_decompressed_if_its_encoding_is_known(host: MediaHost, encoding: str) -> None:
    text, sent = b"{}" * 9000, b"{}" * 9000
    for name in encodings_in([encoding]):
        sent = {"gzip": gzip.compress, "x-gzip": gzip.compress, "deflate": zlib.compress}.get(name, bytes)(sent)
    url = host.serves(sent, headers={"Content-Encoding": encoding})
    async with open_pool(1) as pool:
        assert await get(pool, url) == text

    assert [headers["accept-encoding"] for _, headers in host.requests] == ["identity"]


async def test_decompression_stops_at_the_limit(host: MediaHost) -> None:
    bomb = gzip.compress(bytes(50 * 2**20))
    async with open_pool(1) as pool:
        url = host.serves(bomb, headers={"Content-Encoding": "gzip"})
        read = await fetch(pool, a_get(url), timedelta(seconds=5), 1000)

    assert (len(read.content), read.is_truncated) == (1000, True)


async def test_other_tasks_run_while_a_bomb_is_decompressed() -> None:
    incoming = Incoming(200, {}, ("gzip",), Arrived(gzip.compress(bytes(20 * 2**20))), lambda: None)
    seen = 0

    async def count() -> None:
        nonlocal seen
        while True:
            seen += 1
            await asyncio.sleep(0)

    counting = asyncio.create_task(count())
    size = sum([len(piece) async for piece in chunks_of(incoming)])
    counting.cancel()

    assert (size, seen > 300) == (20 * 2**20, True)


DAMAGED: dict[str, tuple[str, bytes]] = {
    "truncated in its trailer": ("gzip", GZIPPED[:-1]),
    "truncated in its content": ("gzip", GZIPPED[:-9]),
    "truncated in its header": ("gzip", GZIPPED[:5]),
    "wrong checksum": ("gzip", GZIPPED[:-8] + bytes(4) + GZIPPED[-4:]),
    "not gzip": ("gzip", b"hello"),
    "second member truncated": ("gzip", GZIPPED + GZIPPED[:-1]),
    "second member begun": ("gzip", GZIPPED + GZIPPED[:1]),
    "garbage after a member": ("gzip", GZIPPED + b"garbage"),
    "garbage after padding": ("gzip", GZIPPED + bytes(20) + b"garbage"),
    "padding alone": ("gzip", bytes(20)),
    "deflate that is gzip": ("deflate", GZIPPED),
    "deflate that is text": ("deflate", b'{"request_id": "r-1"}'),
    "deflate truncated": ("deflate", zlib.compress(b"hello")[:-1]),
    "deflate without header truncated": ("deflate", zlib.compress(b"hello", wbits=-15)[:-1]),
    "second deflate": ("deflate", zlib.compress(b"hello") * 2),
    "gzip and deflate": ("gzip, deflate", zlib.compress(GZIPPED)),
    "gzip on two lines": ("gzip\r\nContent-Encoding: gzip", gzip.compress(GZIPPED)),
    "gzip and an unknown one": ("br, gzip", GZIPPED),
    "gzip 500 times": (", ".join(["gzip"] * 500), GZIPPED),
}


@pytest.mark.parametrize("name", DAMAGED)
async def test_damaged_compression_is_an_error(host: MediaHost, name: str) -> None:
    encoding, body = DAMAGED[name]
    url = host.serves(body, headers={"Content-Encoding": encoding})
    async with open_pool(1) as pool:
        with pytest.raises(DamagedBody):
            await get(pool, url)


WHOLE: dict[str, tuple[str, bytes]] = {
    "padding": ("gzip", gzip.compress(b"hello hello") + bytes(512)),
    "two members": ("gzip", gzip.compress(b"hello ") + GZIPPED),
    "padding between members": ("gzip", gzip.compress(b"hello ") + bytes(20) + GZIPPED),
    "empty members": ("gzip", gzip.compress(b"") + gzip.compress(b"hello hello") + gzip.compress(b"")),
    "a member for each byte": ("x-gzip", b"".join(gzip.compress(bytes([byte])) for byte in b"hello hello")),
    "deflate": ("Deflate", zlib.compress(b"hello hello")),
    "deflate without header": ("deflate", zlib.compress(b"hello hello", wbits=-15)),
    "deflate and padding": ("deflate", zlib.compress(b"hello hello") + bytes(20)),
    "encoding on the second line": ("identity\r\nContent-Encoding: gzip", gzip.compress(b"hello hello")),
}


@pytest.mark.parametrize("bytewise", [False, True])
@pytest.mark.parametrize("name", WHOLE)
async def test_compressed_body_is_read_to_its_end(host: MediaHost, name: str, *, bytewise: bool) -> None:
    encoding, body = WHOLE[name]
    pieces = [bytes([byte]) for byte in body] if bytewise else [body]
    url = host.serves(lambda: pieces, framing="chunked", headers={"Content-Encoding": encoding})
    async with open_pool(1) as pool:
        assert await get(pool, url) == b"hello hello"


async def test_members_of_more_than_a_piece_are_read_to_their_end(host: MediaHost) -> None:
    texts = [bytes([byte]) * 2**17 for byte in b"abc"]
    url = host.serves(b"".join(map(gzip.compress, texts)), headers={"Content-Encoding": "gzip"})
    async with open_pool(1) as pool:
        assert await get(pool, url) == b"".join(texts)


@pytest.mark.parametrize("status", [200, 204, 429])
@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br"])
async def test_empty_body_may_name_an_encoding(host: MediaHost, status: int, encoding: str) -> None:
    url = host.serves(b"", status=status, headers={"Content-Encoding": encoding})
    async with open_pool(1) as pool:
        response = await fetch(pool, a_get(url), timedelta(seconds=5), 1000)

    assert (response.status_code, response.content, response.is_truncated) == (status, b"", False)


@pytest.mark.parametrize("rest", [gzip.compress(b"") * 20_000, bytes(400_000)], ids=["empty members", "padding"])
async def test_compressed_body_that_goes_on_without_content_is_given_up(rest: bytes) -> None:
    incoming = Incoming(200, {}, ("gzip",), Arrived(GZIPPED + rest), lambda: None)

    with pytest.raises(DamagedBody):
        async for _ in chunks_of(incoming):
            pass


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([], ()),
        (["", " , "], ()),
        (["identity", "Identity,"], ()),
        (["GZip"], ("gzip",)),
        (["gzip, br", "identity", "\tDEFLATE "], ("gzip", "br", "deflate")),
    ],
)
def test_encodings_of_all_lines_are_found(values: list[str], expected: tuple[str, ...]) -> None:
    assert encodings_in(values) == expected


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "identity"])
async def test_compressed_stream_is_read_event_by_event(host: MediaHost, encoding: str) -> None:
    compressor = zlib.compressobj(wbits=31 if encoding == "gzip" else 15)

    def flushed(data: bytes) -> bytes:
        return data if encoding == "identity" else compressor.compress(data) + compressor.flush(zlib.Z_SYNC_FLUSH)

    blocks = [flushed(EVENT[:9]), flushed(EVENT[9:]), flushed(EVENT)]
    stalled = host.serves(
        lambda: blocks, framing="chunked", headers={"Content-Encoding": encoding}, stall_at=sum(map(len, blocks))
    )
    async with open_pool(1) as pool, asyncio.timeout(5):
        incoming = await pool.send(a_get(stalled))
        async with aclosing(event_data(chunks_of(incoming), 1000)) as events:
            read = [await anext(events), await anext(events)]
        incoming.release()

    assert read == [b'{"status": "IN_PROGRESS"}'] * 2


@pytest.mark.parametrize("encoding", ["gzip", "identity"])
async def test_stream_is_limited_by_what_it_decompresses_to(encoding: str) -> None:
    text = EVENT * 100
    body = gzip.compress(text) if encoding == "gzip" else text

    async def read(most: int) -> int:
        incoming = Incoming(200, {}, encodings_in([encoding]), Arrived(body), lambda: None)
        return len([data async for data in event_data(chunks_of(incoming), most)])

    assert await read(len(text)) == 100
    with pytest.raises(aiohttp.ClientPayloadError, match="too long"):
        await read(len(text) - 1)
