"""Images that arrive in a real bucket, and the memory that their transfers take."""

import asyncio
import gzip
import hashlib
import tracemalloc
from typing import cast

import pytest
from dirty_equals import IsPartialDict

from imagegen.jobs import StoredImage
from imagegen.storage.images.store import Images
from tests.support.bucket import Bucket, OpenImages
from tests.support.corpus import NAMES, data_uri, displayed_size, specimen
from tests.support.media_host import Framing, MediaHost
from tests.support.specimens import METADATA, MIB, PNG, huge_png, picture, stem


@pytest.mark.parametrize("framing", ["length", "chunked", "close"])
@pytest.mark.parametrize(("kind", "extension"), [("png", "png"), ("jpeg", "jpg"), ("webp", "webp"), ("gif", "gif")])
async def test_image_arrives_byte_for_byte_and_is_identified(
    images: Images, *, media: MediaHost, bucket: Bucket, kind: str, extension: str, framing: Framing
) -> None:
    body = picture(kind)
    key_stem = stem()

    url = media.serves(body, framing=framing, headers={"Content-Type": "application/octet-stream"})
    stored = await images.transfer(url, key_stem, metadata=METADATA)

    assert (stored, await bucket.bytes_of(stored.key), await bucket.head(stored.key)) == (
        StoredImage(
            key=f"{key_stem}.{extension}",
            content_type=f"image/{kind}",
            width=320,
            height=200,
            size_bytes=len(body),
            sha256=hashlib.sha256(body).hexdigest(),
        ),
        body,
        IsPartialDict(
            ContentType=f"image/{kind}",
            CacheControl="private, max-age=31536000, immutable",
            Metadata={"jobid": "01J", "model": "flux-pro"},
        ),
    )


@pytest.mark.parametrize("way", ["length", "chunked", "close", "data"])
@pytest.mark.parametrize("name", NAMES)
async def test_every_file_of_the_corpus_arrives(
    images: Images, *, media: MediaHost, bucket: Bucket, name: str, way: str
) -> None:
    body = specimen(name)
    url = data_uri(body) if way == "data" else media.serves(body, framing=cast("Framing", way))

    stored = await images.transfer(url, stem(), metadata=METADATA)

    size = (300, 200) if name == "jpeg without end" else displayed_size(body)
    assert (stored.width, stored.height, stored.size_bytes) == (*size, len(body))
    assert stored.sha256 == hashlib.sha256(body).hexdigest()
    assert await bucket.bytes_of(stored.key) == body


UNKNOWN = [
    b"<html>one moment</html>",
    b"%PDF-1.7",
    bytes(range(256)) * 2000,
    b"\x89PNG\r\n\x1a\n" + bytes(300_000),
    b"x",
]


@pytest.mark.parametrize("framing", ["length", "chunked", "close"])
@pytest.mark.parametrize("body", UNKNOWN, ids=range(len(UNKNOWN)))
async def test_unknown_bytes_are_kept_and_never_shown_inline(
    images: Images, media: MediaHost, bucket: Bucket, body: bytes, framing: Framing
) -> None:
    url = media.serves(body, framing=framing, headers={"Content-Type": "text/html"})
    key_stem = stem()

    stored = await images.transfer(url, key_stem, metadata=METADATA)

    assert stored == StoredImage(
        key=f"{key_stem}.bin",
        content_type="application/octet-stream",
        width=None,
        height=None,
        size_bytes=len(body),
        sha256=hashlib.sha256(body).hexdigest(),
    )
    kept = await bucket.head(stored.key)
    assert (kept["ContentType"], kept["ContentDisposition"]) == ("application/octet-stream", "attachment")


async def test_svg_is_kept_as_an_attachment(images: Images, media: MediaHost, bucket: Bucket) -> None:
    stored = await images.transfer(media.serves(b"<svg xmlns='x'/>"), stem(), metadata=METADATA)

    kept = await bucket.head(stored.key)
    assert (stored.content_type, stored.width, stored.key[-4:]) == ("image/svg+xml", None, ".svg")
    assert (kept["ContentType"], kept["ContentDisposition"]) == ("image/svg+xml", "attachment")


@pytest.mark.parametrize("name", ["gif with a line end", "gif without trailer", "png without end", "jpeg without end"])
async def test_unexpected_end_is_fetched_twice_at_most(images: Images, media: MediaHost, name: str) -> None:
    await images.transfer(media.serves(specimen(name)), stem(), metadata=METADATA)

    assert len(media.requests) == (1 if name == "gif with a line end" else 2)


