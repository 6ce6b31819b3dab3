"""A data directory of imagegen 0.1.0, whose servers required no credentials, is adopted unchanged."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import httpx
import pytest

from imagegen.local import local_stack
from tests.local.local_servers import everything_unset, works
from tests.local.servers_of_0_1_0 import servers_of_0_1_0
from tests.support.service import FLUX, Json, running

pytestmark = pytest.mark.slow

SLOW = {"fault": "latency", "queue": 0, "generation": 6}


async def test_data_is_kept_and_running_jobs_continue(tmp_path: Path) -> None:
    async with servers_of_0_1_0(tmp_path) as before, running(before) as service:
        done = (await service.generate()).json()
        image = await bytes_of(done["images"][0]["url"])
        await service.sandbox.misbehaves(SLOW)
        in_flight = await service.accept({**FLUX, "userId": "in-flight"})
        await until_submitted(service.sandbox.requests, 2)
    async with local_stack(everything_unset(tmp_path)) as after, running(after) as service:
        again = await service.job(done["jobId"])
        images = (await bytes_of(done["images"][0]["url"]), await bytes_of(again["images"][0]["url"]))
        ended = await service.ended(in_flight, within=60)
        submits = len(await service.sandbox.requests())
        listed = (await service.client.get("/api/jobs", params={"userId": FLUX["userId"]})).json()["jobs"]
        new = (await service.generate()).json()

    unsigned = {**done["images"][0], "url": again["images"][0]["url"]}
    assert again == {**done, "images": [unsigned]}
    assert images == (image, image)
    assert (ended["status"], submits) == ("completed", 2)  # each was paid for once
    assert ([job["jobId"] for job in listed], new["status"]) == ([done["jobId"]], "completed")


@pytest.mark.parametrize("server", ["mongodb", "s3", "nats"])
async def test_every_server_works_at_every_start(tmp_path: Path, server: str) -> None:
    async with servers_of_0_1_0(tmp_path):
        pass
    for _ in range(2):
        async with local_stack(everything_unset(tmp_path)) as settings:
            assert await works(settings, server)


async def test_data_is_adopted_on_other_ports(tmp_path: Path) -> None:
    async with servers_of_0_1_0(tmp_path) as before, running(before) as service:
        done = (await service.generate()).json()
        image = await bytes_of(done["images"][0]["url"])
    await asyncio.to_thread((tmp_path / "ports.json").unlink)
    async with local_stack(everything_unset(tmp_path)) as after, running(after) as service:
        again = await service.job(done["jobId"])
        assert (again["status"], await bytes_of(again["images"][0]["url"])) == ("completed", image)


async def bytes_of(url: str) -> bytes:
    async with httpx.AsyncClient(trust_env=False) as client:
        return (await client.get(url)).raise_for_status().content


async def until_submitted(requests: Callable[[], Awaitable[Sequence[Json]]], count: int) -> None:
    async with asyncio.timeout(20):
        while len(await requests()) < count:
            await asyncio.sleep(0.05)
