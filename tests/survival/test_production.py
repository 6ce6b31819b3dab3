"""The processes of docker-compose.yml with its variables, without containers."""

import asyncio
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pytest
from dirty_equals import IsPartialDict

from imagegen.keys import change_keys, new_key
from imagegen.settings import Settings
from tests.support.processes import environment, imagegen, serving, takes_jobs
from tests.support.service import FLUX, Json, Sandbox

pytestmark = pytest.mark.usefixtures("service")  # which creates the bucket


@pytest.mark.slow
async def test_api_and_two_workers_in_production_serve_a_key_and_stop(
    own: Settings, sandbox: Sandbox, tmp_path: Path
) -> None:
    keys = tmp_path / "keys.json"
    key, token = new_key("me", ("user123",), (), datetime.now(UTC))
    await asyncio.to_thread(change_keys, keys, lambda ring: ring.with_key(key))
    production = {"IMAGEGEN_ENV": "production"}
    keyed = production | {"IMAGEGEN_API_KEYS_FILE": str(keys), "IMAGEGEN_CONCURRENCY": "1"}
    environ = environment(own) | production
    async with (
        serving(own, tmp_path, keyed) as api,
        imagegen("worker", environ=environ, directory=tmp_path) as first,
        imagegen("worker", environ=environ, directory=tmp_path) as second,
    ):
        await takes_jobs(tmp_path, workers=2)
        stranger = await api.client.post("/api/images/generate", json=FLUX)
        headers = {"Authorization": f"Bearer {token}"}
        answers = await asyncio.gather(
            *(api.client.post("/api/images/generate", json=FLUX, headers=headers) for _ in range(6))
        )
        jobs: list[Json] = [answer.json() for answer in answers]
        pictures = [await api.client.get(job["images"][0]["url"]) for job in jobs]
        ends = [await each.ask_to_end() for each in (first, second, api)]

    assert stranger.status_code == 401
    assert jobs == [IsPartialDict(status="completed", userId="user123")] * 6
    assert Counter(picture.status_code for picture in pictures) == {200: 6}
    assert (ends, len(await sandbox.requests())) == ([0, 0, 0], 6)


async def test_production_without_keys_does_not_start(own: Settings, tmp_path: Path) -> None:
    environ = environment(own) | {"IMAGEGEN_ENV": "production"}
    async with imagegen("serve", "--port", "0", environ=environ, directory=tmp_path) as running:
        status = await asyncio.wait_for(running.process.wait(), 20)
    log = await asyncio.to_thread((tmp_path / "serve.log").read_text)

    assert (status, "IMAGEGEN_API_KEYS_FILE" in log, "Traceback" in log) == (2, True, False)
