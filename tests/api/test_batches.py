"""Batches: many generations in one request, all or none of which are accepted."""

import asyncio
import base64
import time
from collections.abc import AsyncGenerator, Awaitable
from datetime import timedelta
from uuid import uuid4

import pytest
from dirty_equals import IsList, IsPartialDict, IsStr

from imagegen.engine.worker import reconcile
from imagegen.errors import QueueUnavailable
from imagegen.jobs import Job
from imagegen.settings import LimitSettings, Settings
from tests.support.jobs_apart import apart
from tests.support.service import FLUX, ITEM, Json, Sandbox, Service, running
from tests.support.specimens import picture

NO_BATCH = "/api/batches/01ARZ3NDEKTSV4RRFFQ69G5FAV"


@pytest.fixture
async def idle(stack: Settings) -> AsyncGenerator[Service]:
    """A separate service that accepts jobs, but runs none."""
    async with running(apart(stack), with_runner=False) as service:
        yield service


def variant(number: int) -> Json:
    return {"model": "flux-pro", "inputs": {"prompt": f"variant {number}"}}


def inline(format: str) -> str:  # noqa: A002 - Pillow's word
    return f"data:image/png;base64,{base64.b64encode(picture(format)).decode()}"


async def test_every_request_of_a_batch_becomes_a_job(service: Service) -> None:
    accepted = await service.batch(variant(1), {**variant(2), "userId": "user123"}, variant(3))
    batch = accepted.json()

    ended = (await service.client.get(accepted.headers["Location"], params={"wait": 30})).json()
    jobs = [await service.job(job_id) for job_id in batch["jobIds"]]

    assert (accepted.status_code, accepted.headers["Location"]) == (202, f"/api/batches/{batch['batchId']}")
    assert ended == {
        "batchId": batch["batchId"],
        "userId": "user123",
        "status": "ended",
        "counts": {"total": 3, "queued": 0, "running": 0, "completed": 3, "failed": 0, "cancelled": 0},
        "cost": {"estimated": 0.15, "charged": 0.15, "currency": "USD"},
        "jobIds": IsList(length=3),
        "refused": [],
        "createdAt": IsStr(regex=r"20.*Z"),
    }
    assert jobs == [
        IsPartialDict(
            status="completed",
            batchId=batch["batchId"],
            inputs={"prompt": f"variant {number}"},
            images=IsList(length=1),
        )
        for number in (1, 2, 3)
    ]


async def test_failed_jobs_are_counted_and_not_charged(service: Service, sandbox: Sandbox) -> None:
    await sandbox.misbehaves({"fault": "model_fails", "times": 1})
    path = (await service.batch(variant(1), variant(2))).headers["Location"]

    ended = (await service.client.get(path, params={"wait": 30})).json()

    assert ended == IsPartialDict(
        status="ended",
        counts=IsPartialDict(total=2, completed=1, failed=1),
        cost={"estimated": 0.1, "charged": 0.05, "currency": "USD"},
    )


async def test_history_can_be_filtered_by_batch(service: Service) -> None:
    batch = (await service.batch(variant(1), variant(2))).json()
    await service.generate()

    listed = (await service.client.get("/api/jobs", params={"batchId": batch["batchId"]})).json()

    assert {job["jobId"] for job in listed["jobs"]} == set(batch["jobIds"])


async def test_batch_of_a_thousand_requests_is_accepted(idle: Service) -> None:
    started = time.monotonic()
    answer = await idle.batch(*(variant(number) for number in range(1000)))
    seconds = time.monotonic() - started

    batch = answer.json()
    assert (answer.status_code, batch["counts"]["queued"], len(set(batch["jobIds"]))) == (202, 1000, 1000)
    assert seconds < 15
    assert len((await idle.services.queue.stream.queued()).all) == 1000


async def test_wait_with_a_tag_ends_on_any_change(service: Service, sandbox: Sandbox) -> None:
    await sandbox.misbehaves({"fault": "latency", "generation": 1.5})
    path = (await service.batch(variant(1))).headers["Location"]
    tag, seen = 'W/"an older one"', list[Json]()
    while not seen or seen[-1]["status"] != "ended":
        answer = await service.client.get(path, params={"wait": 30}, headers={"If-None-Match": tag})
        tag = answer.headers["ETag"]
        seen.append(answer.json()["counts"] | {"status": answer.json()["status"]})

    assert [each for number, each in enumerate(seen) if each in seen[:number]] == []
    assert len(seen) >= 2


