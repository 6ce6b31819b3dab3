"""Pictures that do not arrive: each failure says what to do about it and leaves nothing in the bucket."""

import asyncio
from urllib.parse import urlsplit

import pytest
from bucket import Bucket, OpenImages
from media_host import Framing, MediaHost
from specimens import METADATA, MIB, PNG, huge_png, picture, stem

from imagegen.errors import (
    ForeignMediaHost,
    ObjectStoreUnavailable,
    TransferError,
    TransferInterrupted,
)
from imagegen.storage.images import Images


async def fails(images: Images, bucket: Bucket, url: str) -> tuple[str, list[str]]:
    """How a transfer fails, and what it leaves in the bucket."""
    key_stem = stem()
    with pytest.raises((TransferError, ObjectStoreUnavailable)) as failure:
        await images.transfer(url, key_stem, metadata=METADATA)
    return failure.type.__name__, await bucket.left_behind(key_stem)


@pytest.mark.parametrize("framing", ["length", "chunked", "close"])
@pytest.mark.parametrize("cut_at", [0, 20, 100_000, 9 * MIB])
async def test_a_connection_that_breaks_off_leaves_nothing(
    images: Images, media: MediaHost, bucket: Bucket, framing: Framing, cut_at: int
) -> None:
    url = media.serves(huge_png(10 * MIB), framing=framing, cut_at=cut_at)

    assert await fails(images, bucket, url) == ("TransferInterrupted", [])


@pytest.mark.parametrize("framing", ["length", "chunked"])
@pytest.mark.parametrize("kind", ["png", "jpeg", "webp", "gif"])
@pytest.mark.parametrize("share", [0.2, 0.99])
async def test_a_picture_that_arrives_without_its_end_leaves_nothing(
    images: Images, *, media: MediaHost, bucket: Bucket, kind: str, framing: Framing, share: float
) -> None:
    whole = picture(kind, (1200, 900))
    url = media.serves(whole[: int(len(whole) * share)], framing=framing)

    assert await fails(images, bucket, url) == ("TransferInterrupted", [])


async def test_a_large_picture_without_its_end_leaves_no_parts(
    images: Images, media: MediaHost, bucket: Bucket
) -> None:
    *blocks, _end = huge_png(20 * MIB)()

    assert await fails(images, bucket, media.serves(lambda: blocks, framing="chunked")) == ("TransferInterrupted", [])


@pytest.mark.parametrize("framing", ["length", "chunked"])
@pytest.mark.parametrize("body", [b"<html>no such file</html>", b"%PDF-1.7", b"\x89PNG\r\n\x1a\n" + bytes(300_000)])
async def test_bytes_that_are_no_picture_are_not_stored(
    images: Images, media: MediaHost, bucket: Bucket, body: bytes, framing: Framing
) -> None:
    assert await fails(images, bucket, media.serves(body, framing=framing)) == ("NotAPicture", [])


async def test_a_picture_too_large_by_its_header_is_refused_before_a_byte_is_read(
    open_images_with: OpenImages, media: MediaHost, bucket: Bucket
) -> None:
    small = await open_images_with(max_image_bytes=MIB)
    url = media.serves(lambda: (), length=MIB + 1, stall_at=0)

    assert await fails(small, bucket, url) == ("PictureTooLarge", [])


@pytest.mark.parametrize("limit", [1000, MIB, 12 * MIB])
async def test_a_picture_that_turns_out_too_large_is_given_up_on_the_way(
    open_images_with: OpenImages, media: MediaHost, bucket: Bucket, limit: int
) -> None:
    small = await open_images_with(max_image_bytes=limit)

    assert await fails(small, bucket, media.serves(huge_png(30 * MIB), framing="chunked")) == ("PictureTooLarge", [])


@pytest.mark.parametrize("status", [204, 302, 403, 404, 429, 500, 503])
async def test_a_refusal_of_the_media_host_is_worth_another_try(
    images: Images, media: MediaHost, bucket: Bucket, status: int
) -> None:
    url = media.serves(b"" if status == 204 else PNG, status=status)

    assert await fails(images, bucket, url) == ("TransferInterrupted", [])


async def test_a_media_host_that_is_gone_is_worth_another_try(open_images_with: OpenImages, bucket: Bucket) -> None:
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
        "data:image/png;base64,AAAA",
        "file:///etc/passwd",
        "//{netloc}/a.png",
        "http://[::1/a.png",
        "",
    ],
)
async def test_a_foreign_host_is_never_contacted(open_images_with: OpenImages, media: MediaHost, url: str) -> None:
    other = await open_images_with(hosts=frozenset({media.address, ".fal.media"}))
    netloc = urlsplit(media.address).netloc

    with pytest.raises(ForeignMediaHost):
        await other.transfer(
            url.format(address=media.address, netloc=netloc, port=netloc.rpartition(":")[2]), stem(), metadata=METADATA
        )

    assert media.requests == []


async def test_a_redirect_to_a_foreign_host_is_not_followed(media: MediaHost, images: Images) -> None:
    there = media.serves(PNG).replace("127.0.0.1", "localhost")
    url = media.serves(b"", status=302, headers={"Location": there})

    with pytest.raises(ForeignMediaHost):
        await images.transfer(url, stem(), metadata=METADATA)

    assert len(media.requests) == 1


async def test_redirects_in_a_circle_end(images: Images, media: MediaHost) -> None:
    url = media.serves(b"", status=307, headers={"Location": "?again"})

    with pytest.raises(TransferInterrupted, match="too often"):
        await images.transfer(url, stem(), metadata=METADATA)


@pytest.mark.parametrize("framing", ["length", "chunked"])
async def test_a_cancelled_transfer_leaves_nothing_and_gives_its_memory_back(
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
