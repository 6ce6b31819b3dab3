"""The `link` of an image opens it without a key, until its job is deleted or its time is over."""

import base64
import json
from collections.abc import AsyncGenerator
from datetime import timedelta
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import httpx
import pytest
from dirty_equals import IsPartialDict
from pydantic import SecretStr

from imagegen.clock import now
from imagegen.engine.webhook_sender import sending_webhooks
from imagegen.jobs import new_job_id
from imagegen.jobs.link_tokens import ImageLink, make_token
from imagegen.operations.bucket_reach import links_redirect
from imagegen.settings import LinkSettings, S3Settings, Settings
from tests.support.bucket import open_bucket
from tests.support.corpus import saved
from tests.support.door import door
from tests.support.keys import add_key, bearer
from tests.support.made_images import at_fal, made
from tests.support.processes import free_port
from tests.support.receiver import Receiver
from tests.support.service import FLUX, Json, Sandbox, Service, running

SECRET: Final = "a-secret-of-the-tests-of-links-000"
LOCKED: Final = {
    "x-content-type-options": "nosniff",
    "content-security-policy": "sandbox; default-src 'none'",
    "referrer-policy": "no-referrer",
    "access-control-allow-origin": "*",
}


def linking(settings: Settings, **more: Any) -> Settings:
    """The settings, with these of links."""
    return settings.model_copy(update={"links": LinkSettings(**more)})


@pytest.fixture(scope="module")
async def streaming(stack: Settings) -> AsyncGenerator[Service]:
    """A service whose bucket is private, as a local one is."""
    async with running(linking(stack, secrets=SecretStr(SECRET))) as service:
        yield service


@pytest.fixture(scope="module")
async def redirecting(stack: Settings) -> AsyncGenerator[Service]:
    async with running(linking(stack, secrets=SecretStr(SECRET), delivery="redirect")) as service:
        yield service


async def image_of(service: Service, **more: Any) -> Json:
    """The image of a new job, with the job's id."""
    job = (await service.generate({**FLUX, **more})).json()
    return {**job["images"][0], "jobId": job["jobId"]}


async def bytes_in_bucket(service: Service, image: Json) -> bytes:
    async with open_bucket(service.services.settings.s3) as bucket:
        return await bucket.bytes_of(image["key"])


def token_of(job_id: str, number: int = 0, **life: float) -> str:
    ends_at = now() + timedelta(**life) if life else None
    return make_token(ImageLink(job_id=job_id, number=number, ends_at=ends_at), SECRET.encode())


async def test_link_of_a_private_bucket_is_the_image(streaming: Service) -> None:
    image = await image_of(streaming)

    answer = await streaming.client.get(image["link"])

    assert (answer.status_code, answer.content) == (200, await bytes_in_bucket(streaming, image))
    assert dict(answer.headers) == IsPartialDict(
        {
            **LOCKED,
            "content-type": "image/jpeg",
            "content-length": str(image["sizeBytes"]),
            "content-disposition": f'inline; filename="{image["jobId"]}-0.jpg"',
            "etag": f'"{image["sha256"]}"',
            "accept-ranges": "bytes",
            "cache-control": "private, max-age=3600",
        }
    )


async def test_link_of_a_public_bucket_leads_there(redirecting: Service) -> None:
    image = await image_of(redirecting)

    answer = await redirecting.client.get(image["link"])
    query = parse_qs(urlsplit(answer.headers["location"]).query)
    async with httpx.AsyncClient() as anybody:
        followed = await anybody.get(answer.headers["location"])

    assert answer.status_code == 302
    assert dict(answer.headers) == IsPartialDict(
        {**LOCKED, "etag": f'"{image["sha256"]}"', "cache-control": "private, max-age=1800"}
    )
    assert query["response-content-type"] == ["image/jpeg"]
    assert (followed.content, followed.headers["content-type"], followed.headers["content-disposition"]) == (
        await bytes_in_bucket(redirecting, image),
        "image/jpeg",
        f'inline; filename="{image["jobId"]}-0.jpg"',
    )


async def test_redirect_is_not_valid_for_longer_than_its_link(redirecting: Service) -> None:
    image = await image_of(redirecting)

    answer = await redirecting.client.get(f"/i/{token_of(image['jobId'], seconds=100)}")

    (expires,) = parse_qs(urlsplit(answer.headers["location"]).query)["X-Amz-Expires"]
    assert 80 <= int(expires) <= 100
    assert answer.headers["cache-control"].removeprefix("private, max-age=") in {str(each) for each in range(80, 101)}


