"""Images that do not arrive: each failure has a specific error and leaves no object in the bucket."""

import asyncio
import base64
import gzip
import tracemalloc
import zlib
from urllib.parse import urlsplit

import pytest

from imagegen.errors import ForeignMediaHost, NotAnImage, ObjectStoreUnavailable, TransferError, TransferInterrupted
from imagegen.storage.images.store import Images
from tests.support.bucket import Bucket, OpenImages
from tests.support.media_host import Framing, MediaHost
from tests.support.specimens import METADATA, MIB, PNG, huge_png, picture, stem


async def fails(images: Images, bucket: Bucket, url: str) -> tuple[str, list[str]]:
    """The error of a failed transfer, and the objects that it leaves in the bucket."""
    key_stem = stem()
    with pytest.raises((TransferError, ObjectStoreUnavailable)) as failure:
        await images.transfer(url, key_stem, metadata=METADATA)
    return failure.type.__name__, await bucket.left_behind(key_stem)


@pytest.mark.parametrize("framing", ["length", "chunked"])
@pytest.mark.parametrize("cut_at", [0, 20, 100_000, 9 * MIB])
async def test_broken_connection_leaves_no_object(
    images: Images, media: MediaHost, bucket: Bucket, framing: Framing, cut_at: int
) -> None:
    url = media.serves(huge_png(10 * MIB), framing=framing, cut_at=cut_at)

    assert await fails(images, bucket, url) == ("TransferInterrupted", [])


