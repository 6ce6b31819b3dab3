"""DELETE /api/jobs/{jobId} keeps only the cost of a job; and permanent links to images."""

import base64
from collections.abc import AsyncGenerator
from datetime import timedelta
from uuid import uuid4

import httpx
import pytest
from dirty_equals import IsPartialDict, IsStr

from imagegen.clock import now
from imagegen.operations.delete import SETTLED_AFTER, delete, sweep_deletions
from imagegen.settings import Settings
from tests.support.bucket import Bucket, open_bucket
from tests.support.door import door
from tests.support.service import FLUX, Json, Sandbox, Service, running
from tests.support.specimens import picture

PNG = picture("png")


@pytest.fixture
async def bucket(stack: Settings, service: Service) -> AsyncGenerator[Bucket]:
    assert await service.services.images.bucket.is_available()
    async with open_bucket(stack.s3) as opened:
        yield opened


@pytest.fixture
def user() -> str:
    return f"deletion-{uuid4().hex}"


def edit(user: str) -> Json:
    uri = f"data:image/png;base64,{base64.b64encode(PNG).decode()}"
    return {"model": "nano-banana-edit", "inputs": {"prompt": "A secret", "image_urls": [uri]}, "userId": user}


async def left(bucket: Bucket, user: str) -> int:
    return len([*await bucket.left_behind(f"images/{user}/"), *await bucket.left_behind(f"inputs/{user}/")])


async def stored(service: Service, job_id: str) -> Json:
    """The job's document in MongoDB."""
    jobs = service.services.jobs._jobs  # pyright: ignore[reportPrivateUsage] - what is kept is the point of these tests
    return await jobs.find_one({"_id": job_id}) or {}


def gone(job_id: str) -> object:
    return IsPartialDict(code="job_deleted", status=410, jobId=job_id)


async def test_deleted_job_leaves_only_its_cost(service: Service, bucket: Bucket, user: str) -> None:
    job = (await service.generate(edit(user), idempotency_key=user)).json()
    path = f"/api/jobs/{job['jobId']}"

    first = await service.client.delete(path)
    others = [
        await service.client.delete(path),
        await service.client.get(path),
        await service.client.get(f"/api/images/{job['jobId']}/0"),
        await service.generate(edit(user), idempotency_key=user),
    ]

    assert (first.status_code, first.content) == (204, b"")
    assert [answer.json() for answer in others] == [gone(job["jobId"])] * 4
    assert await left(bucket, user) == 0
    assert (await service.client.get("/api/jobs", params={"userId": user})).json()["jobs"] == []


async def test_tombstone_keeps_only_user_model_times_and_cost(service: Service, user: str) -> None:
    job_id = (await service.generate(edit(user))).json()["jobId"]
    jobs = service.services.jobs
    before = await jobs.get(job_id)

    await delete(job_id, service.services)

    document = await stored(service, job_id)
    assert document == IsPartialDict(
        userId=user,
        model="nano-banana-edit",
        status="completed",
        createdAt=before.created_at,
        completedAt=before.completed_at,
        inputs={},
        options={},
        payload={},
        result=None,
        images=[],
        inputKeys=[],
    )
    assert document["cost"]["totalCost"] == before.cost.total_cost
    assert "secret" not in repr(document).lower()


async def test_error_message_of_a_failed_job_is_deleted(service: Service, sandbox: Sandbox, user: str) -> None:
    await sandbox.misbehaves({"fault": "model_fails", "message": "the prompt 'hush' is bad", "times": 1})
    job_id = (await service.generate({**FLUX, "userId": user})).json()["jobId"]

    answer = await service.client.delete(f"/api/jobs/{job_id}")

    document = await stored(service, job_id)
    assert (answer.status_code, "hush" in repr(document), document["error"]["code"]) == (
        204,
        False,
        "input_refused",
    )


async def test_unfinished_job_cannot_be_deleted(service: Service, sandbox: Sandbox) -> None:
    await sandbox.misbehaves({"fault": "latency", "generation": 1.0})
    job_id = await service.accept()

    refused = await service.client.delete(f"/api/jobs/{job_id}")

    assert (refused.status_code, refused.json()) == (409, IsPartialDict(code="job_unfinished", retryable=True))
    assert (await service.ended(job_id))["status"] == "completed"
    assert (await service.client.delete(f"/api/jobs/{job_id}")).status_code == 204


@pytest.mark.parametrize("job_id", ["01M8232K259GS0AHXP5V3YPEE3", "nothing", "models", '{"$ne":1}'])
async def test_deleting_an_unknown_job_is_404(service: Service, job_id: str) -> None:
    answers = [await service.client.delete(f"/api/jobs/{job_id}"), await service.client.get(f"/api/images/{job_id}/0")]

    assert [answer.status_code for answer in answers] == [404, 404]


async def test_shared_input_is_kept_until_the_last_job_is_deleted(service: Service, bucket: Bucket, user: str) -> None:
    first, second = [(await service.generate(edit(user))).json()["jobId"] for _ in range(2)]

    await service.client.delete(f"/api/jobs/{first}")
    between = await bucket.left_behind(f"inputs/{user}/")
    await service.client.delete(f"/api/jobs/{second}")

    assert (len(between), await left(bucket, user)) == (1, 0)