async def test_redirect_below_a_public_url_is_not_signed(stack: Settings) -> None:
    s3 = stack.s3.model_copy(update={"public_url": "https://pictures.example.com", "publicly_reachable": None})
    async with running(stack.model_copy(update={"s3": s3})) as service:
        image = await image_of(service)
        answer = await service.client.get(image["link"])

    assert (answer.status_code, answer.headers["location"]) == (302, f"https://pictures.example.com/{image['key']}")


@pytest.mark.parametrize("mode", ["streaming", "redirecting"])
async def test_head_and_conditional_requests(mode: str, streaming: Service, redirecting: Service) -> None:
    service = streaming if mode == "streaming" else redirecting
    image = await image_of(service)
    tag = f'"{image["sha256"]}"'

    got, head = [await service.client.request(method, image["link"]) for method in ("GET", "HEAD")]
    same = [await service.client.get(image["link"], headers={"If-None-Match": each}) for each in (tag, f"W/{tag}", "*")]
    other = await service.client.get(image["link"], headers={"If-None-Match": '"another"'})

    varying = {"x-request-id", "date", "location", "traceparent"}
    assert (head.status_code, head.content) == (got.status_code, b"")
    assert {name: head.headers[name] for name in head.headers if name not in varying} == {
        name: got.headers[name] for name in got.headers if name not in varying
    }
    assert [(answer.status_code, answer.content, answer.headers["etag"]) for answer in same] == [(304, b"", tag)] * 3
    assert other.status_code == got.status_code


async def test_ranges_of_an_image(streaming: Service) -> None:
    image = await image_of(streaming)
    whole, size, tag = await bytes_in_bucket(streaming, image), image["sizeBytes"], f'"{image["sha256"]}"'

    async def part(value: str, **more: str) -> tuple[int, bytes, str | None]:
        headers = {"Range": value, **{name.replace("_", "-"): each for name, each in more.items()}}
        answer = await streaming.client.get(image["link"], headers=headers)
        return answer.status_code, answer.content, answer.headers.get("content-range")

    assert await part("bytes=0-9") == (206, whole[:10], f"bytes 0-9/{size}")
    assert await part("bytes=-10") == (206, whole[-10:], f"bytes {size - 10}-{size - 1}/{size}")
    assert await part("bytes=10-", if_range=tag) == (206, whole[10:], f"bytes 10-{size - 1}/{size}")
    assert await part("bytes=10-", if_range='"another"') == (200, whole, None)
    assert await part("bytes=0-1,4-5") == (200, whole, None)
    beyond = await streaming.client.get(image["link"], headers={"Range": f"bytes={size}-"})
    assert (beyond.status_code, beyond.json()["code"]) == (416, "range_not_satisfiable")
    assert (beyond.headers["content-range"], beyond.headers["access-control-allow-origin"]) == (f"bytes */{size}", "*")
    head = await streaming.client.head(image["link"], headers={"Range": "bytes=0-9"})
    assert (head.status_code, head.headers["content-length"]) == (200, str(size))


