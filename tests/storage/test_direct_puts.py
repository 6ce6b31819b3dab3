"""Small images are uploaded by one signed request, and every other response than a success is left to aioboto3."""

import asyncio
import re
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Final, cast

import pytest
from dirty_equals import IsPartialDict

from imagegen.errors import ObjectStoreRefused, ObjectStoreUnavailable, TransferInterrupted
from imagegen.observability.metrics import Metrics, exposition
from imagegen.settings import S3Settings
from imagegen.storage.images import direct_put
from imagegen.storage.images.bucket import new_session, open_client
from imagegen.storage.images.multipart import WHOLE_BYTES, WholeBody
from imagegen.storage.images.store import Images
from tests.support.bucket import Bucket, OpenImages
from tests.support.media_host import MediaHost
from tests.support.scraped import Scraped
from tests.support.specimens import METADATA, PNG, huge_png, stem

_PATHS: Final = ["aioboto3", "direct"]
Answer = tuple[int, str, dict[str, str]]
_OK: Final[Answer] = (200, "", {})


@dataclass
class ScriptedS3:
    """A server that answers uploads as planned, and then with success; a status of 0 drops the connection."""

    port: int = 0
    answers: list[Answer] = field(default_factory=list[Answer])
    requests: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list[tuple[str, dict[str, str], bytes]])

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def paths(self) -> list[str]:
        """By which path each request came: aioboto3 waits for the server before it sends a body."""
        return ["aioboto3" if "expect" in headers else "direct" for _, headers, _ in self.requests]

    @property
    def regions(self) -> list[str]:
        return [headers["authorization"].split("/")[2] for _, headers, _ in self.requests]

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            await self._answer(reader, writer)
        writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines if line)}
        if "expect" in headers:
            writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        self.requests.append((first, headers, body))
        status, text, more = self.answers.pop(0) if self.answers else _OK
        if status == 0:
            return
        content = f"<Error><Code>{text}</Code><Message>secret</Message></Error>" if text else ""
        others = "".join(f"{name}: {value}\r\n" for name, value in more.items())
        head = f"HTTP/1.1 {status} X\r\nContent-Length: {len(content)}\r\nConnection: close\r\n{others}\r\n"
        writer.write(f"{head}{content}".encode())
        await writer.drain()


@pytest.fixture
async def scripted() -> AsyncGenerator[ScriptedS3]:
    s3 = ScriptedS3()
    async with await asyncio.start_server(s3.accept, "127.0.0.1", 0) as server:
        s3.port = server.sockets[0].getsockname()[1]
        yield s3


Upload = Callable[[], Awaitable[object]]


@asynccontextmanager
async def uploading(
    path: str, scripted: ScriptedS3, open_images_with: OpenImages, media: MediaHost
) -> AsyncGenerator[Upload]:
    """Uploads of a small image to this server, of which the next takes this path."""
    images = await open_images_with(endpoint_url=scripted.address)

    async def upload() -> object:
        return await images.transfer(media.serves(PNG), stem(), metadata=METADATA)

    if path == "direct":
        await upload()
        scripted.requests.clear()
    yield upload


@pytest.mark.parametrize("key", ["plain/1-0.png", "a=20b/1~.png", "ü ß/@+&?#%41/=.png", "twice//1-0.png"])
@pytest.mark.parametrize("path", _PATHS)
async def test_both_paths_store_the_same(images: Images, bucket: Bucket, key: str, path: str) -> None:
    name = f"{stem()}/{key}"
    for body in [PNG, PNG[::-1]] if path == "direct" else [PNG[::-1]]:
        with images.bucket.translate_errors():
            await images.bucket.client.put_object(
                Bucket=images.bucket.name,
                Key=name,
                Body=WholeBody(body),  # pyright: ignore[reportArgumentType] - stands for a file
                ContentLength=len(body),
                ContentType="image/png",
                CacheControl="private",
                ContentDisposition="inline",
                Metadata={"jobid": "01J", "model": "mod%C3%A8le  v1.1"},
            )

    assert (await bucket.bytes_of(name), await bucket.head(name)) == (
        PNG[::-1],
        IsPartialDict(
            ContentLength=len(PNG),
            ContentType="image/png",
            CacheControl="private",
            ContentDisposition="inline",
            Metadata=IsPartialDict(jobid="01J"),
        ),
    )


