"""The images of a result are transferred while it is recorded; if it cannot be recorded, none of them stays."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from datetime import timedelta

import pytest
from dirty_equals import IsPartialDict

from imagegen.errors import DocumentRefused, StaleJob
from imagegen.jobs import Job
from imagegen.settings import Settings
from tests.support.bucket import Bucket, open_bucket
from tests.support.service import FLUX, Json, Service, running

TWO: Json = {**FLUX, "options": {"num_images": 2}}
Save = Callable[[Job], Awaitable[Job]]


@pytest.fixture
async def bucket(own: Settings) -> AsyncGenerator[Bucket]:
    async with open_bucket(own.s3) as opened:
        yield opened


@pytest.fixture
async def service(own: Settings) -> AsyncGenerator[Service]:
    limits = own.service.model_copy(update={"lease": timedelta(seconds=1)})
    async with running(own.model_copy(update={"service": limits})) as opened:
        yield opened


class Recording:
    """Takes the place of the store's `save`, and holds the recording of a result back until its images are stored.

    Attributes:
        stored: the objects that were in the bucket before each recording.
        failures: raised in place of the next recordings.
    """

    def __init__(self, save: Save, bucket: Bucket) -> None:
        self.stored: list[Sequence[str]] = []
        self.failures: list[Exception] = []
        self._save, self._bucket = save, bucket

    async def save(self, job: Job) -> Job:
        if job.result is None or job.status.is_final:
            return await self._save(job)
        async with asyncio.timeout(30):
            while len(stored := await self._bucket.left_behind(job.image_prefix)) < len(job.result.images):
                await asyncio.sleep(0.02)
        self.stored.append(stored)
        if self.failures:
            raise self.failures.pop(0)
        return await self._save(job)


@pytest.fixture
def recording(service: Service, bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> Recording:
    made = Recording(service.services.jobs.save, bucket)
    monkeypatch.setattr(service.services.jobs, "save", made.save)
    return made


async def names(bucket: Bucket, service: Service, job_id: str) -> list[str]:
    """The names of the job's objects, without their folder and extension."""
    job = await service.services.jobs.get(job_id)
    keys = await bucket.left_behind(job.image_prefix)
    return sorted(key.removeprefix(job.image_prefix).partition(".")[0] for key in keys)


async def test_images_are_stored_while_the_result_is_recorded(
    service: Service, bucket: Bucket, recording: Recording
) -> None:
    job_id = await service.accept(TWO)
    job = await service.ended(job_id)

    assert job == IsPartialDict(status="completed", missingImages=[], cost=IsPartialDict(numImages=2))
    assert [sorted(stored) for stored in recording.stored] == [sorted(image["key"] for image in job["images"])]
    assert await names(bucket, service, job_id) == ["1-0", "1-1"]


@pytest.mark.slow
async def test_a_lost_lease_leaves_no_image_of_its_epoch(
    service: Service, bucket: Bucket, recording: Recording
) -> None:
    recording.failures = [StaleJob("another runner has it")]

    job_id = await service.accept(TWO)
    job = await service.ended(job_id, within=90)  # without a message, reconciliation takes it up

    assert (job["status"], len(recording.stored)) == ("completed", 2)
    assert await names(bucket, service, job_id) == ["2-0", "2-1"]


async def test_a_result_that_mongodb_refuses_leaves_no_image(
    service: Service, bucket: Bucket, recording: Recording
) -> None:
    recording.failures = [DocumentRefused("too large"), DocumentRefused("too large")]

    job_id = await service.accept(TWO)
    job = await service.ended(job_id)

    assert (job["status"], job["error"]["code"], job["cost"]["totalCost"]) == ("failed", "result_too_large", 0)
    assert await names(bucket, service, job_id) == []


async def test_an_unforeseen_error_leaves_no_image_in_the_end(
    service: Service, bucket: Bucket, recording: Recording
) -> None:
    recording.failures = [RuntimeError("unforeseen")]

    job_id = await service.accept(TWO)
    job = await service.ended(job_id, within=90)

    assert job["status"] == "completed"
    assert "1-0" not in await names(bucket, service, job_id)
