"""Imported models make images: through the service, at a fal that refuses what it does not know."""

import asyncio
from pathlib import Path
from typing import Final

from dirty_equals import IsPartialDict

from imagegen.registry import Registry
from imagegen.settings import Settings
from tests.support.imported import imported, registry_of
from tests.support.service import running

ENDPOINTS: Final = ("fal-ai/flux-2-pro", "fal-ai/ideogram/v3", "openai/gpt-image-2", "fal-ai/birefnet/v2")


def made(folder: Path) -> Registry:
    return registry_of(map(imported, ENDPOINTS), folder)


async def test_imported_models_make_images(own: Settings, tmp_path: Path) -> None:
    registry = await asyncio.to_thread(made, tmp_path)
    models = [model for name, model in registry.models.items() if name.startswith("own-")]

    async with running(own, registry) as service:
        jobs = [(await service.generate({**model.example(), "userId": "user123"})).json() for model in models]

    assert [model.endpoint for model in models] == [*ENDPOINTS]
    assert jobs == [IsPartialDict(status="completed")] * len(ENDPOINTS)
    assert all(job["images"] for job in jobs)