@pytest.mark.parametrize("framing", ["length", "chunked", "close"])
@pytest.mark.parametrize("name", ["png", "jpeg", "gif", "webp", "avif"])
async def test_unexpected_end_that_differs_when_refetched_is_interrupted(
    images: Images, *, media: MediaHost, bucket: Bucket, name: str, framing: Framing
) -> None:
    whole = picture(name, (300, 200))
    parts = (media.serves(part, framing=framing) for part in (whole[: len(whole) // 2], whole))

    assert await fails(images, bucket, media.serves_in_turn(*parts)) == ("TransferInterrupted", [])


async def test_unexpected_end_without_a_length_is_refetched(images: Images, media: MediaHost, bucket: Bucket) -> None:
    half = media.serves(PNG[: len(PNG) // 2], framing="close")
    url = media.serves_in_turn(half, media.serves(b"", status=503))

    assert await fails(images, bucket, url) == ("TransferInterrupted", [])


@pytest.mark.parametrize("body", [b"", b"<html>no such file</html>", b"%PDF-1.7"])
async def test_unknown_bytes_are_not_stored_on_request(
    images: Images, media: MediaHost, bucket: Bucket, body: bytes
) -> None:
    key_stem = stem()

    with pytest.raises(NotAnImage):
        await images.transfer(media.serves(body), key_stem, metadata=METADATA, keep_unknown=False)

    assert await bucket.left_behind(key_stem) == []


@pytest.mark.parametrize("url", ["data:;base64,%%%", "data:image/png;base64,", "data:"])
async def test_data_uri_without_an_image_leaves_no_object(images: Images, bucket: Bucket, url: str) -> None:
    assert await fails(images, bucket, url) == ("NotAnImage", [])


async def test_data_uri_over_the_limit_is_refused(open_images_with: OpenImages, bucket: Bucket) -> None:
    small = await open_images_with(max_image_bytes=1000)

    for size in (1001, 100_000):
        url = "data:;base64," + base64.b64encode(bytes(size)).decode()
        assert await fails(small, bucket, url) == ("ImageTooLarge", [])


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
async def test_compressed_bomb_is_stopped_at_the_limit(
    open_images_with: OpenImages, media: MediaHost, bucket: Bucket, encoding: str
) -> None:
    small = await open_images_with(max_image_bytes=4 * MIB)
    await small.transfer(media.serves(PNG), stem(), metadata=METADATA)
    begin = PNG[:-16] + bytes(64 * MIB)
    body = gzip.compress(begin) if encoding == "gzip" else zlib.compress(begin)
    url = media.serves(body, headers={"Content-Encoding": encoding})
    del begin

    tracemalloc.start()
    outcome = await fails(small, bucket, url)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert outcome == ("ImageTooLarge", [])
    assert peak < 8 * MIB


@pytest.mark.parametrize("encoding", ["br", "zstd", "gzip, gzip", "compress"])
async def test_other_encodings_are_not_decoded(images: Images, media: MediaHost, bucket: Bucket, encoding: str) -> None:
    url = media.serves(PNG, headers={"Content-Encoding": encoding})

    assert await fails(images, bucket, url) == ("TransferInterrupted", [])


@pytest.mark.parametrize("keep", [0.5, 0.99])
async def test_truncated_compressed_body_leaves_no_object(
    images: Images, media: MediaHost, bucket: Bucket, keep: float
) -> None:
    body = gzip.compress(PNG)
    url = media.serves(body[: int(len(body) * keep)], headers={"Content-Encoding": "gzip"})

    assert await fails(images, bucket, url) == ("TransferInterrupted", [])


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
async def test_empty_compressed_body_is_transient(
    images: Images, media: MediaHost, bucket: Bucket, encoding: str
) -> None:
    url = media.serves(b"", headers={"Content-Encoding": encoding})

    assert await fails(images, bucket, url) == ("TransferInterrupted", [])


@pytest.mark.parametrize("headers", [{}, {"Content-Encoding": "Identity"}, {"Content-Encoding": ""}])
async def test_image_too_large_by_its_header_is_refused_unread(
    open_images_with: OpenImages, media: MediaHost, bucket: Bucket, headers: dict[str, str]
) -> None:
    small = await open_images_with(max_image_bytes=MIB)
    url = media.serves(lambda: [b"\x89"], length=MIB + 1, stall_at=1, headers=headers)

    assert await fails(small, bucket, url) == ("ImageTooLarge", [])


@pytest.mark.parametrize("limit", [1000, MIB, 12 * MIB])
async def test_image_that_exceeds_the_limit_is_abandoned(
    open_images_with: OpenImages, media: MediaHost, bucket: Bucket, limit: int
) -> None:
    small = await open_images_with(max_image_bytes=limit)

    assert await fails(small, bucket, media.serves(huge_png(30 * MIB), framing="chunked")) == ("ImageTooLarge", [])


@pytest.mark.parametrize("status", [204, 302, 403, 404, 410, 429, 500, 503])
async def test_refusal_of_the_media_host_is_transient(
    images: Images, media: MediaHost, bucket: Bucket, status: int
) -> None:
    url = media.serves(b"" if status == 204 else PNG, status=status)

    gone = status in {404, 410}
    assert await fails(images, bucket, url) == ("MediaGone" if gone else "TransferInterrupted", [])


async def test_404_of_the_media_host_is_media_gone(open_images_with: OpenImages, bucket: Bucket) -> None:
    other = await open_images_with(hosts=frozenset({"http://127.0.0.1:9"}))

    assert await fails(other, bucket, "http://127.0.0.1:9/a.png") == ("TransferInterrupted", [])


@pytest.mark.parametrize(
    "url",
    [
        "{address}.evil.example/a.png",
        "{address}@evil.example/a.png",
        "http://user:pass@{netloc}/a.png",
        "https://{netloc}/a.png",
        "http://localhost:{port}/a.png",
        "http://evilfal.media/a.png",
        "https://fal.media.evil.example/a.png",
        "https://fal.media/a.png",
        "http://v3.fal.media/a.png",
        "https://v3.fal.media:8443/a.png",
        "ftp://{netloc}/a.png",
        "file:///etc/passwd",
        "//{netloc}/a.png",
        "http://[::1/a.png",
        "",
    ],
)
async def test_foreign_host_is_never_contacted(open_images_with: OpenImages, media: MediaHost, url: str) -> None:
    other = await open_images_with(hosts=frozenset({media.address, ".fal.media"}))
    netloc = urlsplit(media.address).netloc

    with pytest.raises(ForeignMediaHost):
        await other.transfer(
            url.format(address=media.address, netloc=netloc, port=netloc.rpartition(":")[2]), stem(), metadata=METADATA
        )

    assert media.requests == []


async def test_redirect_to_a_foreign_host_is_not_followed(media: MediaHost, images: Images) -> None:
    there = media.serves(PNG).replace("127.0.0.1", "localhost")
    url = media.serves(b"", status=302, headers={"Location": there})

    with pytest.raises(ForeignMediaHost):
        await images.transfer(url, stem(), metadata=METADATA)

    assert len(media.requests) == 1


async def test_circular_redirects_end(images: Images, media: MediaHost) -> None:
    url = media.serves(b"", status=307, headers={"Location": "?again"})

    with pytest.raises(TransferInterrupted, match="too often"):
        await images.transfer(url, stem(), metadata=METADATA)


@pytest.mark.parametrize("framing", ["length", "chunked"])
async def test_cancelled_transfer_leaves_nothing_and_frees_its_memory(
    open_images_with: OpenImages, media: MediaHost, bucket: Bucket, framing: Framing
) -> None:
    narrow = await open_images_with(transfer_memory=8 * MIB)
    url = media.serves(huge_png(20 * MIB), framing=framing, stall_at=12 * MIB)
    key_stem = stem()

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(1.5):
            await narrow.transfer(url, key_stem, metadata=METADATA)

    assert await bucket.left_behind(key_stem) == []
    assert await narrow.transfer(media.serves(PNG, framing="chunked"), stem(), metadata=METADATA)
