"""The Python client against the service: its README, every verb, and answers that are lost on the way."""

import asyncio
import io
import os
import sys
from collections.abc import AsyncGenerator
from pathlib import Path
from uuid import uuid4

import pytest
from PIL import Image as Pictures

from imagegen_client import (
    AsyncImagegen,
    BatchItem,
    BudgetExceeded,
    Imagegen,
    JobCancelled,
    JobFailed,
    JobRefused,
    NotFound,
    WaitTimeout,
)
from tests.support.clients import PYTHON, address, billed, blocks, run
from tests.support.door import Door, door
from tests.support.service import Service

QUICKSTART = """\
from imagegen_client import Imagegen
job = Imagegen("http://localhost:5000", api_key="ig_…").run("flux-pro", prompt="A lighthouse in winter", user="user123")
job.images[0].save("lighthouse.jpg")
"""


@pytest.fixture
async def client(service: Service) -> AsyncGenerator[AsyncImagegen]:
    async with AsyncImagegen(address(service), user="ann") as client:
        yield client


@pytest.fixture
async def entrance(service: Service) -> AsyncGenerator[Door]:
    assert service.client.base_url.port is not None
    async with door(service.client.base_url.port) as it:
        yield it


@pytest.mark.slow
async def test_the_readme_runs_as_it_is_printed(service: Service, tmp_path: Path) -> None:
    programs = blocks(PYTHON / "README.md", "python")

    assert programs[0] == QUICKSTART
    for program in programs:
        script = program.replace("http://localhost:5000", address(service))
        environ = {**os.environ, "PYTHONPATH": str(PYTHON / "src"), "PYTHONWARNINGS": "error"}
        status, printed = await run(sys.executable, "-c", script, folder=tmp_path, environ=environ)
        assert (status, "Traceback" in printed) == (0, False), printed
    assert (tmp_path / "lighthouse.jpg").read_bytes()[:2] == b"\xff\xd8"


async def test_run_answers_with_an_image(client: AsyncImagegen, tmp_path: Path) -> None:
    job = await client.run("flux-pro", prompt="A fox", output_format="png")
    saved = await job.images[0].save(tmp_path)

    assert (job.status, job.cost.total_cost, job.user_id, job.ended) == ("completed", 0.05, "ann", True)
    assert saved.name == f"{job.job_id}-0.png"
    with Pictures.open(saved) as picture:
        assert picture.size == (job.images[0].width, job.images[0].height)
    assert f'src="{job.images[0].url[:20]}' in job._repr_html_()  # pyright: ignore[reportPrivateUsage] - IPython's


async def test_subscribe_hears_of_every_stage(client: AsyncImagegen) -> None:
    stages = list[str | None]()

    job = await client.subscribe("flux-dev", prompt="A fox", on_event=lambda event: stages.append(event.stage))

    assert job.status == "completed"
    assert {"generating", "storing"} <= set(stages)
    assert [event.status async for event in client.events(job)] == ["completed"]


async def test_a_batch_is_waited_for(client: AsyncImagegen) -> None:
    batch = await client.batch([{"model": "flux-pro", "prompt": "A"}, {"model": "flux-dev", "prompt": "B"}])

    ended = await batch.wait(timeout=60)
    jobs = [job.job_id async for job in batch.jobs()]

    assert (ended.ended, ended.counts.completed) == (True, 2)
    assert sorted(jobs) == sorted(batch.job_ids)


async def test_a_batch_that_may_be_partial_tells_what_budgets_refused(client: AsyncImagegen, service: Service) -> None:
    scope = {"kind": "user", "value": "poor"}
    made = await service.client.post("/api/budgets", json={"name": "poor", "scope": scope, "amount": 0.05})
    items: list[BatchItem] = [{"model": "flux-pro", "prompt": "A"}, {"model": "flux-pro", "prompt": "B"}]
    with pytest.raises(BudgetExceeded):
        await client.batch(items, user="poor")
    batch = await client.batch(items, user="poor", partial=True)
    await service.client.delete(f"/api/budgets/{made.json()['id']}")

    assert len(batch.job_ids) == 1
    assert [(each.index, each.budgets[0].id) for each in batch.refused] == [(1, made.json()["id"])]


async def test_the_history_and_the_usage(client: AsyncImagegen) -> None:
    user = uuid4().hex
    made = [(await client.run("flux-pro", prompt="A fox", user=user)).job_id for _ in range(3)]

    assert [job.job_id async for job in client.jobs(user=user, page_size=2)] == made[::-1]
    usage = await client.usage(user=user, group_by="month")
    of_users = await client.usage(user=user, group_by="user")
    assert (usage.total.jobs, usage.total.charged) == (3, 0.15)
    assert [(row.user_id, row.charged) for row in of_users.rows] == [(user, 0.15)]