async def test_small_images_are_sent_by_one_request_each(
    scripted: ScriptedS3, open_images_with: OpenImages, media: MediaHost
) -> None:
    images = await open_images_with(endpoint_url=scripted.address)
    urls = [
        media.serves(PNG),
        media.serves(PNG, framing="chunked"),
        media.serves(b"x" * WHOLE_BYTES),
        media.serves(PNG),
        media.serves(huge_png(WHOLE_BYTES + 100_000)),
    ]

    for url in urls:
        await images.transfer(url, stem(), metadata=METADATA)

    (_, aioboto3s, _), (_, direct, content), *_ = scripted.requests
    own = {"expect", "authorization", "x-amz-date", "amz-sdk-invocation-id", "amz-sdk-request"}
    assert scripted.paths == ["aioboto3", "direct", "direct", "direct", "aioboto3"]
    assert content == PNG
    assert {name: value for name, value in aioboto3s.items() if name not in own} == {
        name: value for name, value in direct.items() if name not in own
    }
    assert re.search(r"SignedHeaders=\S*content-type;host;\S*x-amz-meta-jobid;", direct["authorization"])


@pytest.mark.parametrize("path", _PATHS)
@pytest.mark.parametrize(("status", "code"), [(503, "SlowDown"), (500, "InternalError")])
async def test_an_upload_is_tried_twice_at_most(
    status: int, code: str, *, path: str, scripted: ScriptedS3, open_images_with: OpenImages, media: MediaHost
) -> None:
    async with uploading(path, scripted, open_images_with, media) as upload:
        scripted.answers = [(status, code, {})]
        await upload()
        once = scripted.paths.copy()
        scripted.answers = [(status, code, {})] * 9
        with pytest.raises(ObjectStoreUnavailable) as failure:
            await upload()

    assert str(failure.value) == f"S3 answered with an error ({code})"
    assert (once, scripted.paths[2:]) == ([path, "aioboto3"], ["direct", "aioboto3"])


async def test_a_dropped_upload_ends_with_aioboto3s_error(
    scripted: ScriptedS3, open_images_with: OpenImages, media: MediaHost
) -> None:
    async with uploading("direct", scripted, open_images_with, media) as upload:
        scripted.answers = [(0, "", {})] * 9
        with pytest.raises(ObjectStoreUnavailable, match=r"^S3 cannot be reached \(ConnectionClosedError\)$"):
            await upload()

    assert scripted.paths == ["direct", "direct", "aioboto3"]  # aiohttp repeats the first one by itself


async def test_an_upload_to_a_stopped_server_ends_with_aioboto3s_error(
    open_images_with: OpenImages, media: MediaHost
) -> None:
    s3 = ScriptedS3()
    async with await asyncio.start_server(s3.accept, "127.0.0.1", 0) as server:
        s3.port = server.sockets[0].getsockname()[1]
        images = await open_images_with(endpoint_url=s3.address)
        await images.transfer(media.serves(PNG), stem(), metadata=METADATA)

    with pytest.raises(ObjectStoreUnavailable, match=r"^S3 cannot be reached \(EndpointConnectionError\)$"):
        await images.transfer(media.serves(PNG), stem(), metadata=METADATA)


@pytest.mark.parametrize("path", _PATHS)
@pytest.mark.parametrize(("status", "code"), [(400, "ExpiredToken"), (403, "AccessDenied"), (404, "NoSuchBucket")])
async def test_a_refused_upload_is_not_repeated(
    status: int, code: str, *, path: str, scripted: ScriptedS3, open_images_with: OpenImages, media: MediaHost
) -> None:
    async with uploading(path, scripted, open_images_with, media) as upload:
        scripted.answers = [(status, code, {})]
        with pytest.raises(ObjectStoreRefused, match="bucket"):
            await upload()
        refused = scripted.paths.copy()
        await upload()

    assert (refused, scripted.paths[1:]) == ([path], ["aioboto3"])


async def test_an_upload_follows_the_bucket_to_its_region(
    scripted: ScriptedS3, open_images_with: OpenImages, media: MediaHost
) -> None:
    async with uploading("direct", scripted, open_images_with, media) as upload:
        scripted.answers = [(301, "PermanentRedirect", {"x-amz-bucket-region": "eu-west-3"})]
        await upload()
        await upload()

    assert scripted.paths == ["direct", "aioboto3", "direct"]
    assert scripted.regions == ["us-east-1", "eu-west-3", "eu-west-3"]


async def test_a_body_in_the_response_is_left_to_aioboto3(
    scripted: ScriptedS3, open_images_with: OpenImages, media: MediaHost
) -> None:
    async with uploading("direct", scripted, open_images_with, media) as upload:
        scripted.answers = [(200, "InternalError", {})]
        await upload()

    assert scripted.paths == ["direct", "aioboto3"]


