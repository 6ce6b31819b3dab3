"""A process that is killed with something left to deliver: another one delivers it."""

import asyncio
import base64
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest
from aiohttp.web import Response
from jobs_apart import apart
from processes import environment, imagegen, serving
from receiver import Receiver, receiving
from service import FLUX

from imagegen.settings import Settings

SECRET = "whsec_" + base64.b64encode(bytes(range(32))).decode()
pytestmark = pytest.mark.usefixtures("service")  # which makes the bucket
WEBHOOKS = {"WEBHOOK_SECRETS": SECRET, "WEBHOOK_ALLOW_PRIVATE": "1"}


@pytest.fixture
async def receiver() -> AsyncGenerator[Receiver]:
    async with receiving() as opened:
        yield opened


async def test_what_a_killed_process_owed_is_delivered_by_another(
    stack: Settings, tmp_path: Path, receiver: Receiver
) -> None:
    receiver.answers = [Response(status=500)]
    settings = apart(stack)
    async with serving(settings, tmp_path, WEBHOOKS) as first:
        answer = await first.client.post("/api/images/generate", json={**FLUX, "webhookUrl": receiver.url})
        await receiver.times(1)
        await first.kill()
    async with imagegen("worker", environ={**environment(settings), **WEBHOOKS}, directory=tmp_path):
        refused, delivered = await receiver.times(2, within=40)

    event = delivered.verified(SECRET)
    assert (refused.id, event["type"], event["data"]["jobId"]) == (
        delivered.id,
        "job.completed",
        answer.json()["jobId"],
    )
    assert "of-the-caller" not in await asyncio.to_thread(logs, tmp_path)


def logs(directory: Path) -> str:
    return "".join(log.read_text() for log in directory.glob("*.log"))