async def test_unchanged_batch_is_304_after_the_wait(idle: Service) -> None:
    path = (await idle.batch(variant(1))).headers["Location"]
    tag = (await idle.client.get(path)).headers["ETag"]
    started = time.monotonic()

    answer = await idle.client.get(path, params={"wait": 1}, headers={"If-None-Match": tag})

    assert answer.status_code == 304
    assert 0.9 < time.monotonic() - started < 2


FAULTY: Json = {"model": "flux-pro", "inputs": {"promt": "a hat"}, "options": {"num_images": 99}}


async def test_every_fault_of_every_request_is_reported(idle: Service) -> None:
    foreign = {**ITEM, "userId": "somebody-else"}
    answer = await idle.batch(ITEM, FAULTY, {**ITEM, "model": "flux-prp"}, {"inputs": {}}, 7)  # pyright: ignore[reportArgumentType] - no object
    well_formed = await idle.batch(ITEM, foreign)

    assert (answer.status_code, [(each["pointer"], each["code"]) for each in answer.json()["errors"]]) == (
        400,
        [
            ("/requests/1/inputs/prompt", "missing"),
            ("/requests/1/inputs/promt", "unknown_name"),
            ("/requests/1/options/num_images", "out_of_range"),
            ("/requests/2/model", "unknown_model"),
            ("/requests/3/model", "missing"),
            ("/requests/4", "wrong_type"),
        ],
    )
    assert answer.json()["errors"][0]["message"] == "requests[1]: inputs.prompt is required."
    assert (well_formed.status_code, [each["pointer"] for each in well_formed.json()["errors"]]) == (
        400,
        ["/requests/1/userId"],
    )
    assert (await idle.client.get("/api/jobs")).json()["jobs"] == []


@pytest.mark.parametrize(
    ("body", "faults"),
    [
        ({"userId": "user123", "requests": []}, [("/requests", "too_short")]),
        ({"userId": "user123", "requests": [ITEM] * 1001}, [("/requests", "too_long")]),
        ({"requests": [ITEM]}, [("/userId", "missing")]),
        ({"userId": "user123", "requests": {}}, [("/requests", "wrong_type")]),
        ({"userId": "user123", "requests": [ITEM], "user": 1}, [("/user", "unknown_name")]),
        ([], [("", "wrong_type")]),
    ],
    ids=["none", "too many", "no user", "no list", "unknown name", "no object"],
)
async def test_invalid_batch_is_refused(idle: Service, body: object, faults: list[tuple[str, str]]) -> None:
    answer = await idle.client.post("/api/images/batch", json=body)

    assert (answer.status_code, [(each["pointer"], each["code"]) for each in answer.json()["errors"]]) == (400, faults)


async def test_at_most_a_hundred_faults_are_reported(idle: Service) -> None:
    answer = await idle.batch(*[FAULTY] * 200)

    assert len(answer.json()["errors"]) == 100


async def test_operators_limit_is_reported_for_the_request_that_exceeds_it(stack: Settings) -> None:
    strict = apart(stack).model_copy(update={"limits": LimitSettings(max_prompt_chars=5, max_batch_bytes=2000)})  # pyright: ignore[reportArgumentType] - pydantic makes a ByteSize of it
    async with running(strict, with_runner=False) as service:
        prompt = await service.batch({**ITEM, "inputs": {"prompt": "hat"}}, ITEM)
        large = await service.batch(*[ITEM] * 50)

    assert [each["pointer"] for each in prompt.json()["errors"]] == ["/requests/1/inputs/prompt"]
    assert (large.status_code, "IMAGEGEN_MAX_BATCH_BYTES" in large.json()["detail"]) == (413, True)