async def test_half_an_image_that_http_calls_complete_is_kept(images: Images, media: MediaHost, bucket: Bucket) -> None:
    half = PNG[: len(PNG) // 2]
    once = media.serves_in_turn(media.serves(half), media.serves(b"", status=404))

    for url in (media.serves(half), media.serves(half, framing="close"), once):
        stored = await images.transfer(url, stem(), metadata=METADATA)
        assert (await bucket.bytes_of(stored.key), stored.width) == (half, 320)


async def test_model_name_beyond_ascii_is_kept_in_the_metadata(
    images: Images, media: MediaHost, bucket: Bucket
) -> None:
    stored = await images.transfer(media.serves(PNG), stem(), metadata={"model": "modèle v1.1/é"})

    assert (await bucket.head(stored.key))["Metadata"] == {"model": "mod%C3%A8le v1.1/%C3%A9"}


async def test_media_host_is_asked_for_uncompressed_bytes(images: Images, media: MediaHost) -> None:
    await images.transfer(media.serves(PNG, headers={"Set-Cookie": "a=b"}), stem(), metadata=METADATA)
    await images.transfer(media.serves(PNG), stem(), metadata=METADATA)

    assert [(headers["accept-encoding"], headers.get("cookie")) for _, headers in media.requests] == [
        ("identity", None),
        ("identity", None),
    ]


@pytest.mark.parametrize("lines", [["gzip"], ["GZIP"], ["identity", "gzip"]], ids=" ".join)
async def test_unrequested_compression_is_decoded(
    images: Images, media: MediaHost, bucket: Bucket, lines: list[str]
) -> None:
    members = gzip.compress(PNG[:1000]) + gzip.compress(PNG[1000:])
    url = media.serves(members, headers={"Content-Encoding": "\r\nContent-Encoding: ".join(lines)})

    stored = await images.transfer(url, stem(), metadata=METADATA)

    assert await bucket.bytes_of(stored.key) == PNG


@pytest.mark.parametrize(("framing", "most"), [("length", 4 * MIB), ("chunked", 14 * MIB)])
async def test_memory_does_not_grow_with_the_image(
    images: Images, media: MediaHost, bucket: Bucket, framing: Framing, most: int
) -> None:
    await images.transfer(media.serves(PNG, framing=framing), stem(), metadata=METADATA)
    blocks = huge_png(60 * MIB)
    url = media.serves(blocks, framing=framing)
    digest = hashlib.sha256()
    for block in blocks():
        digest.update(block)

    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    stored = await images.transfer(url, stem(), metadata=METADATA)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    kept = await bucket.head(stored.key)
    assert (stored.sha256, stored.size_bytes, stored.width) == (digest.hexdigest(), kept["ContentLength"], 9000)
    assert stored.size_bytes > 59 * MIB
    assert peak - before < most


async def test_transfers_of_unknown_length_share_the_memory_budget(
    open_images_with: OpenImages, media: MediaHost
) -> None:
    narrow = await open_images_with(transfer_memory=16 * MIB)  # 16 parts would take 128 MiB
    await narrow.transfer(media.serves(PNG), stem(), metadata=METADATA)
    urls = [media.serves(huge_png(12 * MIB), framing="chunked") for _ in range(16)]

    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    stored = await asyncio.gather(*(narrow.transfer(url, stem(), metadata=METADATA) for url in urls))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert {image.sha256 for image in stored} == {stored[0].sha256}
    buffers_of_a_connection = MIB  # the sending and the receiving side, both in this process
    assert peak - before < 16 * MIB + 16 * buffers_of_a_connection


@pytest.mark.parametrize("size", [8 * MIB - 40_000, 8 * MIB, 8 * MIB + 40_000, 16 * MIB])
async def test_image_around_the_size_of_a_part_arrives_complete(
    images: Images, media: MediaHost, bucket: Bucket, size: int
) -> None:
    begin = PNG[: -len(b"\0\0\0\0IENDcrc_")]
    body = begin + bytes(size - len(PNG)) + PNG[len(begin) :]

    stored = await images.transfer(media.serves(body, framing="chunked"), stem(), metadata=METADATA)

    kept = await bucket.bytes_of(stored.key)
    assert (len(kept), hashlib.sha256(kept).hexdigest()) == (size, stored.sha256)


async def test_redirect_within_the_media_hosts_is_followed(images: Images, media: MediaHost) -> None:
    url = media.serves(b"", status=302, headers={"Location": media.serves(PNG)})

    assert (await images.transfer(url, stem(), metadata=METADATA)).size_bytes == len(PNG)
