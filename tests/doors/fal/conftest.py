import asyncio
import base64
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from typing import Any

import fal_client
import httpx
import pytest
from fal_client.client import FalClientHTTPError
from pydantic import SecretStr

from imagegen.engine.webhook_sender import sending_webhooks
from imagegen.keys import KeyScope, Rates
from imagegen.settings import Settings, WebhookSettings
from tests.support.jobs_apart import apart
from tests.support.keys import Grants, add_key
from tests.support.service import Sandbox, Service, running

KINDS = ("module", "SyncClient", "AsyncClient")


@pytest.fixture(scope="module")
def settings(stack: Settings) -> Settings:
    """Signed webhooks, to addresses of loopback too."""
    secret = SecretStr("whsec_" + base64.b64encode(bytes(32)).decode())
    return apart(stack).model_copy(update={"webhooks": WebhookSettings(secrets=secret, allow_private=True)})


GRANTS: dict[str, Grants] = {
    "all": {"default_user": "user123"},
    "reader": {"scopes": [KeyScope.READ]},
    "generator": {"scopes": [KeyScope.GENERATE]},
    "admin": {"scopes": [KeyScope.ADMIN]},
    "ann": {"users": ["ann"]},
    "poor": {"users": ["poor"]},
    "slow": {"default_user": "slow", "rates": Rates(requests_per_minute=1)},
}


@pytest.fixture(scope="module")
async def keys(settings: Settings) -> dict[str, str]:
    """The tokens of keys that there are from the start: a new one is known after a moment only."""
    return {name: await add_key(settings, name, told=False, **grants) for name, grants in GRANTS.items()}


@pytest.fixture(scope="module")
def token(keys: dict[str, str]) -> str:
    """A key for everything but administration."""
    return keys["all"]


@pytest.fixture(scope="module")
async def service(settings: Settings, token: str) -> AsyncGenerator[Service]:
    """A service with a runner and a sender of webhooks, whose own client has the key."""
    async with running(settings) as service, sending_webhooks(service.services):
        service.client.headers["Authorization"] = f"Bearer {token}"
        yield service


@pytest.fixture
async def sandbox(service: Service) -> AsyncGenerator[Sandbox]:
    """The sandbox; its faults end with the test."""
    yield service.sandbox
    await service.sandbox.behaves()


class FalUser:
    """A script that uses one of the Python clients."""

    def __init__(self, kind: str, key: str) -> None:
        self.kind, self.key = kind, key
        clients: dict[str, Any] = {
            "module": fal_client,
            "SyncClient": fal_client.SyncClient(key=key),
            "AsyncClient": fal_client.AsyncClient(key=key),
        }
        self._client = clients[kind]

    async def __call__(self, name: str, *arguments: Any, **named: Any) -> Any:
        """Call a function of the client."""
        function: Callable[..., Any] = getattr(self._client, name)
        if self.kind == "AsyncClient":
            return await function(*arguments, **named)
        return await asyncio.to_thread(function, *arguments, **named)

    async def close(self) -> None:
        """Close the connections. The clients have no method for that."""
        if self.kind == "AsyncClient":
            await (await self._client._client).aclose()
            return
        kept = vars(fal_client.sync_client if self.kind == "module" else self._client)
        if "_client" in kept:
            kept["_client"].close()

    async def of(self, handle: Any, name: str, **named: Any) -> Any:
        """Call a method of a handle that `submit` returned."""
        method: Callable[..., Any] = getattr(handle, name)
        if self.kind == "AsyncClient":
            return await method(**named)
        return await asyncio.to_thread(method, **named)

    async def stream(self, *arguments: Any, **named: Any) -> list[Any]:
        """Every event of a stream."""
        if self.kind == "AsyncClient":
            return [event async for event in self._client.stream(*arguments, **named)]

        def read() -> list[Any]:
            events: Iterator[Any] = self._client.stream(*arguments, **named)
            return list(events)

        return await asyncio.to_thread(read)

    async def refused(self, call: Awaitable[Any]) -> FalClientHTTPError:
        """The error that a call raises."""
        with pytest.raises(FalClientHTTPError) as raised:
            await call
        return raised.value


def lead_here(monkeypatch: pytest.MonkeyPatch, service: Service, key: str) -> None:
    """Point the client's module at the service, as the page's helper does."""
    address = str(service.client.base_url).rstrip("/")
    monkeypatch.setenv("FAL_KEY", key)
    monkeypatch.setattr("fal_client.client.QUEUE_URL_FORMAT", f"{address}/fal/queue/")
    monkeypatch.setattr("fal_client.client.RUN_URL_FORMAT", f"{address}/fal/run/")
    monkeypatch.setattr("fal_client.client.REST_URL", f"{address}/fal/rest")
    monkeypatch.setattr("fal_client.client.CDN_URL", f"{address}/fal/cdn")


@pytest.fixture(params=KINDS)
async def fal(
    request: pytest.FixtureRequest, service: Service, token: str, monkeypatch: pytest.MonkeyPatch
) -> AsyncGenerator[FalUser]:
    """Each of the Python clients."""
    lead_here(monkeypatch, service, token)
    for kept in ("_auth", "_client", "_token_manager"):  # by the client of the module's functions, since the first call
        vars(fal_client.sync_client).pop(kept, None)
    made = _keep_upload_clients(monkeypatch)
    user = FalUser(request.param, token)
    yield user
    await user.close()
    for client in made:
        client.close()


def _keep_upload_clients(monkeypatch: pytest.MonkeyPatch) -> list[httpx.Client]:
    """The clients that uploads of SyncClient make and never close."""
    made: list[httpx.Client] = []
    make: Callable[[Any], httpx.Client] = vars(fal_client.SyncClient)["_get_cdn_client"]

    def keep(self: object) -> httpx.Client:
        client = make(self)
        made.append(client)
        return client

    monkeypatch.setattr(fal_client.SyncClient, "_get_cdn_client", keep)
    return made
