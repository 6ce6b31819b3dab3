"""`imagegen serve --processes`: several processes are one service, and one of them may die."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import psutil
import pytest

from imagegen.settings import Settings
from tests.support.processes import Running, answers, environment, free_port, imagegen
from tests.support.scraped import Scraped, scrape
from tests.support.service import FLUX, Json

PATH = "/api/images/generate"
pytestmark = [pytest.mark.usefixtures("service"), pytest.mark.slow]  # which creates the bucket


def children(running: Running) -> Sequence[psutil.Process]:
    """The processes that answer requests, oldest first."""
    found = psutil.Process(running.process.pid).children()
    return sorted((each for each in found if "serve-process" in each.cmdline()), key=psutil.Process.create_time)


@asynccontextmanager
async def sharing(settings: Settings, directory: Path, processes: int = 2, **more: str) -> AsyncGenerator[Running]:
    """Run `imagegen serve --processes`, and wait until all of them are there."""
    port = free_port()
    arguments = ("serve", "--port", str(port), "--processes", str(processes))
    async with imagegen(*arguments, environ=environment(settings) | more, directory=directory, port=port) as running:
        await answers(running)
        async with asyncio.timeout(60):
            while b"is ready at" not in await asyncio.to_thread((directory / "serve.log").read_bytes):
                await asyncio.sleep(0.05)
        yield running


async def generate(running: Running, user: str) -> Json:
    """Make one image over a connection of its own."""
    async with httpx.AsyncClient(base_url=running.client.base_url, timeout=60) as client:
        answer = await client.post(PATH, json={**FLUX, "userId": user})
    assert answer.status_code == 200, answer.text
    return answer.json()


async def metrics(running: Running) -> Scraped:
    return await scrape(running.client)


async def test_limits_and_counts_are_those_of_the_service(own: Settings, tmp_path: Path) -> None:
    async with sharing(own, tmp_path, 3, IMAGEGEN_CONCURRENCY="7") as running:
        jobs = await asyncio.gather(*(generate(running, f"u{number}") for number in range(12)))
        scraped = [await metrics(running) for _ in range(4)]

    assert {job["status"] for job in jobs} == {"completed"}
    for one in scraped:
        assert one.value("job_places") == 7
        assert one.value("build_info", one_version(one)) == 1
        assert sum(one.series("jobs_accepted_total").values()) == 12
        assert one.value("server_up", "mongodb") == 1


def one_version(scraped: Scraped) -> str:
    ((version,),) = scraped.series("build_info")
    return version


async def test_dead_process_is_replaced_and_costs_only_its_own_connections(own: Settings, tmp_path: Path) -> None:
    async with sharing(own, tmp_path) as running:
        before = await asyncio.to_thread(children, running)
        assert len(before) == 2
        working = [asyncio.create_task(generate(running, f"u{number}")) for number in range(8)]
        await asyncio.sleep(0.3)
        before[0].kill()
        results = await asyncio.gather(*working, return_exceptions=True)
        async with asyncio.timeout(60):
            while len(await asyncio.to_thread(children, running)) < 2:
                await asyncio.sleep(0.1)
        after = [await generate(running, "later") for _ in range(4)]
        async with asyncio.timeout(60):  # what the dead process had is taken over
            while await unfinished(running, [f"u{number}" for number in range(8)]):
                await asyncio.sleep(0.2)

    assert all(isinstance(result, dict | httpx.TransportError) for result in results), results
    assert any(isinstance(result, dict) for result in results)
    assert {job["status"] for job in after} == {"completed"}


async def unfinished(running: Running, users: Sequence[str]) -> int:
    """How many jobs of these users have not ended."""
    answers = [await running.client.get("/api/jobs", params={"userId": user}) for user in users]
    return sum(job["status"] != "completed" for answer in answers for job in answer.json()["jobs"])


async def test_processes_end_with_their_parent(own: Settings, tmp_path: Path) -> None:
    async with sharing(own, tmp_path) as running:
        asked = await asyncio.to_thread(children, running)
        status = await running.ask_to_end()

    assert status == 0
    assert [child for child in asked if child.is_running()] == []


async def test_processes_end_when_their_parent_is_killed(own: Settings, tmp_path: Path) -> None:
    async with sharing(own, tmp_path) as running:
        left = await asyncio.to_thread(children, running)
        await running.kill()
        _, alive = await asyncio.to_thread(psutil.wait_procs, left, timeout=40)

    assert alive == []


async def test_limit_that_cannot_be_shared_is_named(own: Settings, tmp_path: Path) -> None:
    environ = environment(own) | {"IMAGEGEN_CONCURRENCY": "2"}
    async with imagegen("serve", "--processes", "3", environ=environ, directory=tmp_path) as running:
        status = await asyncio.wait_for(running.process.wait(), 60)

    assert status == 2
    assert "IMAGEGEN_CONCURRENCY is 2: 3 processes need at least one each" in (tmp_path / "serve.log").read_text()
