"""The processes of docker-compose.yml with its variables, without containers."""

import asyncio
from collections import Counter
from pathlib import Path

import pytest
from dirty_equals import IsPartialDict

from imagegen.settings import Settings
from tests.support.keys import add_key, bearer
from tests.support.processes import environment, imagegen, serving, takes_jobs
from tests.support.service import FLUX, Json, Sandbox

pytestmark = pytest.mark.usefixtures("service")  # which creates the bucket


@pytest.mark.slow
async def test_api_and_two_workers_in_production_serve_a_key_and_stop(
    own: Settings, sandbox: Sandbox, tmp_path: Path
) -> None:
    token = await add_key(own, users=["user123"])
    production = {"IMAGEGEN_ENV": "production"}
    keyed = production | {"IMAGEGEN_CONCURRENCY": "1"}
    environ = environment(own) | production
    async with (
        serving(own, tmp_path, keyed) as api,
        imagegen("worker", environ=environ, directory=tmp_path) as first,
        imagegen("worker", environ=environ, directory=tmp_path) as second,
    ):
        await takes_jobs(tmp_path, workers=2)
        stranger = await api.client.post("/api/images/generate", json=FLUX)
        answers = await asyncio.gather(
            *(api.client.post("/api/images/generate", json=FLUX, headers=bearer(token)) for _ in range(6))
        )
        jobs: list[Json] = [answer.json() for answer in answers]
        pictures = [await api.client.get(job["images"][0]["url"]) for job in jobs]
        ends = [await each.ask_to_end() for each in (first, second, api)]

    assert stranger.status_code == 401
    assert jobs == [IsPartialDict(status="completed", userId="user123")] * 6
    assert Counter(picture.status_code for picture in pictures) == {200: 6}
    assert (ends, len(await sandbox.requests())) == ([0, 0, 0], 6)


async def test_production_without_keys_refuses_callers_and_says_how_to_make_one(own: Settings, tmp_path: Path) -> None:
    async with serving(own, tmp_path, {"IMAGEGEN_ENV": "production"}) as serve:
        refused = await serve.client.get("/api/jobs")
        await serve.ask_to_end()
    log = await asyncio.to_thread((tmp_path / "serve.log").read_text)

    assert (refused.status_code, "`imagegen keys add NAME`" in log, "Traceback" in log) == (401, True, False)