async def test_sweep_completes_a_deletion_after_a_crash(service: Service, bucket: Bucket, user: str) -> None:
    job_id = (await service.generate(edit(user))).json()["jobId"]
    job = await service.services.jobs.get(job_id)
    await service.services.removals.create_tombstone(job.deleted(now()))

    between = (await service.client.get(f"/api/jobs/{job_id}")).status_code, await left(bucket, user)
    await sweep_deletions(service.services)

    assert (between, await left(bucket, user)) == ((410, 2), 0)


async def test_images_that_a_late_runner_stored_are_deleted_too(service: Service, user: str) -> None:
    job_id = (await service.generate(edit(user))).json()["jobId"]
    await delete(job_id, service.services)

    removals = service.services.removals
    soon = [job.id for job in await removals.pending_purge(now(), 100)]
    later = [job.id for job in await removals.pending_purge(now() + SETTLED_AFTER, 100)]

    assert (job_id in soon, job_id in later) == (False, True)


async def test_images_are_deleted_once_s3_is_back(stack: Settings, service: Service, bucket: Bucket, user: str) -> None:
    job_id = (await service.generate(edit(user))).json()["jobId"]
    assert stack.s3.endpoint_url is not None
    async with door(int(stack.s3.endpoint_url.rpartition(":")[2])) as s3:
        behind = stack.s3.model_copy(update={"endpoint_url": f"http://127.0.0.1:{s3.port}"})
        async with running(stack.model_copy(update={"s3": behind}), with_runner=False) as other:
            await s3.shut()
            deleted = await other.client.delete(f"/api/jobs/{job_id}")
            read = await other.client.get(f"/api/jobs/{job_id}")
            between = await left(bucket, user)
            await s3.open()
            await sweep_deletions(other.services)

    # The other process of this worker may have deleted some of the images already: it reaches S3.
    assert (deleted.status_code, read.status_code, between > 0, await left(bucket, user)) == (202, 410, True, 0)


async def test_permalink_works_after_signed_links_have_expired(stack: Settings, user: str) -> None:
    brief = stack.s3.model_copy(update={"presign_expires": timedelta(seconds=1)})
    async with running(stack.model_copy(update={"s3": brief})) as service:
        job = (await service.generate({**FLUX, "userId": user})).json()
        (image,) = job["images"]
        async with httpx.AsyncClient() as anybody:
            while (await anybody.get(image["url"])).status_code == 200:
                pass
        again = await service.client.get(image["permalink"], follow_redirects=True)

    assert (again.status_code, len(again.content)) == (200, image["sizeBytes"])


async def test_permalink_returns_304_for_its_etag(service: Service, user: str) -> None:
    image = (await service.generate({**FLUX, "userId": user})).json()["images"][0]

    first = await service.client.get(image["permalink"])
    matches = [f'"{image["sha256"]}"', f'"x", W/"{image["sha256"]}"', "*", '"x"']
    again = [(await service.client.get(image["permalink"], headers={"If-None-Match": tag})) for tag in matches]

    assert (first.status_code, first.headers["ETag"]) == (302, f'"{image["sha256"]}"')
    assert [answer.status_code for answer in again] == [304, 304, 304, 302]
    assert {answer.headers["ETag"] for answer in again} == {first.headers["ETag"]}


async def test_download_has_a_file_name_even_with_unsigned_links(stack: Settings, user: str) -> None:
    public = stack.s3.model_copy(update={"public_url": "https://cdn.example.com"})
    async with running(stack.model_copy(update={"s3": public})) as service:
        job = (await service.generate({**FLUX, "userId": user})).json()
        plain = await service.client.get(job["images"][0]["permalink"])
        saved = await service.client.get(job["images"][0]["permalink"] + "?download=1")
    async with httpx.AsyncClient() as anybody:
        file = await anybody.get(saved.headers["Location"])

    assert plain.headers["Location"] == IsStr(regex=r"https://cdn\.example\.com/images/.*")
    assert file.headers["Content-Disposition"] == f'attachment; filename="{job["jobId"]}-0.jpg"'


async def test_permalink_names_the_missing_image(service: Service, sandbox: Sandbox) -> None:
    done = (await service.generate()).json()["jobId"]
    await sandbox.misbehaves({"fault": "latency", "generation": 1.0})
    running_one = await service.accept()
    numbers = [f"{done}/1", f"{running_one}/0", f"{done}/-1", f"{done}/x", f"{done}/99999"]

    answers = [await service.client.get(f"/api/images/{number}") for number in numbers]

    assert [(answer.status_code, answer.json()["code"]) for answer in answers] == [
        (404, "image_not_found"),
        (409, "job_unfinished"),
        (400, "invalid_query"),
        (400, "invalid_query"),
        (400, "invalid_query"),
    ]
    assert (await service.client.get("/api/images/models/flux-pro")).status_code == 200
    await service.ended(running_one)
