"""A page of the history is serialized job by job, so that large jobs do not block the event loop."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from imagegen.jobs import Job, JobStatus, ProviderImage, ProviderResult, StoredImage
from tests.support.jobs_apart import a_job
from tests.support.loop_meter import metering, slowness
from tests.support.service import Service

LONGEST_TICK = 0.1  # seconds of the loop's processor time
PROMPT = "\U0001f98a" * 50_000  # the longest prompt that is allowed, in characters of four bytes
DETAILS = "d" * 60_000


def a_large_job(user: str, number: int) -> Job:
    """A job with the longest prompt, ten images and the largest result."""
    new = a_job(user_id=user, age=timedelta(seconds=200 - number))
    images = tuple(
        StoredImage(key=f"{new.id}/{n}.png", content_type="image/png", width=1, height=1, size_bytes=1, sha256="0" * 64)
        for n in range(10)
    )
    result = ProviderResult(
        images=tuple(ProviderImage(url=f"https://v3.fal.media/{n}.png") for n in range(10)),
        billable_units=None,
        payload={"seed": 1, "description": DETAILS},
    )
    inputs = {"prompt": PROMPT}
    return replace(
        new,
        inputs=inputs,
        payload=inputs,
        images=images,
        result=result,
        status=JobStatus.COMPLETED,
        images_requested=10,
    )


async def store(service: Service, jobs: Sequence[Job]) -> None:
    for job in jobs:
        await service.services.jobs.insert(job)


@pytest.mark.slow
@pytest.mark.timed
@pytest.mark.timeout(180)
async def test_page_of_large_jobs_does_not_block_the_event_loop(service: Service) -> None:
    await store(service, [a_large_job("large pages", number) for number in range(100)])
    url = f"{service.client.base_url}/api/jobs?userId=large%20pages&limit=100"
    longest = 1.0
    for _ in range(5):
        with metering() as meter:
            curl = await asyncio.create_subprocess_exec(
                "curl", "-s", "-o", "/dev/null", "-w", "%{http_code} %{size_download}", url, stdout=-1
            )
            told, _ = await curl.communicate()
        status, size = told.split()
        assert (status, int(size) > 20_000_000) == (b"200", True)
        longest = min(longest, meter.longest)

    assert longest / slowness() < LONGEST_TICK, longest
