"""POST /api/uploads: a user's own image is stored in the bucket, and used in requests."""

import hashlib
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import suppress
from uuid import uuid4

import httpx
import pytest
from dirty_equals import IsPartialDict, IsStr
from pydantic import ByteSize

from imagegen.settings import LimitSettings, Settings
from tests.support.bucket import Bucket, open_bucket
from tests.support.corpus import NAMES, displayed_size, specimen
from tests.support.service import Json, Sandbox, Service, running
from tests.support.specimens import MIB, huge_png, picture

PNG = picture("png")
DIGEST = hashlib.sha256(PNG).hexdigest()


@pytest.fixture
async def bucket(stack: Settings, service: Service) -> AsyncGenerator[Bucket]:
    assert await service.services.images.bucket.is_available()
    async with open_bucket(stack.s3) as opened:
        yield opened


@pytest.fixture
def user() -> str:
    return f"uploads-{uuid4().hex}"


async def upload(service: Service, user: str | None, content: bytes, *, name: str = "photo.png") -> httpx.Response:
    data = {} if user is None else {"userId": user}
    return await service.client.post("/api/uploads", data=data, files={"file": (name, content, "text/plain")})


def edit(user: str, *urls: str) -> Json:
    inputs = {"prompt": "Make it blue", "image_urls": list(urls)}
    return {"model": "nano-banana-edit", "inputs": inputs, "userId": user}


async def test_upload_is_stored_below_the_users_prefix(service: Service, bucket: Bucket, user: str) -> None:
    answer = await upload(service, user, PNG)

    key = f"inputs/{user}/{DIGEST}.png"
    assert (answer.status_code, answer.json()) == (
        201,
        {
            "url": IsStr(regex=r"http://127\.0\.0\.1:.*X-Amz-Signature=.*"),
            "key": key,
            "contentType": "image/png",
            "width": 320,
            "height": 200,
            "sizeBytes": len(PNG),
            "sha256": DIGEST,
        },
    )
    assert await bucket.bytes_of(key) == PNG
    assert (await bucket.head(key))["ContentType"] == "image/png"


async def test_wrong_field_suggests_the_right_one(service: Service, user: str) -> None:
    answer = await service.client.post("/api/uploads", data={"user_id": user}, files={"image": ("a.png", PNG)})

    named = [(fault["message"], fault.get("suggestion")) for fault in answer.json()["errors"]]
    assert named[:2] == [
        ("An upload has no field 'user_id'; did you mean 'userId'?", "userId"),
        ("An upload has no field 'image'; it takes file and userId.", None),
    ]


@pytest.mark.parametrize("kind", ["png", "jpeg", "webp", "gif"])
async def test_type_is_detected_from_the_bytes(service: Service, user: str, kind: str) -> None:
    answer = await upload(service, user, picture(kind), name="../../etc/passwd")

    assert answer.json() == IsPartialDict(contentType=f"image/{kind}", key=IsStr(regex=rf"inputs/{user}/\w+\.\w+"))


@pytest.mark.parametrize("name", NAMES)
async def test_every_file_of_the_corpus_is_stored(service: Service, user: str, name: str) -> None:
    content = specimen(name)

    answer = await upload(service, user, content, name="evil.html")

    size = (300, 200) if name == "jpeg without end" else displayed_size(content)
    assert (answer.status_code, answer.json()) == (
        201,
        IsPartialDict(
            width=size[0], height=size[1], sizeBytes=len(content), contentType=IsStr(regex="image/[a-z0-9.-]+")
        ),
    )


async def test_link_of_an_upload_is_renewed_for_fal(service: Service, sandbox: Sandbox, user: str) -> None:
    url = (await upload(service, user, PNG)).json()["url"]

    job = (await service.generate(edit(user, url.partition("?")[0]))).json()

    (sent,) = (await sandbox.requests())[-1]["body"]["image_urls"]
    shown = job["inputs"]["image_urls"][0]
    async with httpx.AsyncClient() as anybody:
        assert [(await anybody.get(each)).content for each in (sent, shown)] == [PNG, PNG]
    assert (job["status"], sent.partition("?")[0]) == ("completed", url.partition("?")[0])


