"""Several processes share the queue and the slots at fal; a restart of one loses nothing."""

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path

import httpx
import pytest

from imagegen.settings import Settings
from tests.support.processes import Running, environment, imagegen, serving, takes_jobs
from tests.support.service import FLUX, Json, Sandbox

pytestmark = [pytest.mark.usefixtures("service"), pytest.mark.slow]  # which creates the bucket
BOUND = 3


def most_at_once(requests: Sequence[Json]) -> int:
    """The highest number of requests that were open at fal at the same time."""
    moments = [(request["submitted_at"], 1) for request in requests]
    moments += [(request["completed_at"], -1) for request in requests]
    open_now, most = 0, 0
    for _, change in sorted(moments):
        open_now += change
        most = max(most, open_now)
    return most


async def ended(running: Running, job_ids: Sequence[str], *, within: float = 60) -> list[Json]:
    jobs: list[Json] = []
    async with asyncio.timeout(within):
        for job_id in job_ids:
            while (job := (await running.client.get(f"/api/jobs/{job_id}")).json())["status"] in {"queued", "running"}:
                await asyncio.sleep(0.1)
            jobs.append(job)
    return jobs


async def accepted(running: Running, user: str = "user123") -> str:
    body, headers = {**FLUX, "userId": user}, {"Prefer": "respond-async"}
    answer = await running.client.post("/api/images/generate", json=body, headers=headers)
    assert answer.status_code == 202, answer.text
    return answer.json()["jobId"]


@pytest.mark.timeout(200)
async def test_bound_holds_for_all_processes_after_one_is_killed(
    own: Settings, sandbox: Sandbox, tmp_path: Path
) -> None:
    await sandbox.misbehaves({"fault": "latency", "generation": 0.3})
    bound = {"FAL_CONCURRENCY": str(BOUND)}
    environ = environment(own) | bound
    async with AsyncExitStack() as stack:
        serve = await stack.enter_async_context(serving(own, tmp_path, bound))
        workers = [
            await stack.enter_async_context(imagegen("worker", environ=environ, directory=tmp_path)) for _ in range(2)
        ]
        job_ids = [await accepted(serve, f"user{number % 3}") for number in range(30)]
        async with asyncio.timeout(30):
            while len(await sandbox.requests()) < 8:
                await asyncio.sleep(0.05)
        await workers[0].kill()
        # If the killed process had every slot at fal, reconciliation finds its jobs within 45 s.
        jobs = await ended(serve, job_ids, within=120)
    requests = await sandbox.requests()

    codes = {job["error"]["code"] for job in jobs if job["status"] != "completed"}
    assert codes <= {"submission_unknown"}  # of the job that the killed process was submitting
    assert (len(requests), most_at_once(requests)) == (30, BOUND)


async def test_jobs_waiting_for_a_slot_at_fal_do_not_delay_a_stop(
    own: Settings, sandbox: Sandbox, tmp_path: Path
) -> None:
    await sandbox.misbehaves({"fault": "latency", "generation": 3.0})
    bound = {"FAL_CONCURRENCY": "1", "IMAGEGEN_SHUTDOWN_GRACE": "4s"}
    async with serving(own, tmp_path, bound) as first:
        job_ids = [await accepted(first) for _ in range(3)]
        async with asyncio.timeout(30):
            while not await sandbox.requests():
                await asyncio.sleep(0.05)
        status = await asyncio.wait_for(first.ask_to_end(), 4)
    async with serving(own, tmp_path, bound) as second:
        jobs = await ended(second, job_ids)

    requests = await sandbox.requests()
    assert (status, [job["status"] for job in jobs]) == (0, ["completed"] * 3)
    assert (len(requests), most_at_once(requests)) == (3, 1)


async def test_last_of_four_processes_completes_the_work_of_the_killed_ones(
    own: Settings, sandbox: Sandbox, tmp_path: Path
) -> None:
    await sandbox.misbehaves({"fault": "latency", "generation": 3.0})
    four_each = {"IMAGEGEN_CONCURRENCY": "4"}
    environ = environment(own) | four_each
    async with AsyncExitStack() as stack:
        last, other = [await stack.enter_async_context(serving(own, tmp_path, four_each)) for _ in range(2)]
        workers: list[Running] = []
        for directory in (tmp_path / "first", tmp_path / "second"):
            directory.mkdir()
            worker = imagegen("worker", environ=environ, directory=directory)
            workers.append(await stack.enter_async_context(worker))
            await takes_jobs(directory)
        job_ids = [await accepted((last, other)[number % 2]) for number in range(24)]
        async with asyncio.timeout(30):
            while len(await sandbox.requests()) < 16:
                await asyncio.sleep(0.05)
        for process in (other, *workers):
            await process.kill()
        jobs = await ended(last, job_ids)
    requests = await sandbox.requests()

    assert [job["status"] for job in jobs] == ["completed"] * 24
    assert (len(requests), most_at_once(requests)) == (24, 16)  # so all four worked


class FailingOver:
    """A client of two services: it repeats a failed request at the other, under the same idempotency key."""

    def __init__(self, services: list[Running]) -> None:
        self.services = services

    async def generate(self, number: int) -> Json:
        headers = {"Idempotency-Key": f"request-{number}"}
        answer = await self._ask("POST", "/api/images/generate", number, json=FLUX, headers=headers)
        job: Json = answer.json()
        while job["status"] in {"queued", "running"}:
            await asyncio.sleep(0.1)
            job = (await self._ask("GET", f"/api/jobs/{job['jobId']}", number)).json()
        return job

    async def _ask(self, method: str, path: str, number: int, **more: object) -> httpx.Response:
        async with asyncio.timeout(40):
            while True:
                service = self.services[number % 2]
                try:
                    answer = await service.client.request(method, path, **more)  # pyright: ignore[reportArgumentType] - as given
                    if answer.status_code < 500:
                        return answer
                except httpx.TransportError:
                    pass
                number += 1
                await asyncio.sleep(0.05)


async def test_rolling_restart_under_load_loses_no_request_and_no_job(
    own: Settings, sandbox: Sandbox, tmp_path: Path
) -> None:
    await sandbox.misbehaves({"fault": "latency", "generation": 0.5})
    async with AsyncExitStack() as stack:
        pair = [await stack.enter_async_context(serving(own, tmp_path)) for _ in range(2)]
        client = FailingOver(pair)
        calls: list[asyncio.Task[Json]] = []
        statuses: list[int] = []
        for turn in range(2):
            for number in range(turn * 16, turn * 16 + 16):
                calls.append(asyncio.create_task(client.generate(number)))
                await asyncio.sleep(0.05)
            statuses.append(await pair[turn].ask_to_end())
            client.services[turn] = await stack.enter_async_context(serving(own, tmp_path))
        jobs = await asyncio.gather(*calls)

    assert (statuses, [job["status"] for job in jobs]) == ([0, 0], ["completed"] * 32)
    assert (len({job["jobId"] for job in jobs}), len(await sandbox.requests())) == (32, 32)