@pytest.mark.parametrize("path", _PATHS)
async def test_a_cut_off_small_image_is_not_sent(
    path: str, scripted: ScriptedS3, open_images_with: OpenImages, media: MediaHost
) -> None:
    images = await open_images_with(endpoint_url=scripted.address)
    if path == "direct":
        await images.transfer(media.serves(PNG), stem(), metadata=METADATA)
        scripted.requests.clear()

    for cut_at in (0, 20, 100_000, len(PNG) - 1):
        with pytest.raises(TransferInterrupted):
            await images.transfer(media.serves(PNG, cut_at=cut_at), stem(), metadata=METADATA)

    assert scripted.requests == []


async def test_the_next_upload_uses_renewed_credentials(scripted: ScriptedS3, s3_settings: S3Settings) -> None:
    session = await asyncio.to_thread(new_session, s3_settings)
    async with open_client(session, scripted.address, 4) as client:

        async def upload() -> None:
            await client.put_object(
                Bucket="pictures",
                Key="1-0.png",
                Body=WholeBody(PNG),  # pyright: ignore[reportArgumentType] - stands for a file
                ContentLength=len(PNG),
                ContentType="image/png",
            )

        await upload()
        await upload()
        renewed = cast("Any", session)._session  # aioboto3 renews them there
        renewed.set_credentials("RENEWED", "secret", "token")
        await upload()

    assert scripted.paths == ["aioboto3", "direct", "direct"]
    last = scripted.requests[2][1]
    assert ("Credential=RENEWED/" in last["authorization"], last["x-amz-security-token"]) == (True, "token")
    assert "x-amz-security-token" in last["authorization"]


async def test_an_upload_with_another_header_is_left_to_aioboto3(
    scripted: ScriptedS3, open_images_with: OpenImages, media: MediaHost
) -> None:
    images = await open_images_with(endpoint_url=scripted.address)

    def demand(request: Any, **_: object) -> None:
        request.headers["x-amz-checksum-crc32"] = "AAAAAA=="

    events: Any = images.bucket.client.meta.events
    events.register("before-sign.s3.PutObject", demand)
    for _ in range(3):
        await images.transfer(media.serves(PNG), stem(), metadata=METADATA)

    assert scripted.paths == ["aioboto3"] * 3
    assert {headers["x-amz-checksum-crc32"] for _, headers, _ in scripted.requests} == {"AAAAAA=="}


async def test_uploads_use_the_environments_proxy(
    scripted: ScriptedS3, open_images_with: OpenImages, media: MediaHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", scripted.address)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    images = await open_images_with(endpoint_url="http://s3.example:80")

    for _ in range(2):
        await images.transfer(media.serves(PNG), stem(), metadata=METADATA)

    assert scripted.paths == _PATHS
    assert [first.split("/")[2] for first, _, _ in scripted.requests] == ["s3.example", "s3.example"]
    assert [headers["host"] for _, headers, _ in scripted.requests] == ["s3.example", "s3.example"]


async def test_aioboto3_is_asked_again_after_a_minute(
    scripted: ScriptedS3, open_images_with: OpenImages, media: MediaHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with uploading("direct", scripted, open_images_with, media) as upload:
        await upload()
        monkeypatch.setattr(direct_put, "_TEMPLATE_KEPT", 0.0)
        await upload()

    assert scripted.paths == ["direct", "aioboto3"]


@pytest.mark.parametrize("path", _PATHS)
async def test_an_upload_is_counted_once_with_its_retry(
    path: str, scripted: ScriptedS3, s3_settings: S3Settings
) -> None:
    metrics = Metrics()
    session = await asyncio.to_thread(new_session, s3_settings)
    async with open_client(session, scripted.address, 4, metrics) as client:

        async def upload() -> None:
            await client.put_object(
                Bucket="pictures",
                Key="1-0.png",
                Body=WholeBody(PNG),  # pyright: ignore[reportArgumentType] - stands for a file
                ContentLength=len(PNG),
                ContentType="image/png",
            )

        if path == "direct":
            await upload()
            await upload()
        scripted.answers = [(503, "SlowDown", {})]
        await upload()

    counted = Scraped((await asyncio.to_thread(exposition, metrics, ""))[0].decode()).series("upstream_requests_total")
    assert counted == {("s3", "PutObject", "ok"): 3 if path == "direct" else 1}
