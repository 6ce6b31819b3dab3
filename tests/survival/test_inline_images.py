"""Images inside fal's result are delivered, whatever their size, and none is lost while S3 is down."""

import asyncio
import io
import os
from collections.abc import AsyncGenerator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import urlsplit

import httpx
import pytest
from dirty_equals import IsPartialDict, IsStr
from PIL import Image

from imagegen.settings import Settings
from tests.support.bucket import open_bucket
from tests.support.corpus import data_uri
from tests.support.door import Door, door
from tests.support.service import FLUX, Json, Sandbox, Service, running
from tests.support.specimens import picture

SECOND = timedelta(seconds=1)
MIB = 2**20


@dataclass(frozen=True, slots=True)
class Behind:
    """A service that reaches S3 through a door."""

    service: Service
    s3: Door


@pytest.fixture
async def behind(own: Settings) -> AsyncGenerator[Behind]:
    port = urlsplit(own.s3.endpoint_url or "").port
    assert port is not None
    async with door(port) as s3:
        limits = own.service.model_copy(update={"lease": 10 * SECOND})
        endpoint = own.s3.model_copy(update={"endpoint_url": f"http://127.0.0.1:{s3.port}"})
        async with running(own.model_copy(update={"service": limits, "s3": endpoint})) as service:
            yield Behind(service, s3)


def noise(mebibytes: float) -> bytes:
    """A PNG of about that size."""
    side = int((mebibytes * MIB / 3) ** 0.5)
    file = io.BytesIO()
    Image.frombytes("RGB", (side, side), os.urandom(3 * side * side)).save(file, "PNG", compress_level=0)
    return file.getvalue()


async def makes(sandbox: Sandbox, *urls: str, generation: float = 0.1) -> None:
    """Give fal's results images at these addresses."""
    answer: Json = {
        "fault": "any_answer",
        "on": ["result"],
        "body": {"images": [{"url": url, "nsfw": False} for url in urls], "seed": 7},
        "headers": {"x-fal-billable-units": str(len(urls))},
        "request_id": True,
        "times": 50,
    }
    await sandbox.misbehaves({"fault": "latency", "queue": 0, "generation": generation}, answer)


async def size_of(service: Service, job_id: str) -> int:
    """The length of the stored job, in characters."""
    return len(repr(await service.services.jobs.get(job_id)))


async def contents(job: Json) -> list[bytes]:
    async with httpx.AsyncClient() as anybody:
        return [(await anybody.get(image["url"])).content for image in job["images"]]


async def objects_of(own: Settings, job: Json) -> list[str]:
    created = job["createdAt"]
    async with open_bucket(own.s3) as bucket:
        return await bucket.left_behind(f"images/user123/{created[:4]}/{created[5:7]}/{job['jobId']}/")


async def test_image_larger_than_a_document_is_delivered(own: Settings, behind: Behind, sandbox: Sandbox) -> None:
    content = noise(14)
    await makes(sandbox, data_uri(content))

    job_id = await behind.service.accept()
    job = await behind.service.ended(job_id, within=60)

    assert job == IsPartialDict(
        status="completed", missingImages=[], error=None, result={"seed": 7}, cost=IsPartialDict(numImages=1)
    )
    assert job["images"] == [IsPartialDict(contentType="image/png", sizeBytes=len(content), nsfw=False)]
    assert await contents(job) == [content]
    assert await objects_of(own, job) == [image["key"] for image in job["images"]]
    assert (len(await sandbox.requests()), await size_of(behind.service, job_id) < 16 * 1024) == (1, True)


@pytest.mark.slow
async def test_several_large_images_are_delivered_beside_those_that_are_none(
    own: Settings, behind: Behind, sandbox: Sandbox
) -> None:
    first, second, third, small = noise(6), noise(6), b"\x00 a format of the future" * 40_000, picture("png")
    broken = "data:image/png;base64," + "%" * MIB
    await makes(sandbox, data_uri(first), broken, data_uri(second), data_uri(third), data_uri(small))

    job = await behind.service.ended(await behind.service.accept({**FLUX, "options": {"num_images": 4}}), within=60)

    assert (job["status"], job["cost"]["numImages"]) == ("completed", 4)
    assert job["missingImages"] == [{"index": 1, "code": "not_a_picture", "message": IsStr(min_length=10)}]
    assert await contents(job) == [first, second, third, small]
    assert sorted(await objects_of(own, job)) == sorted(image["key"] for image in job["images"])


