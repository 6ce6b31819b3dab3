"""A job delivers whatever files fal made, and lists those that cannot be delivered."""

import asyncio
import base64
from collections.abc import AsyncGenerator
from datetime import timedelta
from uuid import uuid4

import httpx
import pytest
from dirty_equals import IsPartialDict, IsStr
from pydantic import ByteSize

from imagegen.settings import Settings
from tests.support.bucket import open_bucket
from tests.support.corpus import data_uri, specimen
from tests.support.made_images import at_fal, made
from tests.support.service import FLUX, Json, Sandbox, Service, running
from tests.support.specimens import picture

PNG, JPEG = picture("png"), picture("jpeg")
LARGE = picture("png", (1200, 900))
LIMIT = 2 * 2**20


@pytest.fixture
async def service(own: Settings) -> AsyncGenerator[Service]:
    limits = own.service.model_copy(update={"max_image_bytes": ByteSize(LIMIT), "lease": timedelta(seconds=3)})
    async with running(own.model_copy(update={"service": limits})) as service:
        yield service


async def gone(sandbox: Sandbox) -> str:
    """A URL of fal's media host without a file."""
    folder, _, name = (await at_fal(sandbox, b"x")).rpartition("/")
    return f"{folder.rpartition('/')[0]}/{uuid4()}/{name}"


async def objects_of(service: Service, job: Json) -> list[str]:
    created = job["createdAt"]
    async with open_bucket(service.services.settings.s3) as bucket:
        return await bucket.left_behind(f"images/user123/{created[:4]}/{created[5:7]}/{job['jobId']}/")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("bad", "code"),
    [
        ("large", "picture_too_large"),
        ("foreign", "foreign_media_host"),
        ("empty", "not_a_picture"),
        ("malformed", "not_a_picture"),
        ("gone", "image_gone"),
    ],
)
async def test_undeliverable_image_does_not_affect_the_others(
    service: Service, sandbox: Sandbox, bad: str, code: str
) -> None:
    url = {
        "large": lambda: at_fal(sandbox, LARGE),
        "empty": lambda: at_fal(sandbox, b""),
        "gone": lambda: gone(sandbox),
    }.get(bad)
    missing = await url() if url else {"foreign": "https://evil.example/a.png", "malformed": "data:;base64,%"}[bad]

    job = await made(service, sandbox, await at_fal(sandbox, PNG), missing, await at_fal(sandbox, JPEG))

    assert job == IsPartialDict(
        status="completed",
        images=[IsPartialDict(contentType="image/png"), IsPartialDict(contentType="image/jpeg")],
        missingImages=[{"index": 1, "code": code, "message": IsStr(min_length=10)}],
        cost=IsPartialDict(numImages=2, totalCost=0.1),
        error=None,
    )
    assert sorted(await objects_of(service, job)) == sorted(image["key"] for image in job["images"])
    assert len(await sandbox.requests()) == 1


async def test_unknown_bytes_are_delivered_beside_an_image(service: Service, sandbox: Sandbox) -> None:
    unknown = b"\x00\x01\x02 a format of the future" * 99

    job = await made(service, sandbox, await at_fal(sandbox, PNG), await at_fal(sandbox, unknown))

    assert (job["status"], job["missingImages"], job["cost"]["numImages"]) == ("completed", [], 2)
    assert job["images"][1] == IsPartialDict(
        contentType="application/octet-stream", width=None, height=None, sizeBytes=len(unknown)
    )
    async with httpx.AsyncClient() as anybody:
        answer = await anybody.get(job["images"][1]["url"])
    assert (answer.content, answer.headers["Content-Disposition"]) == (unknown, "attachment")


