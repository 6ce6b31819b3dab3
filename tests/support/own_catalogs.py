"""A service with a catalog in a file, which a test changes while the service runs."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

from imagegen.catalog import CatalogSource
from imagegen.registry import load_registry
from imagegen.settings import Settings
from tests.support.imported import INDEX, KNOWN
from tests.support.service import Json, Service, running


def with_catalog(settings: Settings, *files: Path) -> Settings:
    """The settings with these files as IMAGEGEN_CATALOG."""
    catalog = {"catalog": ",".join(map(str, files))}
    return settings.model_copy(update={"service": settings.service.model_copy(update=catalog)})


@asynccontextmanager
async def running_with(settings: Settings, *files: Path, with_runner: bool = True) -> AsyncGenerator[Service]:
    """Run a service whose catalog has these files."""
    own = with_catalog(settings, *files)
    catalog = await asyncio.to_thread(CatalogSource.of(own.service).load)
    async with running(own, catalog, with_runner=with_runner) as service:
        yield service


def endpoint_without_model() -> str:
    """An endpoint with a known price that takes a prompt, and that no built-in model has."""
    taken = load_registry().endpoints
    known = {endpoint: INDEX.find(endpoint) for endpoint in KNOWN if endpoint not in taken}
    wanted = (name for name, each in known.items() if each and each.price and [*each.required] == ["prompt"])
    return next(name for name in wanted if (found := known[name]) and found.result == "images")


async def reload(service: Service) -> Json:
    """Reload the catalog over HTTP."""
    answer = await service.client.post("/api/admin/catalog/reload")
    assert answer.status_code == 200, answer.text
    return answer.json()


async def models_of(service: Service) -> list[str]:
    """The names of the models, without those that are built in."""
    listed = (await service.client.get("/api/images/models")).json()["models"]
    return [each["name"] for each in listed if each["description"] == "Mine"]
