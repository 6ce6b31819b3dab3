"""Jobs for which fal made files of the test's own."""

import httpx

from tests.support.service import FLUX, Json, Sandbox, Service


async def at_fal(sandbox: Sandbox, content: bytes) -> str:
    """The URL at which fal's media host serves these bytes."""
    key = {"Authorization": f"Key {sandbox.key}"}
    file: Json = {"file_name": "a", "content_type": "image/png"}
    placed = (await sandbox.client.post("/storage/upload/initiate", json=file, headers=key)).json()
    (await sandbox.client.put(placed["upload_url"], content=content)).raise_for_status()
    return placed["file_url"]


async def made(service: Service, sandbox: Sandbox, *urls: str) -> Json:
    """A job for which fal made the images at these URLs."""
    return await made_by(service.client, sandbox, *urls)


async def made_by(client: httpx.AsyncClient, sandbox: Sandbox, *urls: str) -> Json:
    """The same, of a service that this client talks to."""
    result = {"images": [{"url": url} for url in urls], "seed": 7}
    headers = {"x-fal-billable-units": str(len(urls))}
    await sandbox.misbehaves(
        {"fault": "any_answer", "on": ["result"], "body": result, "headers": headers, "request_id": True}
    )
    answer = await client.post("/api/images/generate", json={**FLUX, "options": {"num_images": 2}})
    return (await client.get(f"/api/jobs/{answer.json()['jobId']}")).json()
