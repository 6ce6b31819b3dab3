"""The pending deliveries of a killed process are sent by another one."""

import asyncio
import base64
from pathlib import Path

import pytest
from aiohttp.web import Response

from imagegen.settings import Settings
from tests.support.jobs_apart import apart
from tests.support.processes import environment, imagegen, serving
from tests.support.receiver import Receiver
from tests.support.service import FLUX

SECRET = "whsec_" + base64.b64encode(bytes(range(32))).decode()
pytestmark = [pytest.mark.usefixtures("service"), pytest.mark.slow]  # which makes the bucket
WEBHOOKS = {"WEBHOOK_SECRETS": SECRET, "WEBHOOK_ALLOW_PRIVATE": "1"}


async def test_deliveries_of_a_killed_process_are_sent_by_another(
    stack: Settings, tmp_path: Path, receiver: Receiver
) -> None:
    receiver.answers = [Response(status=500)]
    settings = apart(stack)
    async with serving(settings, tmp_path, WEBHOOKS) as first:
        answer = await first.client.post("/api/images/generate", json={**FLUX, "webhookUrl": receiver.url})
        await receiver.times(1)
        await first.kill()
    async with imagegen("worker", environ={**environment(settings), **WEBHOOKS}, directory=tmp_path):
        refused, delivered = await receiver.times(2, within=90)

    event = delivered.verified(SECRET)
    assert (refused.id, event["type"], event["data"]["jobId"]) == (
        delivered.id,
        "job.completed",
        answer.json()["jobId"],
    )
    assert "of-the-caller" not in await asyncio.to_thread(logs, tmp_path)


def logs(directory: Path) -> str:
    return "".join(log.read_text() for log in directory.glob("*.log"))
