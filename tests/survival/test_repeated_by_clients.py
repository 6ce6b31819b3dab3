"""What clients repeat without a mark is paid for once, also if the process that accepted it was killed."""

import asyncio
from contextlib import suppress
from pathlib import Path
from typing import Final

import httpx
import pytest

from imagegen.settings import Settings
from tests.support.processes import serving
from tests.support.service import Json, Sandbox

RUN: Final = "/fal/run/fal-ai/flux-pro/v1.1"
QUEUE: Final = "/fal/queue/fal-ai/flux-pro/v1.1"
BODY: Final[Json] = {"prompt": "A lighthouse in winter"}
pytestmark = [pytest.mark.usefixtures("service"), pytest.mark.slow]  # which creates the bucket


async def submitted(sandbox: Sandbox) -> None:
    async with asyncio.timeout(60):
        while not await sandbox.requests():
            await asyncio.sleep(0.02)


async def test_run_is_found_again_after_a_kill(own: Settings, sandbox: Sandbox, tmp_path: Path) -> None:
    await sandbox.misbehaves({"fault": "latency", "generation": 2.0})
    async with serving(own, tmp_path) as first:
        waiting = asyncio.create_task(first.client.post(RUN, json=BODY, timeout=60))
        await submitted(sandbox)
        await first.kill()
        with suppress(httpx.HTTPError):
            await waiting
    async with serving(own, tmp_path) as second:
        answer = await second.client.post(RUN, json=BODY, timeout=90)

    assert answer.status_code == 200, answer.text
    assert answer.json()["images"]
    assert len(await sandbox.requests()) == 1


async def test_answered_submit_is_a_wish_of_its_own_after_a_kill(
    own: Settings, sandbox: Sandbox, tmp_path: Path
) -> None:
    async with serving(own, tmp_path) as first:
        before = await first.client.post(QUEUE, json=BODY)
        await submitted(sandbox)
        await asyncio.sleep(1)  # the delivery is noted after 250 ms
        await first.kill()
    async with serving(own, tmp_path) as second:
        after = await second.client.post(QUEUE, json=BODY)

    assert before.json()["request_id"] != after.json()["request_id"]


async def test_equal_runs_in_two_processes_are_two(own: Settings, sandbox: Sandbox, tmp_path: Path) -> None:
    await sandbox.misbehaves({"fault": "latency", "generation": 2.0})
    async with serving(own, tmp_path) as one, serving(own, tmp_path) as two:
        first = asyncio.create_task(one.client.post(RUN, json=BODY, timeout=60))
        await submitted(sandbox)
        second = await two.client.post(RUN, json=BODY, timeout=60)

        assert (second.status_code, (await first).status_code) == (200, 200)
    assert len(await sandbox.requests()) == 2


async def test_run_that_is_lost_in_one_process_is_found_in_another(
    own: Settings, sandbox: Sandbox, tmp_path: Path
) -> None:
    await sandbox.misbehaves({"fault": "latency", "generation": 2.0})
    async with serving(own, tmp_path) as one, serving(own, tmp_path) as two:
        lost = asyncio.create_task(one.client.post(RUN, json=BODY, timeout=60))
        await submitted(sandbox)
        lost.cancel()
        await asyncio.sleep(0.1)
        answer = await two.client.post(RUN, json=BODY, timeout=60)

    assert answer.status_code == 200, answer.text
    assert len(await sandbox.requests()) == 1