async def test_repeat_after_another_upload_of_the_image_is_a_replay(service: Service, user: str) -> None:
    link, other = [(await upload(service, user, content)).json()["url"] for content in (PNG, picture("jpeg"))]
    bare = link.partition("?")[0]

    first, *again = [
        await service.generate(edit(user, url), idempotency_key=user)
        for url in (link, f"{bare}?X-Amz-Signature=later", bare, other)
    ]

    assert [answer.status_code for answer in (first, *again)] == [200, 200, 200, 409]
    assert {answer.json()["jobId"] for answer in again} == {first.json()["jobId"]}


async def test_repeated_batch_may_have_new_links_to_its_images(service: Service, user: str) -> None:
    link = (await upload(service, user, PNG)).json()["url"]
    items = [{**edit(user, url)} for url in (link, f"{link}&later=1")]

    first, again = [await service.batch(item, user_id=user, idempotency_key=user) for item in items]

    assert first.status_code == again.status_code == 202
    assert again.json()["batchId"] == first.json()["batchId"]


async def test_upload_of_another_user_is_an_ordinary_url(service: Service, sandbox: Sandbox, user: str) -> None:
    """No link is signed for a user that does not own the upload."""
    unsigned = (await upload(service, user, PNG)).json()["url"].partition("?")[0]

    await service.generate(edit(f"not-{user}", unsigned))

    assert (await sandbox.requests())[-1]["body"]["image_urls"] == [unsigned]


async def test_missing_upload_is_a_fault(service: Service, user: str) -> None:
    uploaded = (await upload(service, user, PNG)).json()
    await service.services.images.delete(uploaded["key"])

    answer = await service.generate(edit(user, uploaded["url"]))

    assert (answer.status_code, answer.json()["errors"]) == (
        400,
        [
            {
                "pointer": "/inputs/image_urls/0",
                "code": "gone",
                "message": "inputs.image_urls[0] leads to an image that is no longer in the bucket; upload it again.",
            }
        ],
    )


HOSTILE = [
    "../../images",
    "..",
    ".",
    "/",
    "a/b/../../c",
    "a\\b",
    "%2e%2e%2f",
    "user?x=1&y#z",
    "'; DROP TABLE jobs; --",
    '{"$gt": ""}',
    "$where",
    "Zoë 🦊",
    "u" * 128,
]


@pytest.mark.parametrize("user_id", HOSTILE)
async def test_user_id_cannot_leave_its_prefix(service: Service, bucket: Bucket, user_id: str) -> None:
    answer = await upload(service, user_id, PNG)

    key = answer.json()["key"]
    _, folder, name = key.split("/")
    assert (answer.status_code, folder not in {"", ".", ".."}, name) == (201, True, f"{DIGEST}.png")
    assert await bucket.bytes_of(key) == PNG
    assert (await service.generate(edit(user_id, answer.json()["url"]))).json()["status"] == "completed"


@pytest.mark.parametrize("user_id", ["", " padded ", "a\nb", "nul\0", "\x7f", "u" * 129])
async def test_invalid_user_id_of_an_upload_is_refused(service: Service, user_id: str) -> None:
    answer = await upload(service, user_id, PNG)

    assert (answer.status_code, [fault["pointer"] for fault in answer.json()["errors"]]) == (400, ["/userId"])


async def test_all_missing_fields_are_reported(service: Service) -> None:
    answer = await service.client.post("/api/uploads", files={"picture": ("a.png", PNG), "x": (None, "y")})

    assert (answer.status_code, answer.headers["Content-Type"], answer.json()) == (
        400,
        "application/problem+json",
        IsPartialDict(code="invalid_input", missing=["file", "userId"]),
    )
    assert [fault["pointer"] for fault in answer.json()["errors"]] == ["/picture", "/x", "/file", "/userId"]


