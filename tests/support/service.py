"""The service as a caller meets it: over HTTP, on a real server, in the test's own event loop."""

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import uvicorn

from imagegen.api import create_app
from imagegen.api.connections import http_protocol
from imagegen.api.doors import Doors
from imagegen.fal import Patience
from imagegen.jobs import JsonObject
from imagegen.registry import Registry, load_registry
from imagegen.settings import Settings
from imagegen.wiring import Services, open_services
from imagegen.worker import working

Json = dict[str, Any]
FLUX: Json = {
    "model": "flux-pro",
    "inputs": {"prompt": "A professional headshot of a business consultant"},
    "userId": "user123",
}
ITEM: Json = {name: value for name, value in FLUX.items() if name != "userId"}


@dataclass(frozen=True, slots=True)
class Service:
    """A running service: its HTTP client, its services, and the sandbox's control endpoint."""

    client: httpx.AsyncClient
    services: Services
    sandbox: "Sandbox"

    async def generate(self, body: JsonObject = FLUX, **headers: str) -> httpx.Response:
        return await self.client.post("/api/images/generate", json=body, headers=_header_names(headers))

    async def accept(self, body: JsonObject = FLUX) -> str:
        """Generate without waiting; the id of the job."""
        return (await self.generate(body, prefer="respond-async")).json()["jobId"]

    async def cancel(self, job_id: str) -> httpx.Response:
        return await self.client.post(f"/api/jobs/{job_id}/cancel")

    async def batch(self, *requests: JsonObject, user_id: str = "user123", **headers: str) -> httpx.Response:
        body = {"requests": requests, "userId": user_id}
        return await self.client.post("/api/images/batch", json=body, headers=_header_names(headers))

    async def retry(self, job_id: str, **headers: str) -> httpx.Response:
        return await self.client.post(f"/api/jobs/{job_id}/retry", headers=_header_names(headers))

    async def job(self, job_id: str) -> Json:
        return (await self.client.get(f"/api/jobs/{job_id}")).json()

    async def ended(self, job_id: str, *, within: float = 20) -> Json:
        """The job once it has ended."""
        async with asyncio.timeout(within):
            while (job := await self.job(job_id))["status"] in {"queued", "running"}:
                await asyncio.sleep(0.05)
        return job


@dataclass(frozen=True, slots=True)
class Sandbox:
    """The fal sandbox's control endpoint, for the key of this service."""

    client: httpx.AsyncClient
    key: str

    async def misbehaves(self, *faults: Mapping[str, object]) -> None:
        """Plan faults for this key's requests, in place of those planned before."""
        answer = await self.client.put("/_sandbox/faults", json={"key": self.key, "faults": faults})
        assert answer.is_success, answer.text

    async def behaves(self) -> None:
        await self.misbehaves()

    async def requests(self) -> Sequence[Json]:
        """Every request of this key that the sandbox accepted: what fal would have billed."""
        answer = await self.client.get("/_sandbox/requests", params={"key": self.key})
        return answer.raise_for_status().json()["requests"]


@asynccontextmanager
async def running(
    settings: Settings,
    registry: Registry | None = None,
    *,
    with_runner: bool = True,
    doors: Doors | None = None,
    port: int = 0,
    patience: Patience | None = None,
) -> AsyncGenerator[Service]:
    """Open the services, serve the API on a free port, or on this one, stop both at the end."""
    models = registry or await asyncio.to_thread(load_registry)
    opened: asyncio.Future[Services] = asyncio.get_running_loop().create_future()

    @asynccontextmanager
    async def services() -> AsyncGenerator[Services]:
        async with open_services(settings, models, create_bucket=True, patience=patience) as open_ones:
            opened.set_result(open_ones)
            if with_runner:
                async with working(open_ones):
                    yield open_ones
            else:
                yield open_ones

    app, http = create_app(models, services, doors, settings.limits), http_protocol(settings.limits)
    config = uvicorn.Config(app, port=port, http=http, log_config=None, lifespan="on")
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())
    while not server.started and not serving.done():
        await asyncio.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    assert settings.fal.key is not None
    try:
        async with (
            httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=30) as client,
            httpx.AsyncClient(base_url=settings.fal.queue_url, timeout=10) as control,
        ):
            yield Service(client, opened.result(), Sandbox(control, settings.fal.key.get_secret_value()))
    finally:
        opened.result().stopping.set()
        server.should_exit = True
        await serving


def _header_names(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}