KINDS: Final = {
    "png": (saved("PNG"), "image/png", "inline"),
    "jpeg": (saved("JPEG"), "image/jpeg", "inline"),
    "webp": (saved("WEBP"), "image/webp", "inline"),
    "gif": (saved("GIF"), "image/gif", "inline"),
    "avif": (saved("AVIF"), "image/avif", "inline"),
    "tiff": (saved("TIFF"), "image/tiff", "attachment"),
    "bmp": (saved("BMP"), "image/bmp", "attachment"),
    "svg": (b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>", "image/svg+xml", "attachment"),
    "html": (b"<html><script>alert(1)</script></html>", "application/octet-stream", "attachment"),
    "text": (b"just a text", "application/octet-stream", "attachment"),
    "html behind a gif": (saved("GIF") + b"<script>alert(1)</script>", "image/gif", "inline"),
}


@pytest.mark.parametrize("delivery", ["stream", "redirect"])
async def test_only_five_kinds_of_images_are_shown(own: Settings, sandbox: Sandbox, delivery: str) -> None:
    async with running(linking(own, delivery=delivery)) as service:
        job = await made(service, sandbox, *[await at_fal(sandbox, content) for content, _, _ in KINDS.values()])
        answers = [await service.client.get(image["link"]) for image in job["images"]]
        async with httpx.AsyncClient() as anybody:
            followed = [
                await anybody.get(answer.headers["location"]) if answer.status_code == 302 else answer
                for answer in answers
            ]

    assert [image["contentType"] for image in job["images"]] == [kind for _, kind, _ in KINDS.values()]
    assert [
        (answer.content, answer.headers["content-type"], answer.headers["content-disposition"].partition(";")[0])
        for answer in followed
    ] == [*KINDS.values()]
    redirects = [name for name, answer in zip(KINDS, answers, strict=True) if answer.status_code == 302]
    shown = [name for name, (_, _, disposition) in KINDS.items() if disposition == "inline"]
    assert redirects == (shown if delivery == "redirect" else [])
    assert [LOCKED.items() <= dict(answer.headers).items() for answer in answers] == [True] * len(KINDS)


async def test_nothing_is_stored_of_a_link(streaming: Service) -> None:
    """So jobs of earlier releases have links, and so has a job whose document is put back as it was."""
    image = await image_of(streaming)
    jobs = streaming.services.jobs._jobs  # pyright: ignore[reportPrivateUsage] - what is stored is the point
    document = await jobs.find_one({"_id": image["jobId"]})
    await streaming.client.get(image["link"])

    assert await jobs.find_one({"_id": image["jobId"]}) == document
    assert "link" not in str(document).lower()


async def test_links_end_with_their_job(streaming: Service, redirecting: Service) -> None:
    image = await image_of(streaming)
    before = [(await each.client.get(image["link"])).status_code for each in (streaming, redirecting)]

    await streaming.client.delete(f"/api/jobs/{image['jobId']}")
    after = [await each.client.get(image["link"]) for each in (streaming, redirecting)]
    cached = await streaming.client.get(image["link"], headers={"If-None-Match": f'"{image["sha256"]}"'})

    assert before == [200, 302]
    assert [(answer.status_code, answer.json()["code"]) for answer in (*after, cached)] == [(410, "link_ended")] * 3
    assert image["jobId"] not in after[0].text


async def test_link_whose_time_is_over_has_ended(streaming: Service) -> None:
    image = await image_of(streaming)

    answers = [
        await streaming.client.get(f"/i/{token_of(image['jobId'], **life)}")
        for life in ({"seconds": -1}, {"days": -9999}, {"seconds": 60}, {"days": 9999}, {})
    ]

    assert [answer.status_code for answer in answers] == [410, 410, 200, 200, 200]
    assert answers[0].json() == IsPartialDict(code="link_ended", status=410)
    assert answers[0].headers["cache-control"] == "no-store"


async def test_unknown_and_changed_tokens_do_not_differ(streaming: Service, service: Service) -> None:
    image = await image_of(streaming)
    running_job = await streaming.accept({**FLUX, "userId": f"links-{uuid4().hex}"})
    token = image["link"].removeprefix("/i/")
    foreign = (await image_of(service))["link"]  # another secret
    unknown = [
        f"/i/{token[:-1]}{'A' if token[-1] != 'A' else 'B'}",
        f"/i/{'A' if token[0] != 'A' else 'B'}{token[1:]}",
        f"/i/{token_of(new_job_id(now()))}",
        f"/i/{token_of(image['jobId'], 1)}",
        f"/i/{token_of(image['jobId'], 65535)}",
        foreign,
        f"/i/{token_of(running_job, 3)}",
        "/i/x",
        f"/i/{token}A",
        f"/i/{token}%00",
        "/i/%F0%9F%92%A9",
        f"/i/{'A' * 20_000}",
        f"/i/{base64.urlsafe_b64encode(bytes(39)).decode()}",
    ]

    answers = [await streaming.client.get(path) for path in unknown]

    forms = {(answer.status_code, str(sorted({**answer.json(), "requestId": ""}.items()))) for answer in answers}
    assert len(forms) == 1
    assert answers[0].json() == IsPartialDict(code="link_not_found", status=404)
    assert {tuple(sorted({*answer.headers} - {"content-length"})) for answer in answers} == {
        tuple(sorted({*answers[0].headers} - {"content-length"}))
    }


async def test_link_needs_no_key_and_ignores_a_foreign_one(own: Settings) -> None:
    token = await add_key(own, users=["user123"])
    async with running(own) as service:
        image = (await service.generate(FLUX, **bearer(token))).json()["images"][0]
        answers = [
            await service.client.get(image["link"], headers=headers)
            for headers in ({}, {"Authorization": "Key fal-id:fal-secret"}, {"Authorization": "Bearer ig_wrong"})
        ]
        queried = await service.client.get(image["link"], params={"utm_source": "newsletter", "x": ["1", "2"]})
        permalink = await service.client.get(image["permalink"])

    assert [answer.status_code for answer in (*answers, queried, permalink)] == [200, 200, 200, 200, 401]


async def test_page_of_any_origin_reads_a_link(own: Settings) -> None:
    limits = own.limits.model_copy(update={"cors_origins": "https://app.example.com"})
    async with running(own.model_copy(update={"limits": limits})) as service:
        link = (await image_of(service))["link"]
        allowed = [
            (await service.client.get(link, headers={"Origin": origin})).headers["access-control-allow-origin"]
            for origin in ("https://evil.example", "https://app.example.com", "null")
        ]

    assert allowed == ["*", "https://app.example.com", "*"]


async def test_image_that_left_the_bucket_is_410(streaming: Service) -> None:
    image = await image_of(streaming)
    await streaming.services.images.delete(image["key"])

    answer = await streaming.client.get(image["link"])

    assert (answer.status_code, answer.json()["code"]) == (410, "image_gone")


async def test_every_way_to_read_a_job_has_its_link(own: Settings, receiver: Receiver) -> None:
    secret = SecretStr("whsec_" + base64.b64encode(bytes(range(32))).decode())
    webhooks = own.webhooks.model_copy(update={"secrets": secret, "allow_private": True})
    port = free_port()
    public = own.service.model_copy(update={"public_url": f"http://127.0.0.1:{port}"})
    settings = own.model_copy(update={"webhooks": webhooks, "service": public})
    async with running(settings, port=port) as service, sending_webhooks(service.services):
        job = (await service.generate({**FLUX, "webhookUrl": receiver.url})).json()
        async with service.client.stream("GET", f"/api/jobs/{job['jobId']}/events") as events:
            told = "".join([line async for line in events.aiter_lines()])
        listed = (await service.client.get("/api/jobs")).json()["jobs"][0]
        link = job["images"][0]["link"]
        again = await service.job(job["jobId"])
        (received,) = await receiver.times(1)

    assert link.startswith(f"http://127.0.0.1:{port}/i/")
    assert [listed["images"][0]["link"], again["images"][0]["link"], link in told] == [link, link, True]
    assert json.loads(received.body)["data"]["images"][0]["link"] == link


@pytest.mark.parametrize(
    ("s3", "delivery", "redirects"),
    [
        ({}, None, True),
        ({"endpoint_url": "https://abc.r2.cloudflarestorage.com"}, None, True),
        ({"endpoint_url": "http://127.0.0.1:9000"}, None, False),
        ({"endpoint_url": "http://minio:9000"}, None, False),
        ({"endpoint_url": "http://s3.internal"}, None, False),
        ({"endpoint_url": "http://minio:9000", "presign_endpoint_url": "https://s3.example.com"}, None, True),
        ({"endpoint_url": "http://minio:9000", "public_url": "https://cdn.example.com"}, None, True),
        ({"endpoint_url": "http://minio:9000", "publicly_reachable": True}, None, True),
        ({"endpoint_url": "https://s3.example.com", "publicly_reachable": False}, None, False),
        ({"endpoint_url": "http://minio:9000"}, "redirect", True),
        ({}, "stream", False),
    ],
)
def test_links_lead_to_buckets_that_everybody_reaches(s3: Json, delivery: Any, *, redirects: bool) -> None:
    settings = Settings(s3=S3Settings(bucket="pictures", **s3), links=LinkSettings(delivery=delivery))

    assert links_redirect(settings) is redirects


async def test_bucket_that_does_not_answer_is_503(own: Settings) -> None:
    assert own.s3.endpoint_url is not None
    async with door(int(own.s3.endpoint_url.rpartition(":")[2])) as s3:
        behind = own.s3.model_copy(update={"endpoint_url": f"http://127.0.0.1:{s3.port}"})
        async with running(own.model_copy(update={"s3": behind})) as service:
            image = await image_of(service)
            await s3.shut()
            answer = await service.client.get(image["link"])
            head = await service.client.head(image["link"])
            await s3.open()
            again = await service.client.get(image["link"])

    assert (answer.status_code, answer.json()["code"], answer.headers["retry-after"]) == (503, "unavailable", "5")
    assert (head.status_code, again.status_code) == (200, 200)
