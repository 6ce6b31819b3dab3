"""No outcome puts a prompt, a key or a signature into the log; each line names its request and job."""

import asyncio
import base64
import json
from collections.abc import Iterable
from pathlib import Path

import httpx
import pytest
from aiohttp.web import Response

from imagegen.settings import Settings
from tests.support.processes import free_port, serving
from tests.support.receiver import receiving
from tests.support.service import FLUX, Json, Sandbox

pytestmark = pytest.mark.usefixtures("service")  # which makes the bucket
PROMPT = "a zebra in a teapot, signed by the painter"
TOLD = f"The prompt '{PROMPT}' cannot be used"
DETAIL = {"detail": TOLD}
BODY: Json = {**FLUX, "inputs": {"prompt": PROMPT}, "userId": "user-of-this-test"}
SECRET = "whsec_" + base64.b64encode(bytes(range(32))).decode()
TOKEN = "ig_abcdefghij_" + "k" * 43
ASYNC, WAIT = {"Prefer": "respond-async"}, {"Prefer": "wait=4"}
# What fal can do to a request, with the prompt wherever fal may quote it.
TROUBLES: list[list[Json]] = [
    [],
    [{"fault": "submit_status", "status": 422, "body": DETAIL}],
    [{"fault": "submit_status", "status": 429, "body": DETAIL, "times": 1}],
    [{"fault": "submit_status", "status": 500, "body": DETAIL, "accepted": True, "request_id": True}],
    [{"fault": "submit_gateway_error", "accepted": True}],
    [{"fault": "submit_drop", "when": "after_accepting"}],
    [{"fault": "model_fails", "message": TOLD, "ctx": {"input": PROMPT}}],
    [{"fault": "model_fails", "message": TOLD, "type": "no_media_generated"}],
    [{"fault": "runner_fails", "message": TOLD}],
    [{"fault": "read_status", "on": ["status", "stream", "result"], "status": 503, "body": DETAIL, "times": 4}],
    [{"fault": "read_drop", "on": ["stream", "result"], "times": 2}],
    [{"fault": "media_status", "status": 503, "times": 1}],
    [{"fault": "media_corrupt", "times": 1}],
    [{"fault": "foreign_media_host", "base_url": f"http://media.invalid/{PROMPT.split()[1]}"}],
    [{"fault": "webhook_forged"}],
]
REFUSED: list[Json] = [
    {**BODY, "model": PROMPT},
    {**BODY, "inputs": {"prompt": PROMPT, PROMPT: PROMPT}},
    {**BODY, "inputs": {"prompt": [PROMPT]}},
    {**BODY, "webhookUrl": f"ftp://{PROMPT}"},
]


async def drive(client: httpx.AsyncClient, sandbox: Sandbox, receiver: str) -> list[str]:
    """Send a request into each kind of trouble.

    Returns:
        The ids of the jobs.
    """
    client.headers["Authorization"] = f"Bearer {TOKEN}"
    job_ids: list[str] = []
    for faults in TROUBLES:
        await sandbox.misbehaves(*faults)
        answer = await client.post("/api/images/generate", json={**BODY, "webhookUrl": receiver}, headers=WAIT)
        job_ids.append(answer.json()["jobId"])
    await sandbox.behaves()
    for body in REFUSED:
        assert (await client.post("/api/images/generate", json=body)).status_code == 400
    await client.post("/api/images/generate", content=f'{{"prompt": "{PROMPT}"')
    await client.post(f"/api/webhooks/fal/{job_ids[0]}/a-secret-of-the-path", content=PROMPT)
    await client.get(f"/{PROMPT}", params={"userId": PROMPT})
    await client.get(f"/api/jobs/{job_ids[0]}", params={"wait": PROMPT})
    waiting = (await client.post("/api/images/generate", json=BODY, headers=ASYNC)).json()["jobId"]
    await client.post(f"/api/jobs/{waiting}/cancel")
    await client.delete(f"/api/jobs/{job_ids[0]}")
    return job_ids


@pytest.mark.slow
async def test_no_outcome_logs_a_prompt_a_key_or_a_signature(own: Settings, tmp_path: Path) -> None:
    port = free_port()
    more = {
        "IMAGEGEN_LOG_FORMAT": "json",
        "PUBLIC_URL": f"http://127.0.0.1:{port}",
        "WEBHOOK_SECRETS": SECRET,
        "WEBHOOK_ALLOW_PRIVATE": "1",
        "IMAGEGEN_UNKNOWN_HORIZON": "5s",
    }
    assert own.fal.key is not None
    assert own.s3.secret_access_key is not None
    key = own.fal.key.get_secret_value()
    async with (
        receiving() as receiver,
        httpx.AsyncClient(base_url=own.fal.queue_url) as control,
        serving(own, tmp_path, more, port=port) as serve,
    ):
        receiver.answers = [Response(status=500, text=PROMPT)]
        job_ids = await drive(serve.client, Sandbox(control, key), receiver.url)
        requests = await Sandbox(control, key).requests()
        status = await serve.ask_to_end()

    log = await asyncio.to_thread((tmp_path / "serve.log").read_text)
    lines = [json.loads(line) for line in log.splitlines()]
    hidden = {"zebra", "teapot", key, key.partition(":")[2], own.s3.secret_access_key.get_secret_value(), SECRET, TOKEN}
    hidden |= {"X-Amz", "Signature", "of-the-caller", "a-secret-of-the-path", "user-of-this-test", "Traceback"}
    hidden |= set(secrets_of_webhooks(requests))
    assert (status, [text for text in sorted(hidden) if text in log]) == (0, [])
    assert {line["job_id"] for line in lines if "job_id" in line} >= set(job_ids)
    assert [line for line in lines if not {"timestamp", "level", "logger", "event"} <= set(line)] == []
    assert [line for line in lines if line["logger"] == "imagegen.requests" and "request_id" not in line] == []
    assert [line for line in lines if " job " in f" {line['event']}" and "job_id" not in line] == []


def secrets_of_webhooks(requests: Iterable[Json]) -> Iterable[str]:
    """The last segment of each webhook URL that fal received."""
    return [str(request["webhook_url"]).rpartition("/")[2] for request in requests if request.get("webhook_url")]


async def test_a_job_costs_two_lines_at_level_info(own: Settings, tmp_path: Path) -> None:
    async with serving(own, tmp_path, {"IMAGEGEN_LOG_FORMAT": "json"}) as serve:
        headers = {"X-Request-Id": "r-7"}
        job_id = (await serve.client.post("/api/images/generate", json=BODY, headers=headers)).json()["jobId"]
        await serve.ask_to_end()

    log = await asyncio.to_thread((tmp_path / "serve.log").read_text)
    about = [line for line in map(json.loads, log.splitlines()) if line.get("job_id") == job_id]
    assert sorted((line["event"], line.get("request_id")) for line in about) == [
        ("POST /api/images/generate 200", "r-7"),
        (f"job {job_id} completed", None),
    ]


async def test_production_writes_only_json(own: Settings, tmp_path: Path) -> None:
    async with serving(own, tmp_path, {"IMAGEGEN_ENV": "production"}) as serve:
        refused = await serve.client.post("/api/images/generate", json=BODY)
        await serve.ask_to_end()

    log = await asyncio.to_thread((tmp_path / "serve.log").read_text)
    events = [json.loads(line)["event"] for line in log.splitlines()]
    assert refused.status_code == 401
    assert [event.partition(" at ")[0] for event in events if "ready" in event] == ["imagegen is ready"]
    assert "POST (refused before its route) 401" in events
