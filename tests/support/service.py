"""The service as callers use it: over HTTP, on a real server, in the test's own event loop."""

import asyncio
import ssl
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import cache, partial
from typing import Any, Final

import httpx
import uvicorn

from imagegen.api.http.protocol import http_protocol
from imagegen.api.middleware.auth import AccessPolicy
from imagegen.api.switch import CatalogSwitch
from imagegen.catalog import Catalog
from imagegen.doors import WithDoors
from imagegen.doors.fal import FalDoor
from imagegen.engine.worker import working
from imagegen.fal import FalTimeouts
from imagegen.json_object import JsonObject
from imagegen.observability.tracing import NO_TRACER
from imagegen.operations.catalog_reload import following_catalog
from imagegen.registry import Registry, load_registry
from imagegen.services import Services, open_services
from imagegen.settings import Settings

Json = dict[str, Any]
FLUX: Json = {
    "model": "flux-pro",
    "inputs": {"prompt": "A professional headshot of a business consultant"},
    "userId": "user123",
}
ITEM: Json = {name: value for name, value in FLUX.items() if name != "userId"}


# Seconds. uvicorn's 5 are also httpx's: both would end an idle connection at once, and a request that is sent into one
# that the server closes is answered with a reset.
_IDLE: Final = 60
_NO_TLS: Final = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # reading every certificate takes httpx 20 ms a client
_built_in = cache(load_registry)


@dataclass(frozen=True, slots=True)
class Service:
    """A running service: its HTTP client, its services, and the sandbox's control endpoint."""

    client: httpx.AsyncClient
    services: Services
    sandbox: "Sandbox"

    async def generate(self, body: JsonObject = FLUX, **headers: str) -> httpx.Response:
        return await self.client.post("/api/images/generate", json=body, headers=_header_names(headers))

    async def accept(self, body: JsonObject = FLUX) -> str:
        """Generate without waiting. Returns the job's id."""
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

    async def ended(self, job_id: str, *, within: float = 60) -> Json:
        """Wait for the end of the job, and return it."""
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
        """Plan faults for the requests of this key, in place of earlier ones."""
        answer = await self.client.put("/_sandbox/faults", json={"key": self.key, "faults": faults})
        assert answer.is_success, answer.text

    async def behaves(self) -> None:
        await self.misbehaves()

    async def requests(self) -> Sequence[Json]:
        """Every request of this key that the sandbox accepted: what fal would have billed."""
        answer = await self.client.get("/_sandbox/requests", params={"key": self.key})
        return answer.raise_for_status().json()["requests"]


@asynccontextmanager
async def sandbox_of(settings: Settings) -> AsyncGenerator[Sandbox]:
    """The sandbox's control endpoint, for the key of these settings."""
    assert settings.fal.key is not None
    async with httpx.AsyncClient(base_url=settings.fal.queue_url, timeout=10, verify=_NO_TLS) as client:
        yield Sandbox(client, settings.fal.key.get_secret_value())


@asynccontextmanager
async def running(
    settings: Settings,
    models: Registry | Catalog | None = None,
    *,
    with_runner: bool = True,
    access: AccessPolicy | None = None,
    port: int = 0,
    fal_timeouts: FalTimeouts | None = None,
) -> AsyncGenerator[Service]:
    """Open the services and serve the API, on a free port by default; stop both at the end."""
    models = models or await asyncio.to_thread(_built_in)
    async with AsyncExitStack() as stack:
        opened = open_services(settings, models, create_bucket=True, fal_timeouts=fal_timeouts)
        services = await stack.enter_async_context(opened)
        if with_runner:
            await stack.enter_async_context(working(services))
        await stack.enter_async_context(following_catalog(services, asyncio.Event()))
        access = access or AccessPolicy()
        around = partial(WithDoors, doors={"/fal": FalDoor(access, settings.limits)})
        app = CatalogSwitch(services, access, settings.limits, NO_TRACER, around=around)
        http = http_protocol(settings.limits)
        config = uvicorn.Config(app, port=port, http=http, log_config=None, lifespan="on", timeout_keep_alive=_IDLE)  # pyright: ignore[reportArgumentType] - it is an ASGI application
        server = uvicorn.Server(config)
        serving = asyncio.create_task(server.serve())
        while not server.started and not serving.done():
            await asyncio.sleep(0.01)
        port = server.servers[0].sockets[0].getsockname()[1]
        try:
            async with (
                httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=30, verify=_NO_TLS) as client,
                sandbox_of(settings) as sandbox,
            ):
                yield Service(client, services, sandbox)
        finally:
            services.stopping.set()
            server.should_exit = True
            await serving


def _header_names(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}
