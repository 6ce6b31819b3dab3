"""A job delivers what fal made, however odd, and names what cannot be delivered; the others lose nothing by it."""

import asyncio
import base64
from collections.abc import AsyncGenerator
from datetime import timedelta
from uuid import uuid4

import httpx
import pytest
from bucket import open_bucket
from corpus import data_uri, specimen
from dirty_equals import IsPartialDict, IsStr
from pydantic import ByteSize
from service import FLUX, Json, Sandbox, Service, running
from specimens import picture

from imagegen.settings import Settings

PNG, JPEG = picture("png"), picture("jpeg")
LARGE = picture("png", (1200, 900))
LIMIT = 2 * 2**20


@pytest.fixture
async def service(own: Settings) -> AsyncGenerator[Service]:
    limits = own.service.model_copy(update={"max_image_bytes": ByteSize(LIMIT), "lease": timedelta(seconds=3)})
    async with running(own.model_copy(update={"service": limits})) as service:
        yield service


async def at_fal(sandbox: Sandbox, content: bytes) -> str:
    """Where fal's media host serves these bytes."""
    key = {"Authorization": f"Key {sandbox.key}"}
    file: Json = {"file_name": "a", "content_type": "image/png"}
    placed = (await sandbox.client.post("/storage/upload/initiate", json=file, headers=key)).json()
    (await sandbox.client.put(placed["upload_url"], content=content)).raise_for_status()
    return placed["file_url"]


async def gone(sandbox: Sandbox) -> str:
    """An address at fal's media host that leads to nothing."""
    folder, _, name = (await at_fal(sandbox, b"x")).rpartition("/")
    return f"{folder.rpartition('/')[0]}/{uuid4()}/{name}"


async def made(service: Service, sandbox: Sandbox, *urls: str) -> Json:
    """A job for which fal made the pictures at these addresses."""
    result = {"images": [{"url": url} for url in urls], "seed": 7}
    headers = {"x-fal-billable-units": str(len(urls))}
    await sandbox.misbehaves(
        {"fault": "any_answer", "on": ["result"], "body": result, "headers": headers, "request_id": True}
    )
    answer = await service.generate({**FLUX, "options": {"num_images": 2}})
    return await service.job(answer.json()["jobId"])


async def objects_of(service: Service, job: Json) -> list[str]:
    created = job["createdAt"]
    async with open_bucket(service.services.settings.s3) as bucket:
        return await bucket.left_behind(f"images/user123/{created[:4]}/{created[5:7]}/{job['jobId']}/")


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
async def test_one_picture_that_cannot_come_costs_the_others_nothing(
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


async def test_unknown_bytes_are_delivered_beside_a_picture(service: Service, sandbox: Sandbox) -> None:
    unknown = b"\x00\x01\x02 a format of the future" * 99

    job = await made(service, sandbox, await at_fal(sandbox, PNG), await at_fal(sandbox, unknown))

    assert (job["status"], job["missingImages"], job["cost"]["numImages"]) == ("completed", [], 2)
    assert job["images"][1] == IsPartialDict(
        contentType="application/octet-stream", width=None, height=None, sizeBytes=len(unknown)
    )
    async with httpx.AsyncClient() as anybody:
        answer = await anybody.get(job["images"][1]["url"])
    assert (answer.content, answer.headers["Content-Disposition"]) == (unknown, "attachment")


async def test_files_a_browser_could_run_are_handed_over_locked(service: Service, sandbox: Sandbox) -> None:
    svg = b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>"
    page = b"<html><script>alert(1)</script></html>"

    job = await made(
        service, sandbox, await at_fal(sandbox, svg), await at_fal(sandbox, page), await at_fal(sandbox, PNG)
    )

    answers = [await service.client.get(image["permalink"]) for image in job["images"]]
    locked = {"x-content-type-options": "nosniff", "content-security-policy": "default-src 'none'; sandbox"}
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


async def test_picture_in_a_data_uri_is_delivered(service: Service, sandbox: Sandbox) -> None:
    svg = b"<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'/>"
    wrapped = "DATA:image/jpeg;BASE64, " + "\n".join(
        base64.b64encode(JPEG).decode()[at : at + 64] for at in range(0, 4 * len(JPEG), 64)
    )

    job = await made(service, sandbox, data_uri(specimen("jpeg turned to 6")), wrapped, data_uri(svg, "image/svg+xml"))

    assert (job["status"], [(each["contentType"], each["width"], each["height"]) for each in job["images"]]) == (
        "completed",
        [("image/jpeg", 32, 48), ("image/jpeg", 320, 200), ("image/svg+xml", None, None)],
    )


async def test_picture_that_comes_late_is_waited_for_and_the_others_are_fetched_once(
    service: Service, sandbox: Sandbox
) -> None:
    await sandbox.misbehaves({"fault": "media_status", "status": 503, "times": 2})
    answer = await service.generate({**FLUX, "options": {"num_images": 2}})

    job = await service.services.jobs.get(answer.json()["jobId"])
    assert (len(job.images), job.missing_images, job.transfer.attempts in {1, 2}) == (2, (), True)
    assert job.transfer.stored == ()
    assert sorted(await objects_of(service, answer.json())) == sorted(image.key for image in job.images)


async def test_job_without_any_picture_fails_uncharged(service: Service, sandbox: Sandbox) -> None:
    job = await made(service, sandbox, "https://evil.example/a.png", await at_fal(sandbox, LARGE))

    assert job == IsPartialDict(
        status="failed",
        images=[],
        missingImages=[],
        error=IsPartialDict(code="foreign_media_host"),
        cost=IsPartialDict(totalCost=0),
    )
    assert await objects_of(service, job) == []


async def test_stored_picture_survives_the_runner_that_stored_it(own: Settings, sandbox: Sandbox) -> None:
    """The media host forgets the first picture while the second is still to come; another process goes on."""
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
        async with asyncio.timeout(10):
            while not (await service.services.jobs.get(job_id)).transfer.stored:
                await asyncio.sleep(0.05)
        before = (await service.services.jobs.get(job_id)).transfer.stored
    async with running(slow) as service:
        job = await service.ended(job_id, within=60)

    assert [image["key"] for image in job["images"]] == [each.image.key for each in before]
    assert [each["code"] for each in job["missingImages"]] == ["image_gone"]
