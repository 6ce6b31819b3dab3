"""Faults of fal or of its media host; the sandbox's ledger shows what was paid for."""

from collections.abc import AsyncGenerator
from datetime import timedelta

import pytest
from dirty_equals import IsPartialDict
from pydantic import ByteSize

from imagegen.jobs import SubmissionState
from imagegen.settings import Settings
from tests.support.bucket import open_bucket
from tests.support.service import FLUX, Json, Sandbox, Service, running


@pytest.fixture
async def service(own: Settings) -> AsyncGenerator[Service]:
    limits = own.service.model_copy(update={"max_image_bytes": ByteSize(2 * 2**20), "lease": timedelta(seconds=3)})
    async with running(own.model_copy(update={"service": limits})) as service:
        yield service


async def objects_of(service: Service, job: Json) -> list[str]:
    """The keys of the job's objects in the bucket."""
    created = job["createdAt"]
    async with open_bucket(service.services.settings.s3) as bucket:
        return await bucket.left_behind(f"images/user123/{created[:4]}/{created[5:7]}/{job['jobId']}/")


@pytest.mark.parametrize(
    "fault",
    [
        {"fault": "submit_drop", "when": "after_accepting"},
        {"fault": "submit_drop", "when": "half_body"},
        {"fault": "submit_drop", "when": "after_accepting", "how": "reset"},
        {"fault": "submit_gateway_error", "status": 502, "accepted": True},
        {"fault": "submit_gateway_error", "status": 408, "accepted": True},
    ],
    ids=["no answer", "half an answer", "reset", "a gateway's 502", "a gateway's 408"],
)
async def test_submit_without_a_response_is_never_repeated(service: Service, sandbox: Sandbox, fault: Json) -> None:
    await sandbox.misbehaves(fault, {"fault": "history_unavailable"})

    answer = await service.generate()

    job = await service.services.jobs.get(answer.json()["jobId"])
    assert (answer.status_code, answer.json()["code"], job.submission.state, job.cost.total_cost) == (
        500,
        "submission_unknown",
        SubmissionState.UNKNOWN,
        0,
    )
    assert len(await sandbox.requests()) == 1


async def test_submit_that_fal_certainly_did_not_accept_is_repeated(service: Service, sandbox: Sandbox) -> None:
    await sandbox.misbehaves({"fault": "submit_status", "status": 429, "body": {"detail": "Slow down"}, "times": 2})

    answer = await service.generate()

    assert (answer.status_code, len(await sandbox.requests())) == (200, 1)


@pytest.mark.parametrize(
    "fault",
    [
        {"fault": "read_status", "on": ["status"], "status": 403, "times": 2},
        {"fault": "read_status", "on": ["status"], "status": 404, "times": 2},
        {"fault": "read_status", "on": ["status", "result"], "status": 429, "times": 2},
        {"fault": "read_status", "on": ["stream", "result"], "status": 503, "body": "busy", "times": 2},
        {"fault": "read_drop", "on": ["status", "result"], "times": 2},
    ],
    ids=["account locked", "not found", "too often", "down", "dropped"],
)
async def test_failed_read_does_not_fail_a_paid_job(service: Service, sandbox: Sandbox, fault: Json) -> None:
    await sandbox.misbehaves(fault)

    answer = await service.generate()

    assert (answer.status_code, answer.json()["status"], len(await sandbox.requests())) == (200, "completed", 1)


@pytest.mark.parametrize(
    "fault",
    [
        {"fault": "media_truncated", "length": "whole", "times": 1},
        {"fault": "media_truncated", "length": "kept", "times": 1},
        {"fault": "media_truncated", "length": "absent", "times": 1},
        {"fault": "media_status", "status": 503, "times": 1},
        {"fault": "media_corrupt", "times": 2},
        {"fault": "media_chunked"},
        {"fault": "media_content_type", "content_type": "text/html"},
    ],
    ids=["broken off", "cut short", "chunks broken off", "host down", "noise twice", "chunked", "wrong type"],
)
async def test_image_is_downloaded_until_it_is_whole(service: Service, sandbox: Sandbox, fault: Json) -> None:
    await sandbox.misbehaves(fault)

    job = (await service.generate()).json()

    assert (job["status"], job["images"]) == ("completed", [IsPartialDict(contentType="image/jpeg", width=1024)])
    assert await objects_of(service, job) == [image["key"] for image in job["images"]]
    assert len(await sandbox.requests()) == 1


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        ({"fault": "media_corrupt", "bytes": "nothing"}, "not_a_picture"),
        ({"fault": "media_huge", "mebibytes": 3}, "picture_too_large"),
        ({"fault": "media_huge", "mebibytes": 3, "content_length": False}, "picture_too_large"),
        ({"fault": "foreign_media_host"}, "foreign_media_host"),
    ],
    ids=["no picture", "too large", "too large, said late", "foreign host"],
)
async def test_unusable_image_fails_the_job_and_leaves_no_object(
    service: Service, sandbox: Sandbox, fault: Json, code: str
) -> None:
    await sandbox.misbehaves(fault)

    answer = await service.generate({**FLUX, "options": {"num_images": 2}})

    job = await service.job(answer.json()["jobId"])
    assert (answer.status_code, job["error"]["code"], job["cost"]["totalCost"]) == (500, code, 0)
    assert await objects_of(service, job) == []
    assert len(await sandbox.requests()) == 1


async def test_fifth_crashed_runner_in_a_row_ends_the_unsent_job(own: Settings, sandbox: Sandbox) -> None:
    async with running(own, with_runner=False) as service:
        job_id = await service.accept()
        for number in range(4):
            assert await service.services.jobs.claim(job_id, f"dead-{number}", timedelta(0))
    async with running(own) as service:
        job = await service.ended(job_id)

    assert (job["error"]["code"], await sandbox.requests()) == ("runner_crashed", [])