async def test_files_that_a_browser_could_run_are_served_as_attachments(service: Service, sandbox: Sandbox) -> None:
    svg = b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>"
    page = b"<html><script>alert(1)</script></html>"

    job = await made(
        service, sandbox, await at_fal(sandbox, svg), await at_fal(sandbox, page), await at_fal(sandbox, PNG)
    )

    answers = [await service.client.get(image["permalink"]) for image in job["images"]]
    locked = {"x-content-type-options": "nosniff", "content-security-policy": "sandbox; default-src 'none'"}
    assert [(answer.status_code, answer.content, answer.headers["content-type"]) for answer in answers[:2]] == [
        (200, svg, "image/svg+xml"),
        (200, page, "application/octet-stream"),
    ]
    assert [answer.headers["content-disposition"] for answer in answers[:2]] == [
        f'attachment; filename="{job["jobId"]}-0.svg"',
        f'attachment; filename="{job["jobId"]}-1.bin"',
    ]
    assert (answers[2].status_code, all(locked.items() <= dict(answer.headers).items() for answer in answers)) == (
        302,
        True,
    )
    async with httpx.AsyncClient() as anybody:
        bucket = [(await anybody.get(image["url"])).headers["content-disposition"] for image in job["images"]]
    assert bucket == ["attachment", "attachment", "inline"]


async def test_image_in_a_data_uri_is_delivered(service: Service, sandbox: Sandbox) -> None:
    svg = b"<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'/>"
    wrapped = "DATA:image/jpeg;BASE64, " + "\n".join(
        base64.b64encode(JPEG).decode()[at : at + 64] for at in range(0, 4 * len(JPEG), 64)
    )

    job = await made(service, sandbox, data_uri(specimen("jpeg turned to 6")), wrapped, data_uri(svg, "image/svg+xml"))

    assert (job["status"], [(each["contentType"], each["width"], each["height"]) for each in job["images"]]) == (
        "completed",
        [("image/jpeg", 32, 48), ("image/jpeg", 320, 200), ("image/svg+xml", None, None)],
    )


async def test_late_image_is_awaited_and_the_others_are_downloaded_once(service: Service, sandbox: Sandbox) -> None:
    await sandbox.misbehaves({"fault": "media_status", "status": 503, "times": 2})
    answer = await service.generate({**FLUX, "options": {"num_images": 2}})

    job = await service.services.jobs.get(answer.json()["jobId"])
    assert (len(job.images), job.missing_images, job.transfer.attempts in {1, 2}) == (2, (), True)
    assert job.transfer.stored == ()
    assert sorted(await objects_of(service, answer.json())) == sorted(image.key for image in job.images)


async def test_job_without_any_image_fails_uncharged(service: Service, sandbox: Sandbox) -> None:
    job = await made(service, sandbox, "https://evil.example/a.png", await at_fal(sandbox, LARGE))

    assert job == IsPartialDict(
        status="failed",
        images=[],
        missingImages=[],
        error=IsPartialDict(code="foreign_media_host"),
        cost=IsPartialDict(totalCost=0),
    )
    assert await objects_of(service, job) == []


@pytest.mark.slow
async def test_stored_image_survives_the_runner_that_stored_it(own: Settings, sandbox: Sandbox) -> None:
    """The media host loses the first image before the second is there; another process continues."""
    first = await at_fal(sandbox, PNG)
    slow = own.model_copy(update={"service": own.service.model_copy(update={"lease": timedelta(seconds=3)})})
    async with running(slow) as service:
        lost = await gone(sandbox)
        await sandbox.misbehaves(
            {
                "fault": "any_answer",
                "on": ["result"],
                "body": {"images": [{"url": first}, {"url": lost}]},
                "request_id": True,
            }
        )
        job_id = await service.accept({**FLUX, "options": {"num_images": 2}})
        async with asyncio.timeout(30):
            while not (await service.services.jobs.get(job_id)).transfer.stored:
                await asyncio.sleep(0.05)
        before = (await service.services.jobs.get(job_id)).transfer.stored
    async with running(slow) as service:
        job = await service.ended(job_id, within=60)

    assert [image["key"] for image in job["images"]] == [each.image.key for each in before]
    assert [each["code"] for each in job["missingImages"]] == ["image_gone"]
