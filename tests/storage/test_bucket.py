"""The bucket: its URLs, its objects, and its availability."""

import asyncio
import socket
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import httpx
import pytest
from dirty_equals import IsPartialDict
from pydantic import SecretStr

from imagegen.errors import ImageTooLarge, NotAnImage, ObjectStoreUnavailable, TransferInterrupted
from imagegen.settings import S3Settings
from imagegen.storage.images.store import Images
from tests.support.bucket import Bucket, OpenImages
from tests.support.media_host import Framing, MediaHost
from tests.support.specimens import METADATA, MIB, PNG, huge_png, stem


async def test_signed_url_returns_the_bytes_and_expires(images: Images, media: MediaHost) -> None:
    stored = await images.transfer(media.serves(PNG), stem(), metadata=METADATA)

    url = await images.url(stored.key)

    async with httpx.AsyncClient(trust_env=False) as client:
        answer = await client.get(url)
        tampered = await client.get(url.replace("1-0.png", "1-1.png"))
    signed = parse_qs(urlsplit(url).query)
    assert (answer.content, answer.headers["Content-Type"], tampered.status_code) == (PNG, "image/png", 403)
    assert signed == IsPartialDict({"X-Amz-Algorithm": ["AWS4-HMAC-SHA256"], "X-Amz-Expires": ["3600"]})


async def test_urls_are_signed_for_the_browsers_host(
    open_images_with: OpenImages, images: Images, media: MediaHost, s3_settings: S3Settings
) -> None:
    stored = await images.transfer(media.serves(PNG), stem(), metadata=METADATA)
    other = await open_images_with(presign_endpoint_url="https://pictures.example:8443")

    url = await other.url(stored.key)

    assert url.startswith(f"https://pictures.example:8443/{s3_settings.bucket}/{stored.key}?X-Amz-Algorithm=")


async def test_urls_under_a_public_address_are_unsigned(open_images_with: OpenImages) -> None:
    other = await open_images_with(public_url="https://cdn.example/p")

    assert await other.url("images/a=2Fb/1-0.png") == "https://cdn.example/p/images/a%3D2Fb/1-0.png"


async def test_deleting_a_prefix_leaves_other_objects(images: Images, media: MediaHost, bucket: Bucket) -> None:
    folder = f"images/user/2026/11/{uuid4().hex}"
    for name in ("1-0", "1-1", "11-0", "2-0"):
        await images.transfer(media.serves(PNG), f"{folder}/{name}", metadata=METADATA)

    await images.delete_prefix(f"{folder}/1-")
    await images.delete_prefix(f"{folder}/1-")
    await images.delete(f"{folder}/2-0.png", f"{folder}/9-9.png")

    assert await bucket.left_behind(folder) == [f"{folder}/11-0.png"]


async def test_bucket_can_be_created_twice_and_is_available(images: Images) -> None:
    await images.bucket.create_if_missing()
    await images.bucket.check()

    assert await images.bucket.is_available()


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"bucket": "no-such-bucket"}, "S3 has no bucket 'no-such-bucket'"),
        ({"endpoint_url": "http://127.0.0.1:9"}, "S3 cannot be reached (EndpointConnectionError)"),
        ({"secret_access_key": SecretStr("wrong")}, "S3 refuses access to bucket '{bucket}' (403)"),
    ],
)
async def test_unusable_bucket_is_named_with_the_reason(
    open_images_with: OpenImages, s3_settings: S3Settings, settings: dict[str, object], reason: str
) -> None:
    other = await open_images_with(**settings)

    with pytest.raises(ObjectStoreUnavailable) as failure:
        await other.bucket.check()

    expected = reason.format(bucket=s3_settings.bucket)
    assert (str(failure.value), await other.bucket.is_available()) == (expected, False)


async def test_silent_server_is_detected_within_seconds(open_images_with: OpenImages) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        other = await open_images_with(endpoint_url=f"http://127.0.0.1:{silent.getsockname()[1]}")

        async with asyncio.timeout(8):
            assert not await other.bucket.is_available()


@pytest.mark.parametrize("framing", ["length", "chunked"])
async def test_transfer_fails_quickly_while_s3_is_down(
    open_images_with: OpenImages, media: MediaHost, framing: Framing
) -> None:
    other = await open_images_with(endpoint_url="http://127.0.0.1:9")

    async with asyncio.timeout(4):
        with pytest.raises(ObjectStoreUnavailable, match=r"^S3 cannot be reached"):
            await other.transfer(media.serves(huge_png(9 * MIB), framing=framing), stem(), metadata=METADATA)

    assert not await other.bucket.is_available()


async def test_media_host_failure_does_not_mark_s3_unavailable(media: MediaHost, images: Images) -> None:
    assert await images.bucket.is_available()

    with pytest.raises(ImageTooLarge):
        await images.transfer(media.serves(b"", length=100 * MIB, stall_at=0), stem(), metadata=METADATA)
    with pytest.raises(TransferInterrupted):
        await images.transfer(media.serves(huge_png(9 * MIB), cut_at=MIB), stem(), metadata=METADATA)
    with pytest.raises(NotAnImage):
        await images.transfer(media.serves(b""), stem(), metadata=METADATA)

    assert await images.bucket.is_available()


@pytest.mark.parametrize("framing", ["length", "chunked"])
async def test_busy_s3_raises_unavailable(open_images_with: OpenImages, media: MediaHost, framing: Framing) -> None:
    body = b"<Error><Code>SlowDown</Code><Message>secret</Message></Error>"

    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 503 Slow Down\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(refuse, "127.0.0.1", 0) as server:
        other = await open_images_with(endpoint_url=f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
        with pytest.raises(ObjectStoreUnavailable, match=r"^S3 answered with an error \(SlowDown\)$"):
            await other.transfer(media.serves(huge_png(9 * MIB), framing=framing), stem(), metadata=METADATA)


async def test_upload_dropped_by_s3_raises_unavailable(open_images_with: OpenImages, media: MediaHost) -> None:
    async def drop(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        await reader.readexactly(MIB)
        writer.transport.abort()

    async with await asyncio.start_server(drop, "127.0.0.1", 0) as server:
        other = await open_images_with(endpoint_url=f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
        with pytest.raises(ObjectStoreUnavailable, match=r"^S3 broke off in the middle of an upload$"):
            await other.transfer(media.serves(huge_png(9 * MIB)), stem(), metadata=METADATA)