async def test_images_in_a_batch_are_stored_and_a_broken_one_refuses_it(service: Service) -> None:
    edit: Json = {"model": "nano-banana-edit", "inputs": {"prompt": "a hat", "image_urls": [inline("png")]}}
    broken: Json = {**edit, "inputs": {"prompt": "a hat", "image_urls": [inline("png"), "data:image/png;base64,AAAA"]}}

    refused = await service.batch(edit, broken)
    accepted = (await service.batch(edit)).json()
    job = await service.ended(accepted["jobIds"][0])

    assert (refused.status_code, [each["pointer"] for each in refused.json()["errors"]]) == (
        400,
        ["/requests/1/inputs/image_urls/1"],
    )
    assert (job["status"], job["inputs"]["image_urls"]) == ("completed", [IsStr(regex="http://.*/inputs/user123/.*")])


async def test_repeated_batch_returns_the_first_one(idle: Service) -> None:
    key = uuid4().hex
    first = await idle.batch(variant(1), variant(2), idempotency_key=key)
    again = await idle.batch(variant(1), variant(2), idempotency_key=key)
    other = await idle.batch(variant(1), idempotency_key=key)

    batch_id = first.json()["batchId"]
    assert (again.status_code, again.headers["Idempotent-Replayed"], again.json()) == (202, "true", first.json())
    assert (other.status_code, other.json()) == (409, IsPartialDict(code="idempotency_mismatch", batchId=batch_id))
    assert len((await idle.client.get("/api/jobs")).json()["jobs"]) == 2


async def test_racing_batches_with_one_key_are_one_batch(idle: Service) -> None:
    key = uuid4().hex
    answers = await asyncio.gather(*(idle.batch(variant(1), variant(2), idempotency_key=key) for _ in range(6)))

    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.json()["batchId"] for answer in answers}) == 1
    assert len((await idle.client.get("/api/jobs")).json()["jobs"]) == 2


async def test_batch_is_accepted_while_the_queue_is_down_and_reconciled(
    idle: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_job: Job, *, crowded: bool) -> Awaitable[None]:  # noqa: ARG001 - its form
        raise QueueUnavailable

    monkeypatch.setattr(idle.services.queue, "publish", refuse)
    accepted = await idle.batch(variant(1), variant(2))
    monkeypatch.undo()

    assert accepted.status_code == 202
    assert await reconcile(idle.services, timedelta(seconds=-1)) == 2


@pytest.mark.parametrize("path", [NO_BATCH, "/api/batches/nonsense"])
async def test_unknown_batch_is_404(idle: Service, path: str) -> None:
    answer = await idle.client.get(path)

    assert (answer.status_code, answer.json()["code"]) == (404, "batch_not_found")


async def test_batch_and_generate_do_not_share_idempotency_keys(idle: Service) -> None:
    key = uuid4().hex
    batch = (await idle.batch(ITEM, idempotency_key=key)).json()
    job = (await idle.generate(FLUX, prefer="respond-async", idempotency_key=key)).json()

    assert job["jobId"] not in batch["jobIds"]


async def test_cancelling_a_batch_ends_jobs_that_fal_does_not_have(idle: Service) -> None:
    batch = (await idle.batch(*map(variant, range(60)))).json()
    path = f"/api/batches/{batch['batchId']}/cancel"

    cancelled, again = [await idle.client.post(path) for _ in range(2)]

    assert (cancelled.status_code, cancelled.json()["counts"], cancelled.json()["cost"]["charged"]) == (
        200,
        {"total": 60, "queued": 0, "running": 0, "completed": 0, "failed": 0, "cancelled": 60},
        0,
    )
    assert (again.status_code, again.json()) == (200, cancelled.json())


async def test_fal_decides_about_cancelled_jobs_that_it_has(service: Service, sandbox: Sandbox) -> None:
    await sandbox.misbehaves({"fault": "latency", "queue": 60})
    batch = (await service.batch(variant(1))).json()
    async with asyncio.timeout(20):
        while not (await service.services.jobs.get(batch["jobIds"][0])).submission.request:
            await asyncio.sleep(0.02)

    asked = await service.client.post(f"/api/batches/{batch['batchId']}/cancel")
    ended = await service.client.get(asked.headers["Location"], params={"wait": 20})

    assert (asked.status_code, ended.json()["counts"]["cancelled"]) == (202, 1)