@pytest.mark.parametrize(
    ("content", "refusal"),
    [
        (b"%PDF-1.7 not a picture", (415, "unsupported_picture")),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", (415, "unsupported_picture")),
        (b"<html><script>alert(1)</script></html>", (415, "unsupported_picture")),
        (b"", (415, "unsupported_picture")),
        (PNG[:20], (400, "invalid_input")),
        (PNG[: len(PNG) // 2], (400, "invalid_input")),
        (picture("jpeg")[:9000], (400, "invalid_input")),
    ],
    ids=["a pdf", "an svg", "a page", "nothing", "half a header", "half a png", "half a jpeg"],
)
async def test_invalid_image_is_refused_and_not_stored(
    service: Service, bucket: Bucket, user: str, content: bytes, refusal: tuple[int, str]
) -> None:
    answer = await upload(service, user, content)

    assert (answer.status_code, answer.json()["code"]) == refusal
    assert await bucket.left_behind(f"inputs/{user}/") == []


@pytest.mark.parametrize(
    ("content_type", "body", "status", "code"),
    [
        ("application/json", b"{}", 415, "unsupported_media_type"),
        ("image/png", PNG, 415, "unsupported_media_type"),
        ("multipart/form-data", b"--x\r\n", 400, "invalid_input"),
        ("multipart/form-data; boundary=x", b"no boundary anywhere", 400, "invalid_input"),
        ("multipart/form-data; boundary=x", b"", 400, "invalid_input"),
        (
            "multipart/form-data; boundary=x",
            b'--x\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n' + PNG,
            400,
            "invalid_input",
        ),
        (
            "multipart/form-data; boundary=x",
            b'--x\r\nContent-Disposition: form-data; name="userId"\r\n\r\n' + b"u" * 100_000 + b"\r\n--x--\r\n",
            400,
            "invalid_input",
        ),
        (
            "multipart/form-data; boundary=x",
            b'--x\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n1\r\n' * 3 + b"--x--\r\n",
            400,
            "invalid_input",
        ),
    ],
    ids=["json", "a bare picture", "no boundary", "not a form", "empty", "broken off", "a huge field", "three files"],
)
async def test_malformed_form_is_refused(
    service: Service, content_type: str, body: bytes, status: int, code: str
) -> None:
    answer = await service.client.post("/api/uploads", content=body, headers={"Content-Type": content_type})

    assert (answer.status_code, answer.json()) == (status, IsPartialDict(code=code, status=status))


def form(user: str, blocks: AsyncIterator[bytes] | None = None, size: int = 0) -> AsyncIterator[bytes]:
    async def parts() -> AsyncGenerator[bytes]:
        yield f'--x\r\nContent-Disposition: form-data; name="userId"\r\n\r\n{user}\r\n'.encode()
        yield b'--x\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n'
        for block in huge_png(size)():
            yield block
        yield b"\r\n--x--\r\n"

    return blocks or parts()


FORM = {"Content-Type": "multipart/form-data; boundary=x"}


async def test_oversized_file_is_refused(stack: Settings, user: str) -> None:
    limits = LimitSettings(max_upload_bytes=ByteSize(4 * MIB))
    async with running(stack.model_copy(update={"limits": limits}), with_runner=False) as service:
        answers = [
            await service.client.post("/api/uploads", content=form(user, size=size), headers=FORM)
            for size in (3 * MIB, 4 * MIB + 300_000, 6 * MIB)
        ]

    assert [answer.status_code for answer in answers] == [201, 413, 413]
    assert answers[1].json() == IsPartialDict(
        code="body_too_large", detail=IsStr(regex=r".*\(IMAGEGEN_MAX_UPLOAD_BYTES\)\. .*")
    )


async def test_endless_upload_is_stopped(stack: Settings, user: str) -> None:
    limits = LimitSettings(max_upload_bytes=ByteSize(MIB))
    sent = 0

    async def endless() -> AsyncGenerator[bytes]:
        nonlocal sent
        yield b'--x\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n'
        while sent < 200 * MIB:
            sent += MIB // 4
            yield bytes(MIB // 4)

    async with running(stack.model_copy(update={"limits": limits}), with_runner=False) as service:
        with suppress(httpx.TransportError):  # the rest is not read, so the response may be lost
            await service.client.post("/api/uploads", content=form(user, endless()), headers=FORM)

    assert sent < 100 * MIB


async def test_aborted_upload_leaves_nothing(service: Service, bucket: Bucket, user: str) -> None:
    async def broken() -> AsyncGenerator[bytes]:
        async for block in form(user, size=2 * MIB):
            yield block
            if len(block) > 10_000:
                raise ConnectionError

    with pytest.raises(ConnectionError):
        await service.client.post("/api/uploads", content=form(user, broken()), headers=FORM)

    assert (await upload(service, user, PNG)).status_code == 201
    assert await bucket.left_behind(f"inputs/{user}/") == [f"inputs/{user}/{DIGEST}.png"]