async def test_job_whose_inline_images_are_all_broken_fails_uncharged(
    own: Settings, behind: Behind, sandbox: Sandbox
) -> None:
    await makes(sandbox, "data:image/png;base64," + "%" * MIB)

    job = await behind.service.ended(await behind.service.accept())

    assert (job["status"], job["error"]["code"], job["cost"]["totalCost"]) == ("failed", "not_a_picture", 0)
    assert await objects_of(own, job) == []


async def accepted_and_then_s3_down(behind: Behind, sandbox: Sandbox) -> str:
    job_id = await behind.service.accept()
    async with asyncio.timeout(30):
        while not await sandbox.requests():
            await asyncio.sleep(0.02)
    await behind.s3.shut()
    return job_id


async def held(behind: Behind, job_id: str) -> Json:
    """The job once it waits for S3 to keep its result."""
    async with asyncio.timeout(30):
        while "S3 to keep" not in ((job := await behind.service.job(job_id))["waitingFor"] or ""):
            await asyncio.sleep(0.05)
    return job


@pytest.mark.slow
async def test_result_that_only_s3_can_keep_waits_for_it_and_is_paid_once(
    own: Settings, behind: Behind, sandbox: Sandbox
) -> None:
    content = noise(14)
    await makes(sandbox, data_uri(content), generation=1)
    job_id = await accepted_and_then_s3_down(behind, sandbox)
    meanwhile = await held(behind, job_id)
    is_open = (await behind.service.services.jobs.get(job_id)).is_open_at_fal
    await behind.s3.open()
    job = await behind.service.ended(job_id, within=90)

    said = r"S3 to keep fal\.ai's result, which is too large for MongoDB: S3 .+, since 20\S+Z"
    assert (meanwhile["waitingFor"], is_open) == (IsStr(regex=said), False)
    assert (job["status"], await contents(job), len(await sandbox.requests())) == ("completed", [content], 1)
    assert await objects_of(own, job) == [image["key"] for image in job["images"]]


@pytest.mark.slow
async def test_result_that_only_s3_can_keep_can_be_cancelled(behind: Behind, sandbox: Sandbox) -> None:
    await makes(sandbox, data_uri(noise(14)), generation=1)
    job_id = await accepted_and_then_s3_down(behind, sandbox)
    await held(behind, job_id)
    await behind.service.client.post(f"/api/jobs/{job_id}/cancel")
    job = await behind.service.ended(job_id, within=60)
    await behind.s3.open()

    assert (job["status"], job["cost"]["totalCost"]) == ("cancelled", 0)


async def test_mongodb_keeps_what_it_can_while_s3_is_down(behind: Behind, sandbox: Sandbox) -> None:
    content = noise(2)
    await makes(sandbox, data_uri(content), generation=1)
    job_id = await accepted_and_then_s3_down(behind, sandbox)
    async with asyncio.timeout(30):
        while (recorded := await behind.service.services.jobs.get(job_id)).result is None:
            await asyncio.sleep(0.05)
    await sandbox.misbehaves({"fault": "any_answer", "on": ["result"], "status": 404, "body": {"detail": "no"}})
    await behind.s3.open()
    job = await behind.service.ended(job_id, within=60)

    assert recorded.status == "running"
    assert (job["status"], await contents(job)) == ("completed", [content])


@pytest.mark.slow
async def test_runner_that_ends_before_the_result_is_recorded_loses_nothing(own: Settings, sandbox: Sandbox) -> None:
    content = noise(14)
    port = urlsplit(own.s3.endpoint_url or "").port
    assert port is not None
    await makes(sandbox, data_uri(content), generation=1)
    async with door(port) as s3:
        endpoint = own.s3.model_copy(update={"endpoint_url": f"http://127.0.0.1:{s3.port}"})
        with ExitStack() as until_it_has_ended:
            async with running(own.model_copy(update={"s3": endpoint})) as service:
                job_id = await service.accept()
                async with asyncio.timeout(20):
                    while not await sandbox.requests():
                        await asyncio.sleep(0.02)
                    answer = until_it_has_ended.enter_context(s3.holding("200 OK"))
                    await answer.came.wait()
                before = await service.services.jobs.get(job_id)
    left = await objects_of(own, {"jobId": job_id, "createdAt": before.created_at.isoformat()})
    async with running(own) as service:
        job = await service.ended(job_id, within=60)
        async with asyncio.timeout(30):  # orphans are removed right after the end
            while len(await objects_of(own, job)) > 1:
                await asyncio.sleep(0.05)

    assert (before.result, len(left)) == (None, 1)
    assert (job["status"], await contents(job), len(await sandbox.requests())) == ("completed", [content], 1)
    assert await objects_of(own, job) == [image["key"] for image in job["images"]]