async def test_an_estimate_and_the_models_cost_nothing(client: AsyncImagegen) -> None:
    estimate = await client.estimate("nano-banana-edit", num_images=2, resolution="4K")
    names = [model.name for model in await client.models()]

    assert (estimate.total_cost, [each.pointer for each in estimate.warnings]) == (
        0.6, ["/inputs/prompt", "/inputs/image_urls"],
    )  # fmt: skip
    assert (await client.model(names[0])).inputs_schema["type"] == "object"


async def test_an_uploaded_image_is_edited(client: AsyncImagegen, tmp_path: Path) -> None:
    file = io.BytesIO()
    Pictures.new("RGB", (64, 64), "red").save(file, "PNG")
    await asyncio.to_thread((tmp_path / "red.png").write_bytes, file.getvalue())

    upload = await client.upload(tmp_path / "red.png")
    same = await client.upload(file.getvalue())
    job = await client.run("nano-banana-edit", prompt="Add snow", image_urls=[upload.url])

    assert (upload.width, upload.key) == (64, same.key)
    assert job.status == "completed"


async def test_a_job_is_cancelled_retried_and_deleted(client: AsyncImagegen, service: Service) -> None:
    await service.sandbox.misbehaves({"fault": "latency", "generation": 30})
    try:
        job = await client.submit("flux-pro", prompt="A fox")
        with pytest.raises(WaitTimeout):
            await job.wait(timeout=0)
        await job.cancel()
        with pytest.raises(JobCancelled):
            (await job.wait(timeout=20)).raise_if_failed()
    finally:
        await service.sandbox.behaves()

    again = await (await client.retry(job)).wait(timeout=20)
    assert (again.status, again.retry_of) == ("completed", job.job_id)
    await client.delete(again)
    with pytest.raises(NotFound):
        await client.job(again.job_id)


async def test_a_refused_job_says_so(client: AsyncImagegen, service: Service) -> None:
    await service.sandbox.misbehaves({"fault": "model_fails", "type": "content_policy_violation"})
    try:
        with pytest.raises(JobRefused) as caught:
            await client.run("flux-pro", prompt="A fox")
    finally:
        await service.sandbox.behaves()

    assert caught.value.job is not None
    assert (caught.value.retryable, caught.value.charged, caught.value.request_id is not None) == (False, False, True)


async def test_a_lost_answer_of_run_is_not_paid_twice(service: Service, entrance: Door) -> None:
    def make() -> str:
        with Imagegen(f"http://127.0.0.1:{entrance.port}", user="ann") as client:
            return client.run("flux-pro", prompt=prompt).job_id

    prompt = uuid4().hex
    with entrance.holding('"jobId"') as held:
        running = asyncio.create_task(asyncio.to_thread(make))
        await held.came.wait()
        await entrance.shut()
    await asyncio.sleep(0.3)
    await entrance.open()
    job_id = await running

    assert len(await billed(service, prompt)) == 1
    assert (await service.job(job_id))["status"] == "completed"


async def test_a_lost_answer_to_a_batch_is_not_paid_twice(service: Service, entrance: Door) -> None:
    prompt = uuid4().hex
    async with AsyncImagegen(f"http://127.0.0.1:{entrance.port}", user="ann") as client:
        with entrance.holding('"batchId"') as held:
            running = asyncio.create_task(client.batch([{"model": "flux-pro", "prompt": prompt}]))
            await held.came.wait()
            await entrance.shut()
        await entrance.open()
        await (await running).wait(timeout=30)

    assert len(await billed(service, prompt)) == 1


async def test_connections_that_break_again_and_again(service: Service, entrance: Door) -> None:
    prompt = uuid4().hex
    async with AsyncImagegen(f"http://127.0.0.1:{entrance.port}", user="ann") as client:
        await service.sandbox.misbehaves({"fault": "latency", "generation": 2})
        try:
            running = asyncio.create_task(client.run("flux-pro", prompt=prompt))
            for _ in range(4):
                await asyncio.sleep(0.4)
                await entrance.shut()
                await asyncio.sleep(0.1)
                await entrance.open()
            job = await running
        finally:
            await service.sandbox.behaves()
        data = await job.images[0].read()

    assert (job.status, len(data)) == ("completed", job.images[0].size_bytes)
    assert len(await billed(service, prompt)) == 1


async def test_a_failed_job_whose_answer_was_lost_is_still_a_failed_job(service: Service) -> None:
    await service.sandbox.misbehaves({"fault": "model_fails", "type": "content_policy_violation"})
    key = uuid4().hex
    try:
        async with AsyncImagegen(address(service), user="ann") as client:
            for _ in range(2):
                with pytest.raises(JobFailed) as caught:
                    await client.run("flux-pro", prompt="A fox", idempotency_key=key)
                assert caught.value.code == "input_refused"
    finally:
        await service.sandbox.behaves()
